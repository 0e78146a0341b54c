import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import { isLeft } from 'fp-ts/Either';
import * as t from 'io-ts';
import { type Commit, type FileChange } from './file-change';

/** A line of a history file can't be read. */
export class MalformedHistory extends Error {
  override readonly name = 'MalformedHistory';
}

const Line = t.union([
  t.type({ op: t.literal('upsert'), commit: t.string, path: t.string, mode: t.string, blob: t.string }),
  t.type({ op: t.literal('delete'), commit: t.string, path: t.string }),
]);

/** The history in a file of JSON lines (gzipped if its name ends in `.gz`), one change a line, oldest first. Streamed. */
export async function* fileHistory(file: string): AsyncGenerator<Commit, void, undefined> {
  let current: { readonly commit: string; readonly changes: FileChange[] } | undefined;
  let number = 0;
  for await (const text of linesOf(file)) {
    number++;
    if (text === '') continue;
    const line = Line.decode(parsed(text));
    if (isLeft(line)) throw new MalformedHistory(`${file}, line ${number}: no change { commit, path, op, mode, blob }`);
    const { commit, ...change } = line.right;
    if (commit !== current?.commit) {
      if (current !== undefined) yield current;
      current = { commit, changes: [] };
    }
    current.changes.push(change);
  }
  if (current !== undefined) yield current;
}

async function* linesOf(file: string): AsyncGenerator<string, void, undefined> {
  const bytes = createReadStream(file);
  const text = file.endsWith('.gz') ? bytes.pipe(createGunzip()) : bytes;
  // readline doesn't hear of what goes wrong upstream
  const failed = new Promise<never>((_, reject) => {
    bytes.once('error', reject);
    text.once('error', reject);
  });
  failed.catch(() => undefined);
  const lines = createInterface({ input: text, crlfDelay: Infinity })[Symbol.asyncIterator]();
  try {
    for (;;) {
      const line = await Promise.race([lines.next(), failed]);
      if (line.done === true) return;
      yield line.value;
    }
  } finally {
    bytes.destroy();
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
