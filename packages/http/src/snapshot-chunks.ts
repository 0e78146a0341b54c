import { InvalidConfiguration, type SnapshotChunk } from '@tidemark/core';
import { type Deadlines } from './deadlines';

/**
 * A snapshot's chunks, tied to its connection. Ending the iteration closes the connection at once, even in mid-read; a second
 * iteration, which would look like an empty snapshot, throws `InvalidConfiguration`.
 */
export function onceOnly(
  chunks: AsyncIterable<SnapshotChunk>,
  deadlines: Deadlines,
  what: string,
): AsyncIterable<SnapshotChunk> {
  const iterator = chunks[Symbol.asyncIterator]();
  let taken = false;
  const next = async (): Promise<IteratorResult<SnapshotChunk>> => {
    try {
      const step = await iterator.next();
      if (step.done === true) deadlines.close();
      return step;
    } catch (error) {
      deadlines.abort(error);
      throw error;
    }
  };
  const end = async (): Promise<IteratorResult<SnapshotChunk>> => {
    deadlines.abort(new Error('the iteration was ended'));
    await iterator.return?.();
    return { done: true, value: undefined };
  };
  return {
    [Symbol.asyncIterator]() {
      if (taken) throw new InvalidConfiguration(`${what}: a snapshot's chunks can be iterated once; open another one`);
      taken = true;
      return { next, return: end };
    },
  };
}
