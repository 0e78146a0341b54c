import { InvalidConfiguration, type SnapshotChunk } from '@tidemark/core';

/**
 * A snapshot's chunks, tied to its connection. Ending the iteration closes the connection at once, even in mid-read; a second
 * iteration, which would look like an empty snapshot, throws `InvalidConfiguration`.
 */
export function onceOnly(
  chunks: AsyncIterable<SnapshotChunk>,
  connection: { close(): void; abort(reason: unknown): void },
  what: string,
): AsyncIterable<SnapshotChunk> {
  const iterator = chunks[Symbol.asyncIterator]();
  let taken = false;
  const next = async (): Promise<IteratorResult<SnapshotChunk>> => {
    try {
      const step = await iterator.next();
      if (step.done === true) connection.close();
      return step;
    } catch (error) {
      connection.abort(error);
      throw error;
    }
  };
  const end = async (): Promise<IteratorResult<SnapshotChunk>> => {
    connection.abort(new Error('the iteration was ended'));
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
