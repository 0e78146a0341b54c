import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { SnapshotRejected } from '@tidemark/core';
import { type EndFrame, parseFrame, type RowsFrame, type StartFrame } from './snapshot-frames';
import { type CompleteLimits } from './snapshot-limits';
import { linesOf } from './snapshot-lines';

/** Where a frame ends: bytes and rows of the body through it. */
export interface FramePlace {
  readonly bytes: number;
  readonly rows: number;
}

export interface PlacedFrame {
  readonly frame: StartFrame | RowsFrame;
  readonly place: FramePlace;
}

/**
 * The frames of a body: `start` first, then `rows`; those through the place that `from` tells are left out. Ends only when
 * `end` was there, nothing came after it, and count and digest of the whole are right; throws `SnapshotRejected` otherwise:
 * retryable where the body was cut off or damaged, not where it was never a snapshot.
 */
export async function* readFrames(
  body: AsyncIterable<Buffer>,
  limits: CompleteLimits,
  what: string,
  from: (start: StartFrame) => FramePlace | undefined = () => undefined,
): AsyncGenerator<PlacedFrame, void, undefined> {
  const digest = createHash('sha256');
  let [frames, bytes, rows] = [0, 0, 0];
  let start: StartFrame | undefined;
  let skip: FramePlace | undefined;
  let ended = false;
  for await (const line of linesOf(body, limits.maxFrameBytes, what)) {
    const where = `${what}: frame ${++frames}, at byte ${bytes}`;
    bytes += line.length;
    if (skip !== undefined && bytes <= skip.bytes) {
      digest.update(line);
      if (bytes < skip.bytes) continue;
      rows = skip.rows;
      skip = undefined;
      continue;
    }
    if (skip !== undefined) throw noSuchPlace(what);
    if (ended) throw new SnapshotRejected(`${where}: the snapshot had ended before`, false);
    if (!isUtf8(line)) throw new SnapshotRejected(`${where}: not UTF-8`, false);
    const frame = parseFrame(line.toString('utf8'), where);
    if ((frame.type === 'start') !== (start === undefined))
      throw new SnapshotRejected(`${where}: "start" is the first frame, and only the first`, false);
    if (frame.type === 'end') {
      checkEnd(frame, rows, start, digest.digest('hex'), what);
      ended = true;
      continue;
    }
    digest.update(line);
    if (frame.type === 'start') {
      start = frame;
      skip = from(frame);
    } else rows += frame.rows.length;
    if (rows > limits.maxRows)
      throw new SnapshotRejected(`${where}: more rows than limits.maxRows, ${limits.maxRows}`, false);
    yield { frame, place: { bytes, rows } };
  }
  if (skip !== undefined) throw noSuchPlace(what);
  if (!ended)
    throw new SnapshotRejected(`${what}: cut off after ${frames} frames, ${rows} rows and ${bytes} bytes`, true);
}

const noSuchPlace = (what: string) =>
  new SnapshotRejected(`${what}: no frame ends where it should be gone on with`, true, { damaged: true });

/** What came can't be trusted: nobody may go on with it. */
const damaged = { damaged: true };

function checkEnd(end: EndFrame, rows: number, start: StartFrame | undefined, digest: string, what: string): void {
  if (end.rows !== rows) throw new SnapshotRejected(`${what}: ${rows} rows came, A sent ${end.rows}`, true, damaged);
  if (end.digest !== digest)
    throw new SnapshotRejected(`${what}: damaged on the way: the digest differs`, true, damaged);
  const { count, resumed } = start ?? {};
  if (count !== undefined && resumed !== true && count !== rows)
    throw new SnapshotRejected(`${what}: ${count} rows were announced, ${rows} came`, true, damaged);
}
