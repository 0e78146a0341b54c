import { GitFailed, gitPieces } from './git';
import { pathText } from './path-text';

/** What git itself says a commit's tree is, as `path` → `mode blob`: the oracle, for which nothing here is computed. */
export async function lsTree(repo: string, commit: string): Promise<Map<string, string>> {
  const tree = new Map<string, string>();
  for await (const piece of gitPieces(repo, ['ls-tree', '-r', '-z', '--full-tree', commit])) {
    const tab = piece.indexOf('\t');
    const [mode, , blob] = piece.subarray(0, tab).toString('latin1').split(' ');
    if (tab === -1 || mode === undefined || blob === undefined)
      throw new GitFailed(`git ls-tree in ${repo}: an entry of another form than expected`);
    tree.set(pathText(piece.subarray(tab + 1)), `${mode} ${blob}`);
  }
  return tree;
}
