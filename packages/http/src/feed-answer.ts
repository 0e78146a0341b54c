import {
  closed,
  type LossReason,
  MalformedPosition,
  type Offset,
  type OffsetOrder,
  type Page,
  type Partition,
  SyncError,
  witnessOf,
} from '@tidemark/core';
import { createHash } from 'node:crypto';
import { feedHeaders } from './feed-headers';
import { messageText } from './feed-message';
import { encodeOffset } from './feed-token';

/** One partition as a stream: under which name its topic is served, and how its offsets compare. */
export interface FeedStream {
  readonly topic: string;
  readonly partition: Partition;
  readonly order: OffsetOrder;
}

/** Header fields as they are put together; `undefined` leaves one out. */
type Fields = Readonly<Record<string, string | undefined>>;

/** A whole page: 200, or 304 when the client has it already. Only live reads have a cursor. */
export function pageAnswer(stream: FeedStream, after: Offset, page: Page, request: Request, cursor?: string): Response {
  const etag = pageTag(stream, after, page);
  const fields = { ...pageFields(stream, page), [feedHeaders.cursor]: cursor, etag, 'cache-control': caching(page) };
  if (isKnown(request, etag)) return answer(304, null, fields);
  return answer(200, arrayText(stream, page), { ...fields, 'content-type': 'application/json' });
}

/** `[]` at the tail, for `offset=now`. */
export function tailAnswer(stream: FeedStream, tail: Offset): Response {
  const fields = pageFields(stream, { records: [], through: tail, atHead: true });
  return answer(200, '[]', { ...fields, 'content-type': 'application/json', 'cache-control': 'no-store' });
}

/** 204: nothing new within a long-poll's time, or nothing any more. */
export function quietAnswer(stream: FeedStream, after: Offset, cursor: string): Response {
  const fields = pageFields(stream, { records: [], through: after, atHead: true });
  return answer(204, null, { ...fields, [feedHeaders.cursor]: cursor, 'cache-control': 'no-store' });
}

/** What HEAD tells of a stream. */
export function headAnswer(stream: FeedStream, head: Offset, epoch: string | undefined): Response {
  const fields = pageFields(stream, { records: [], through: head, atHead: false, epoch });
  return answer(200, null, { ...fields, 'content-type': 'application/json', 'cache-control': 'no-store' });
}

/** A document that isn't a stream, revalidated on each use. */
export function documentAnswer(text: string, request: Request): Response {
  const etag = `"${digest(text)}"`;
  const fields = { etag, 'cache-control': 'private, no-cache' };
  if (isKnown(request, etag)) return answer(304, null, fields);
  return answer(200, text, { ...fields, 'content-type': 'application/json' });
}

/** 404 for what nothing explains; otherwise 410, with the reason in a header. */
export function lostAnswer(reason: LossReason): Response {
  if (reason === 'unknown') return refusal(404, 'no such stream');
  return refusal(410, `the stream can't be read from this offset: ${reason}`, { [feedHeaders.lost]: reason });
}

/** A refusal in one sentence. */
export const refusal = (status: number, why: string, fields: Fields = {}): Response =>
  answer(status, `${why}\n`, { ...fields, 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' });

/** What became of an error: the client's fault, or the log's. Only the client's own are described. */
export function failure(error: unknown): Response {
  if (error instanceof MalformedPosition) return refusal(400, error.message);
  if (error instanceof SyncError && !error.retryable) return refusal(500, `the log failed: ${error.code}`);
  return refusal(503, 'the log is not available now', { 'retry-after': '1' });
}

/** A page's messages as one JSON array. */
export const arrayText = ({ topic, order }: FeedStream, page: Page): string =>
  `[${page.records.map((record) => messageText(topic, order, record)).join(',\n')}]`;

function pageFields({ order }: FeedStream, page: Page): Fields {
  return {
    [feedHeaders.next]: encodeOffset(order, page.through),
    [feedHeaders.upToDate]: page.atHead ? 'true' : undefined,
    [feedHeaders.closed]: page.through === closed ? 'true' : undefined,
    [feedHeaders.epoch]: page.epoch === undefined ? undefined : encodeURIComponent(page.epoch),
    [feedHeaders.witness]: page.witness === undefined ? undefined : encodeURIComponent(page.witness),
    [feedHeaders.lag]: page.lag?.toString(),
  };
}

/** What lies before the head stays as it is; a page that ends there is to be asked for again. */
const caching = (page: Page): string =>
  page.atHead ? 'private, no-cache' : 'private, max-age=60, stale-while-revalidate=300';

/** Names the stream, its history as far as it can be told, both ends, and whether more may come. */
function pageTag({ partition, order }: FeedStream, after: Offset, page: Page): string {
  const last = page.records.at(-1);
  const history = [page.epoch, page.witness, last === undefined ? undefined : witnessOf(last)];
  const id = digest(JSON.stringify([partition.topic, partition.partition, ...history]));
  const ends = `${encodeOffset(order, after)}:${encodeOffset(order, page.through)}`;
  return `"${id}:${ends}${page.atHead ? ':u' : ''}${page.through === closed ? ':c' : ''}"`;
}

const digest = (text: string): string => createHash('sha256').update(text).digest('base64url').slice(0, 22);

function isKnown(request: Request, etag: string): boolean {
  const known = request.headers.get('if-none-match')?.split(',') ?? [];
  return known.some((tag) => ['*', etag].includes(tag.trim().replace(/^W\//, '')));
}

function answer(status: number, body: string | null, fields: Fields): Response {
  const headers = new Headers({ 'x-content-type-options': 'nosniff', 'cross-origin-resource-policy': 'same-origin' });
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) headers.set(name, value);
  return new Response(body, { status, headers });
}
