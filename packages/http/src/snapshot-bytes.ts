import {
  orAborted,
  type Snapshot,
  SnapshotRejected,
  type SnapshotRequest,
  type SnapshotSource,
  SyncError,
  Unavailable,
} from '@tidemark/core';
import { onceOnly } from './snapshot-chunks';
import { requireNotOlder } from './snapshot-floor';
import { type StartFrame } from './snapshot-frames';
import { type CompleteLimits, type SnapshotLimits, withDefaults } from './snapshot-limits';
import { type FramePlace, type PlacedFrame, readFrames } from './snapshot-reader';
import { canonicalScope } from './snapshot-scope';
import { chunkOf, requireSchema, snapshotOf } from './snapshot-start';

export interface BytesSnapshotOptions {
  /** The rows' form that is expected; a snapshot of another one, or of none, is refused before its first row. */
  readonly schema?: string | undefined;
  readonly limits?: SnapshotLimits | undefined;
}

/** Opens the bytes of a snapshot's frames from the first one on; `signal` ends them, also while nobody reads. */
export type OpenBytes = (request: {
  readonly scope: string | undefined;
  readonly signal: AbortSignal;
}) => AsyncIterable<Uint8Array> | Promise<AsyncIterable<Uint8Array>>;

/**
 * A snapshot that lies somewhere as the frames of docs/spec/snapshot-protocol.md, an object of an object store for instance. It
 * can be gone on with: the bytes before the token are read again and count for the digest, but their rows aren't handed out.
 *
 * `open` and the iteration throw: `Unavailable` (the bytes can't be had), `SnapshotTooOld`, `SnapshotRejected` (`retryable` where
 * they are cut off or damaged), `MalformedPosition`, and the signal's reason when it aborts.
 *
 * @example bytesSnapshot(async ({ signal }) => (await bucket.get('assignments.ndjson', { signal })).body)
 */
export function bytesSnapshot(open: OpenBytes, options: BytesSnapshotOptions = {}): SnapshotSource {
  return snapshotOfBytes(open, options, () => 'a stored snapshot');
}

/** `whatOf` begins each message. */
export function snapshotOfBytes(
  open: OpenBytes,
  options: BytesSnapshotOptions,
  whatOf: (scope: string | undefined) => string,
): SnapshotSource {
  return { open: (request) => opened(open, options, request, whatOf(request.scope)) };
}

async function opened(
  open: OpenBytes,
  { schema, limits: given }: BytesSnapshotOptions,
  request: SnapshotRequest,
  what: string,
): Promise<Snapshot> {
  const { scope, notOlderThan, resume } = request;
  const life = new AbortController();
  const signal = AbortSignal.any([request.signal, life.signal]);
  const limits = withDefaults(given);
  try {
    signal.throwIfAborted();
    const body = bytesOf(() => open({ scope, signal }), limits, signal, what);
    const frames = readFrames(body, limits, what, (start) => placeIn(start, resume));
    const { value: first } = await frames.next();
    // the reader begins with a start frame or throws
    const start = (first as PlacedFrame).frame as StartFrame;
    const snapshot = snapshotOf(start, limits, what);
    if (snapshot.resumed === true)
      throw new SnapshotRejected(`${what}: only the rest of a snapshot was stored; store a whole one`, false);
    requireSchema(snapshot.schema, schema, what);
    if (canonicalScope(snapshot.scope) !== canonicalScope(scope))
      throw new SnapshotRejected(`${what}: it isn't of the scope that was asked for`, false);
    requireNotOlder(snapshot.position, notOlderThan);
    const ends = { close: () => undefined, abort: (reason: unknown) => life.abort(reason) };
    const resumed = placeIn(start, resume) !== undefined;
    return { ...snapshot, scope, resumed, chunks: onceOnly(chunksOf(frames, start.id), ends, what) };
  } catch (error) {
    life.abort(error);
    throw error;
  }
}

async function* chunksOf(frames: AsyncIterable<PlacedFrame>, id: string) {
  for await (const { frame, place } of frames)
    if (frame.type === 'rows') yield { ...chunkOf(frame), token: `${place.bytes}:${place.rows}:${id}` };
}

/** The place of a token of ours, if it is one of this snapshot. */
function placeIn({ id }: StartFrame, token: string | undefined): FramePlace | undefined {
  const [, bytes, rows, of] = /^(\d{1,15}):(\d{1,15}):(.*)$/s.exec(token ?? '') ?? [];
  return of === id ? { bytes: Number(bytes), rows: Number(rows) } : undefined;
}

async function* bytesOf(
  open: () => ReturnType<OpenBytes>,
  { maxBytes }: CompleteLimits,
  signal: AbortSignal,
  what: string,
): AsyncGenerator<Buffer, void, undefined> {
  const within = async <T>(work: () => Promise<T> | T): Promise<T> => {
    signal.throwIfAborted();
    try {
      return await orAborted((async () => work())(), signal);
    } catch (cause) {
      signal.throwIfAborted();
      if (cause instanceof SyncError) throw cause;
      const { code } = Object(cause) as { code?: unknown };
      throw new Unavailable(`${what}: it can't be read${typeof code === 'string' ? ` (${code})` : ''}`, { cause });
    }
  };
  const pieces = (await within(open))[Symbol.asyncIterator]();
  let bytes = 0;
  try {
    for (;;) {
      const piece = await within(() => pieces.next());
      if (piece.done === true) return;
      const { buffer, byteOffset, byteLength } = piece.value;
      bytes += byteLength;
      if (bytes > maxBytes) throw new SnapshotRejected(`${what}: more bytes than limits.maxBytes, ${maxBytes}`, false);
      yield Buffer.from(buffer, byteOffset, byteLength);
    }
  } finally {
    pieces.return?.().catch(() => undefined); // not awaited: bytes that hang mustn't hold us
  }
}
