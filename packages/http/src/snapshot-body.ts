import { orAborted, SnapshotRejected } from '@tidemark/core';
import { type Deadlines } from './deadlines';
import { type HttpAnswer } from './http-client';
import { codeOf } from './snapshot-get';

/**
 * A response's body, decompressed, piece by piece: what isn't pulled stays in the socket. Aborting the deadlines closes the
 * connection. Throws their reason, or `SnapshotRejected`: retryable where the connection broke.
 */
export async function* bodyOf(
  { body }: HttpAnswer,
  maxBytes: number,
  deadlines: Deadlines,
  what: string,
): AsyncGenerator<Buffer, void, undefined> {
  const pieces = body[Symbol.asyncIterator]() as AsyncIterator<Buffer, undefined>;
  let bytes = 0;
  const read = async () => {
    deadlines.signal.throwIfAborted();
    deadlines.touch();
    try {
      return await orAborted(pieces.next(), deadlines.signal);
    } catch (cause) {
      deadlines.signal.throwIfAborted();
      const message = `${what}: the connection broke, or its compression is damaged, after ${bytes} bytes`;
      throw new SnapshotRejected(`${message} (${codeOf(cause)})`, true, {
        cause,
        damaged: codeOf(cause) === 'Z_DATA_ERROR',
      });
    } finally {
      deadlines.rest();
    }
  };
  for (let piece = await read(); piece.done !== true; piece = await read()) {
    bytes += piece.value.length;
    if (bytes > maxBytes)
      throw new SnapshotRejected(`${what}: more decompressed bytes than limits.maxBytes, ${maxBytes}`, false);
    yield piece.value;
  }
}
