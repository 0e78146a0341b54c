import { SnapshotRejected } from '@tidemark/core';

/** The lines of a body, each with its newline. A last one without is a body cut off: `SnapshotRejected`, retryable. */
export async function* linesOf(
  body: AsyncIterable<Buffer>,
  maxBytes: number,
  what: string,
): AsyncGenerator<Buffer, void, undefined> {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  for await (const chunk of body) {
    let from = 0;
    for (let newline = chunk.indexOf(10); newline !== -1; newline = chunk.indexOf(10, from)) {
      const rest = chunk.subarray(from, newline + 1);
      from = newline + 1;
      if (pendingBytes + rest.length > maxBytes) throw tooLong(maxBytes, what);
      yield pending.length === 0 ? rest : Buffer.concat([...pending, rest]);
      pending = [];
      pendingBytes = 0;
    }
    if (from === chunk.length) continue;
    pending.push(chunk.subarray(from));
    pendingBytes += chunk.length - from;
    if (pendingBytes > maxBytes) throw tooLong(maxBytes, what);
  }
  if (pendingBytes > 0) throw new SnapshotRejected(`${what}: the body was cut off in the middle of a frame`, true);
}

const tooLong = (maxBytes: number, what: string) =>
  new SnapshotRejected(`${what}: a frame is longer than limits.maxFrameBytes, ${maxBytes}`, false);
