import { InvalidConfiguration } from '@tidemark/core';
import { deserialize, serialize } from 'node:v8';
import { type Statements } from './statements';

/** Changes a chunk, at most. */
const chunkSize = 500;

/**
 * Staged changes, in order, in `tidemark_staged`; serialised by `node:v8`, so `Uint8Array`, `bigint`, `Date`, `Map` and `Set`
 * come back as they were (classes lose their prototype).
 */
export class Staging {
  constructor(
    private readonly statements: Statements,
    private readonly owner: string,
  ) {}

  /** Adds the changes after the first `staged` ones; answers how many there are then. */
  add(staged: number, chunks: readonly StagedChunk[]): number {
    let seq = staged;
    for (const { size, changes } of chunks) {
      const sql = 'insert into tidemark_staged (owner, seq, size, changes) values (?, ?, ?, ?)';
      this.statements.run(sql, this.owner, seq, size, changes);
      seq += size;
    }
    return seq;
  }

  count(): number {
    const sql = 'select coalesce(sum(size), 0) as staged from tidemark_staged where owner = ?';
    return (this.statements.get(sql, this.owner) as { staged: number }).staged;
  }

  /** Drops everything after the first `keep` changes. */
  drop(keep = 0): void {
    this.statements.run('delete from tidemark_staged where owner = ? and seq >= ?', this.owner, keep);
  }

  /** Every staged change, oldest first. No statement stays open between chunks: whoever consumes may do anything. */
  *[Symbol.iterator](): Generator<unknown, void, undefined> {
    const sql = 'select seq, changes from tidemark_staged where owner = ? and seq > ? order by seq limit 1';
    for (let seq = -1; ;) {
      const chunk = this.statements.get(sql, this.owner, seq) as { seq: number; changes: Uint8Array } | undefined;
      if (chunk === undefined) return;
      seq = chunk.seq;
      yield* deserialize(chunk.changes) as unknown[];
    }
  }
}

export interface StagedChunk {
  readonly size: number;
  readonly changes: Uint8Array;
}

/** Changes as they are staged. Throws {@link InvalidConfiguration} for what can't be serialised (functions, symbols). */
export function stagedChunks(changes: readonly unknown[]): StagedChunk[] {
  const chunks: StagedChunk[] = [];
  for (let i = 0; i < changes.length; i += chunkSize) {
    const chunk = changes.slice(i, i + chunkSize);
    chunks.push({ size: chunk.length, changes: serialized(chunk) });
  }
  return chunks;
}

function serialized(chunk: readonly unknown[]): Uint8Array {
  try {
    return serialize(chunk);
  } catch (cause) {
    throw new InvalidConfiguration('a staged message holds something that node:v8 cannot serialise', { cause });
  }
}
