import { orAborted, SnapshotRejected } from '@tidemark/core';
import { type Deadlines } from './deadlines';
import { codeOf } from './snapshot-get';

/**
 * A response's body, decompressed, piece by piece: what isn't pulled stays in the socket. Aborting the deadlines closes the
 * connection. Throws their reason, or `SnapshotRejected`: retryable where the connection broke.
 */
export async function* bodyOf(
  response: Response,
  maxBytes: number,
  deadlines: Deadlines,
  what: string,
): AsyncGenerator<Buffer, void, undefined> {
  if (response.body === null) return;
  const reader = response.body.getReader() as ReadableStreamDefaultReader<Uint8Array>;
  let bytes = 0;
  const read = async () => {
    deadlines.signal.throwIfAborted();
    deadlines.touch();
    try {
      return await orAborted(reader.read(), deadlines.signal);
    } catch (cause) {
      deadlines.signal.throwIfAborted();
      const message = `${what}: the connection broke, or its compression is damaged, after ${bytes} bytes`;
      throw new SnapshotRejected(`${message} (${codeOf(cause)})`, true, { cause });
    } finally {
      deadlines.rest();
    }
  };
  for (let piece = await read(); !piece.done; piece = await read()) {
    bytes += piece.value.length;
    if (bytes > maxBytes)
      throw new SnapshotRejected(`${what}: more decompressed bytes than limits.maxBytes, ${maxBytes}`, false);
    yield Buffer.from(piece.value.buffer, piece.value.byteOffset, piece.value.byteLength);
  }
}
