import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

const textOf = (file: string): string => {
  const bytes = readFileSync(file);
  return (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
};

const linesOf = (file: string): string[] =>
  textOf(file)
    .split('\n')
    .filter((line) => line !== '');

/** The fold of a history's lines over a map `path` → `mode blob`, computed without any of the example's code. */
export async function foldedHistory(file: string): Promise<Map<string, string>> {
  const tree = new Map<string, string>();
  for (const line of linesOf(file)) {
    const change = JSON.parse(line) as { path: string; op: string; mode: string; blob: string };
    if (change.op === 'delete') tree.delete(change.path);
    else tree.set(change.path, `${change.mode} ${change.blob}`);
  }
  return tree;
}

/** `x-tree.txt` beside `x-history.ndjson`, each gzipped or not: the tree that git listed at the history's last commit. */
export const treeFileOf = (file: string): string | undefined =>
  /-history\.ndjson(\.gz)?$/.test(file) ? file.replace(/-history\.ndjson(\.gz)?$/, '-tree.txt$1') : undefined;

/** What `git ls-tree -r` printed: mode, type, blob, tab, path. */
export function listedTree(file: string): Map<string, string> {
  return new Map(
    linesOf(file).map((line) => {
      const [meta = '', path = ''] = line.split('\t');
      const [mode, , blob] = meta.split(' ');
      return [path, `${mode ?? ''} ${blob ?? ''}`];
    }),
  );
}
