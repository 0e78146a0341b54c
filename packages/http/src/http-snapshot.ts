import {
  InvalidConfiguration,
  type Snapshot,
  type SnapshotChunk,
  SnapshotRejected,
  type SnapshotRequest,
  type SnapshotSource,
  toToken,
  type TpsMeaning,
} from '@tidemark/core';
import { Deadlines } from './deadlines';
import { httpClient, type HttpAnswer, type HttpClient } from './http-client';
import { shown } from './shown-url';
import { bodyOf } from './snapshot-body';
import { onceOnly } from './snapshot-chunks';
import { framesType, notOlderThanHeader, resumeHeader, type StartFrame } from './snapshot-frames';
import { get, type RequestHeaders } from './snapshot-get';
import { type CompleteLimits, type SnapshotLimits, withDefaults } from './snapshot-limits';
import { type PlainRows, readPlain, rowsOfBody } from './snapshot-plain';
import { type PlacedFrame, readFrames } from './snapshot-reader';
import { canonicalScope } from './snapshot-scope';
import { chunkOf, requireSchema, snapshotOf } from './snapshot-start';
import { type ClientTlsSource } from './tls-options';

export interface HttpSnapshotOptions {
  /** Headers of each request, asked for anew every time, so that credentials can be renewed. */
  readonly headers?: RequestHeaders | undefined;
  /** Whom to trust, and as whom to ask; default: Node's authorities, and no certificate. Only for https URLs. */
  readonly tls?: ClientTlsSource | undefined;
  /** The rows' form that is expected; a snapshot of another one, or of none, is refused before its first row. */
  readonly schema?: string | undefined;
  /** The plain form's offsets name the record to read `next` (default, what Kafka clients write) or the `last` one included. */
  readonly tps?: TpsMeaning | undefined;
  /** Finds the rows in the plain form's body. Default: the body is an array of rows, or an object of topic → rows. */
  readonly rowsOf?: ((body: unknown) => PlainRows) | undefined;
  readonly limits?: SnapshotLimits | undefined;
  /** How long to wait for A, for its answer and then for each piece; the caller's own pauses don't count. Default 60,000. */
  readonly idleMs?: number | undefined;
  /** How long the snapshot may take as a whole, the caller's pauses included. Default 3,600,000 (an hour). */
  readonly totalMs?: number | undefined;
}

/** Longer headers are refused by many servers. The floor is a courtesy: whoever asked checks what comes. */
const maxTokenLength = 8_000;

/**
 * Snapshots that another service serves at this URL, as docs/spec/snapshot-protocol.md says, or in the paper's plain form. A
 * scope is sent as the URL's query, and A must echo it.
 *
 * `open` and the iteration of `chunks` throw: `Unavailable` (no connection, 408, 425, 429, 5xx), `SnapshotTooOld` (412),
 * `DeadlineExceeded`, `SnapshotRejected` (`retryable` where the body was cut off or damaged), `IdentityRefused` (TLS),
 * `MalformedPosition`, `InvalidConfiguration`, and the signal's reason when it aborts. Breaking off the iteration closes the connection.
 */
export function httpSnapshot(url: string | URL, options: HttpSnapshotOptions = {}): SnapshotSource {
  const target = targetOf(url);
  const client = httpClient(target, options.tls);
  return { open: (request) => open(client, target, options, request) };
}

function targetOf(url: string | URL): URL {
  if (!URL.canParse(String(url))) throw new InvalidConfiguration('httpSnapshot takes an absolute URL');
  const target = new URL(url);
  if (target.protocol !== 'http:' && target.protocol !== 'https:')
    throw new InvalidConfiguration(`httpSnapshot takes an http: or https: URL, not ${target.protocol}`);
  if (target.username !== '' || target.password !== '')
    throw new InvalidConfiguration('httpSnapshot takes no credentials in the URL; give them by the option `headers`');
  return target;
}

async function open(
  client: HttpClient,
  target: URL,
  options: HttpSnapshotOptions,
  request: SnapshotRequest,
): Promise<Snapshot> {
  const what = `GET ${shown(target)}`;
  const { idleMs = 60_000, totalMs = 3_600_000, tps = 'next', rowsOf = rowsOfBody, schema } = options;
  const limits = withDefaults(options.limits);
  const scope = scopeOf(target, request.scope);
  request.signal.throwIfAborted();
  const deadlines = new Deadlines(request.signal, { idleMs, totalMs }, what);
  try {
    const url = new URL(target);
    url.search = scope ?? '';
    const response = await get(client, url, headersOf(request), options.headers, deadlines);
    const body = bodyOf(response, limits.maxBytes, deadlines, what);
    const form = formOf(response, what);
    const snapshot =
      form === 'plain'
        ? await readPlain(body, { tps, rowsOf }, limits, what)
        : await readStart(readFrames(body, limits, what), limits, what);
    requireSchema(snapshot.schema, schema, what);
    // the plain form can't tell its scope
    const echoed = form === 'plain' ? scope : snapshot.scope;
    if (canonicalScope(echoed) !== scope)
      throw new SnapshotRejected(`${what}: the snapshot isn't of the scope that was asked for`, false);
    if (snapshot.resumed === true && request.resume === undefined)
      throw new SnapshotRejected(`${what}: the snapshot is resumed, which wasn't asked for`, false);
    return { ...snapshot, scope: request.scope ?? scope, chunks: onceOnly(snapshot.chunks, deadlines, what) };
  } catch (error) {
    deadlines.abort(error);
    throw error;
  }
}

function scopeOf(target: URL, asked: string | undefined): string | undefined {
  const own = canonicalScope(target.search);
  const scope = canonicalScope(asked);
  if (own !== undefined && scope !== undefined && own !== scope)
    throw new InvalidConfiguration(
      `${shown(target)} has a query, and a scope was given that differs; give one of them`,
    );
  return scope ?? own;
}

function headersOf({ notOlderThan, resume }: SnapshotRequest): Record<string, string> {
  const headers: Record<string, string> = { accept: `${framesType}, application/json;q=0.5` };
  const token = notOlderThan && toToken(notOlderThan);
  if (token !== undefined && token.length <= maxTokenLength) headers[notOlderThanHeader] = token;
  if (resume !== undefined) headers[resumeHeader] = encodeURIComponent(resume);
  return headers;
}

function formOf({ headers }: HttpAnswer, what: string): 'frames' | 'plain' {
  const encoding = headers.get('content-encoding') ?? 'identity';
  if (encoding !== 'gzip' && encoding !== 'identity')
    throw new SnapshotRejected(`${what}: an encoding that wasn't asked for; gzip is`, false);
  const type = headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase();
  if (type === framesType || type === 'application/octet-stream') return 'frames';
  if (type === 'application/json') return 'plain';
  throw new SnapshotRejected(
    `${what}: not a snapshot's content type, which is ${framesType} or application/json`,
    false,
  );
}

async function readStart(
  frames: AsyncGenerator<PlacedFrame, void, undefined>,
  limits: CompleteLimits,
  what: string,
): Promise<Snapshot> {
  const { value: first } = await frames.next();
  // the reader begins with a start frame or throws
  const start = (first as PlacedFrame).frame as StartFrame;
  return { ...snapshotOf(start, limits, what), chunks: chunksOf(frames) };
}

async function* chunksOf(frames: AsyncIterable<PlacedFrame>): AsyncGenerator<SnapshotChunk, void, undefined> {
  for await (const { frame } of frames) if (frame.type === 'rows') yield chunkOf(frame);
}
