import { type Commit, type FileChange } from './file-change';
import { GitFailed, gitPieces } from './git';
import { pathText } from './path-text';

const logArguments = [
  ...[
    'log',
    '--first-parent',
    '--diff-merges=first-parent',
    '--root',
    '--reverse',
    '--no-show-signature',
    '--no-color',
  ],
  ...['--raw', '--no-abbrev', '--no-renames', '--ignore-submodules=none', '--no-ext-diff', '--no-relative', '-z'],
  '--format=%H',
];

/** The history of a repository up to a commit: the first parents, oldest first. Streamed: one commit is in memory at a time. */
export async function* gitHistory(repo: string, commit: string): AsyncGenerator<Commit, void, undefined> {
  let current: { readonly commit: string; readonly changes: FileChange[] } | undefined;
  const pieces = gitPieces(repo, [...logArguments, '--end-of-options', commit, '--']);
  for await (const piece of pieces) {
    const text = piece.toString('latin1').trimStart();
    if (/^[0-9a-f]{40,64}$/.test(text)) {
      if (current !== undefined) yield current;
      current = { commit: text, changes: [] };
    } else if (text.startsWith(':') && current !== undefined) {
      const path = await pieces.next();
      if (path.done === true) throw new GitFailed(`git log in ${repo}: a change without its path`);
      current.changes.push(changeOf(text, pathText(path.value)));
    } else if (text !== '') throw new GitFailed(`git log in ${repo}: neither a commit nor a change`);
  }
  if (current !== undefined) yield current;
}

/** `:100644 100755 <id before> <id after> M` */
function changeOf(raw: string, path: string): FileChange {
  const [, mode, , blob, status] = raw.split(' ');
  if (mode === undefined || blob === undefined || status === undefined)
    throw new GitFailed('git log: a change of another form than expected');
  return status === 'D' ? { op: 'delete', path } : { op: 'upsert', path, mode, blob };
}
