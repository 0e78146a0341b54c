import { setImmediate as turn } from 'node:timers/promises';
import { type Commit, type History } from './file-change';

/** Changes a transaction, at most: bigger commits are written in parts. */
const maxChanges = 500;

/** How many changes a history has. */
export async function countChanges(history: History): Promise<number> {
  let total = 0;
  for await (const { changes } of history) total += changes.length;
  return total;
}

/** Plays a history, as far as it is told to: commit by commit, or part by part where it is short or a commit is big. */
export class Replay {
  private written = 0;
  private readonly parts: AsyncIterator<Commit, void>;

  constructor(
    history: History,
    total: number,
    private readonly apply: (part: Commit) => void,
  ) {
    this.parts = partsOf(history, Math.min(maxChanges, Math.ceil(total / 50)));
  }

  /** Until this many changes are written in all, or the end; answers how many are. */
  async play(upTo: number, onWritten: (written: number) => void): Promise<number> {
    while (this.written < upTo) {
      const part = await this.parts.next();
      if (part.done === true) break;
      this.apply(part.value);
      this.written += part.value.changes.length;
      onWritten(this.written);
      await turn(); // others are served meanwhile
    }
    return this.written;
  }
}

async function* partsOf(history: History, size: number): AsyncGenerator<Commit, void, undefined> {
  for await (const { commit, changes } of history)
    for (let from = 0; from < changes.length; from += size) yield { commit, changes: changes.slice(from, from + size) };
}
