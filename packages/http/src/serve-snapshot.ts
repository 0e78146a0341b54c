import {
  fromToken,
  orAborted,
  type Snapshot,
  SnapshotRejected,
  type SnapshotRequest,
  type SnapshotSource,
} from '@tidemark/core';
import { Deadlines } from './deadlines';
import { type HttpHandler, httpHandler } from './http-handler';
import { requireNotOlder } from './snapshot-floor';
import { framesType, notOlderThanHeader, resumeHeader } from './snapshot-frames';
import { acceptsGzip, gzipped } from './snapshot-gzip';
import { problemResponse, refusal } from './snapshot-problem';
import { canonicalScope } from './snapshot-scope';
import { writeSnapshot } from './snapshot-writer';

export interface ServeSnapshotOptions {
  /** A name for the rows' form, sent to the client; default: what the source says. */
  readonly schema?: string | undefined;
  /** A snapshot ends after this time without progress: of the source, or of a client that doesn't read. Default 60,000. */
  readonly idleMs?: number | undefined;
  /** A snapshot ends after this time, so that it can't pin the database's log for ever. Default 3,600,000 (an hour). */
  readonly totalMs?: number | undefined;
  /** Told of each failure whose cause the client isn't told: a 5xx, or a snapshot cut off. For logging; it must not throw. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/**
 * Serves snapshots as docs/spec/snapshot-protocol.md says. The URL's query is the scope, whatever the path. One chunk is read
 * ahead, so what goes wrong up to the first rows becomes a status; what goes wrong later cuts the body, and the client sees
 * that by the missing end. When the client goes away, the source's signal aborts and its iteration is ended.
 */
export function serveSnapshot(source: SnapshotSource, options: ServeSnapshotOptions = {}): HttpHandler {
  return httpHandler(async (request) => {
    if (request.method !== 'GET')
      return problemResponse({ status: 405, title: 'only GET is served', code: 'METHOD' }, { allow: 'GET' });
    const { idleMs = 60_000, totalMs = 3_600_000 } = options;
    const deadlines = new Deadlines(request.signal, { idleMs, totalMs }, 'the snapshot');
    try {
      deadlines.touch();
      const asked = askedOf(request);
      const snapshot = await openWithin(source, { ...asked, signal: deadlines.signal });
      const chunks = snapshot.chunks[Symbol.asyncIterator]();
      onAbort(deadlines.signal, () => chunks.return?.());
      requireNotOlder(snapshot.position, asked.notOlderThan);
      const frames = writeSnapshot(snapshot, chunks, options.schema, deadlines.signal);
      const first = [await frames.next(), await frames.next()].flatMap(({ value }) => value ?? []);
      const gzip = acceptsGzip(request.headers.get('accept-encoding'));
      const parts = gzip ? gzipped(concat(first, frames)) : concat(first, frames);
      const body = bodyOf(parts, deadlines, (error) => {
        if (!request.signal.aborted) options.onError?.(error);
      });
      return new Response(body, {
        headers: {
          'content-type': framesType,
          'cache-control': 'no-store',
          vary: 'accept-encoding',
          ...(gzip ? { 'content-encoding': 'gzip' } : {}),
        },
      });
    } catch (error) {
      deadlines.abort(error);
      const response = refusal(error);
      if (response.status >= 500 && !request.signal.aborted) options.onError?.(error);
      return response;
    }
  });
}

/** Throws `MalformedPosition` or `SnapshotRejected`, which become a 400. */
function askedOf(request: Request): Omit<SnapshotRequest, 'signal'> {
  const floor = request.headers.get(notOlderThanHeader);
  return {
    scope: canonicalScope(new URL(request.url).search),
    notOlderThan: floor === null ? undefined : fromToken(floor),
    resume: resumeOf(request.headers.get(resumeHeader)),
  };
}

function resumeOf(header: string | null): string | undefined {
  if (header === null) return undefined;
  try {
    return decodeURIComponent(header);
  } catch {
    throw new SnapshotRejected(`the header ${resumeHeader} isn't percent-encoded text`, false);
  }
}

/** A snapshot that opens only after the deadline is ended by itself. */
async function openWithin(source: SnapshotSource, request: SnapshotRequest): Promise<Snapshot> {
  request.signal.throwIfAborted();
  const opening = source.open(request);
  try {
    return await orAborted(opening, request.signal);
  } catch (error) {
    opening.then((late) => late.chunks[Symbol.asyncIterator]().return?.()).catch(() => undefined);
    throw error;
  }
}

async function* concat(first: readonly Buffer[], rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  yield* first;
  yield* rest;
}

/** Nothing is produced before it is asked for. Any end but the regular one aborts the deadlines, and they everything else. */
function bodyOf(
  parts: AsyncGenerator<Buffer, void, undefined>,
  deadlines: Deadlines,
  onCut: (error: unknown) => void,
): ReadableStream<Uint8Array> {
  const { signal } = deadlines;
  let wanted = true;
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        onAbort(signal, () => {
          if (wanted) onCut(signal.reason);
          controller.error(signal.reason);
          return parts.return();
        });
      },
      async pull(controller) {
        deadlines.touch();
        try {
          const part = await parts.next();
          if (signal.aborted) return;
          deadlines.touch();
          if (part.done !== true) {
            controller.enqueue(part.value);
            return;
          }
          deadlines.close();
          controller.close();
        } catch (error) {
          deadlines.abort(error);
        }
      },
      cancel(reason) {
        wanted = false;
        deadlines.abort(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

function onAbort(signal: AbortSignal, end: () => Promise<unknown> | undefined): void {
  const endQuietly = async () => {
    try {
      await end();
    } catch {
      // what is being given up may fail while it ends
    }
  };
  signal.addEventListener('abort', () => void endQuietly(), { once: true });
}
