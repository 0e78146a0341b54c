import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { foldedHistory, listedTree, treeFileOf } from '../src/history-oracle';

let dir: string;
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'tidemark-oracle-'))));
afterEach(() => rmSync(dir, { recursive: true }));

it('folds a history, and reads the listing beside it', async () => {
  const history = join(dir, 'x-history.ndjson.gz');
  const change = (path: string, blob?: string) =>
    JSON.stringify({ commit: 'c', path, ...(blob ? { op: 'upsert', mode: '100644', blob } : { op: 'delete' }) });
  writeFileSync(history, gzipSync([change('a', '1'), change('b c', '2'), change('a'), change('b c', '3')].join('\n')));
  expect(await foldedHistory(history)).toEqual(new Map([['b c', '100644 3']]));
  const listing = treeFileOf(history)!;
  expect(listing).toBe(join(dir, 'x-tree.txt.gz'));
  expect(existsSync(listing)).toBe(false);
  writeFileSync(listing, gzipSync('100644 blob 3\tb c\n'));
  expect(listedTree(listing)).toEqual(await foldedHistory(history));
});

it('knows where a listing would be', () => {
  expect(treeFileOf('d/x-history.ndjson')).toBe('d/x-tree.txt');
  expect(treeFileOf('d/history.ndjson')).toBeUndefined();
});
