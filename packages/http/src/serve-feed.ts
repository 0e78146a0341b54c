import { closed, type Description, epochOf, type Offset, type PagedLog, samePartition } from '@tidemark/core';
import {
  documentAnswer,
  failure,
  type FeedStream,
  headAnswer,
  lostAnswer,
  pageAnswer,
  quietAnswer,
  refusal,
  tailAnswer,
} from './feed-answer';
import { cursorAfter } from './feed-cursor';
import { eventsAnswer } from './feed-events';
import { manifestText } from './feed-manifest';
import { nameOf } from './feed-path';
import { decodeOffset } from './feed-token';
import { type FeedLog, pageWhenThere, within } from './feed-wait';
import { type HttpHandler, httpHandler } from './http-handler';

export interface ServeFeedOptions {
  /** How long a long-poll is held while there is nothing new, in milliseconds; default 20,000. */
  readonly longPollMs?: number | undefined;
  /** How long one SSE answer lasts before the client has to ask anew, in milliseconds; default 60,000. */
  readonly eventsMs?: number | undefined;
}

/**
 * Serves a log's topics for reading, by the read path of the Durable Streams protocol: `<base>/<topic>/<partition>` is one
 * stream, `<base>/` the manifest. It takes any base path, and leaves authentication to whoever mounts it. `httpFeed` is the
 * client; any other client of that protocol can read the streams too. The format: docs/spec/feed.md.
 *
 * @example
 * const feed = serveFeed(log);
 * createServer((req, res) => feed.node(req, res));
 */
export function serveFeed<Topic extends string>(log: PagedLog<Topic>, options: ServeFeedOptions = {}): HttpHandler {
  const feed = new Feed(log, options.longPollMs ?? 20_000, options.eventsMs ?? 60_000);
  return httpHandler((request) => feed.answer(request));
}

class Feed {
  /** Application's name → log's name. */
  private readonly topics: ReadonlyMap<string, string>;
  private description: Description | undefined;

  constructor(
    private readonly log: FeedLog,
    private readonly longPollMs: number,
    private readonly eventsMs: number,
  ) {
    this.topics = new Map(Object.entries(log.topics));
  }

  async answer(request: Request): Promise<Response> {
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return refusal(405, 'a feed is read only', { allow: 'GET, HEAD' });
    try {
      const { pathname, searchParams } = new URL(request.url);
      if (pathname.endsWith('/'))
        return documentAnswer(manifestText(this.log.topics, await this.describe(request.signal)), request);
      const stream = await this.streamAt(pathname, request.signal);
      if (stream === undefined)
        return refusal(404, 'no such stream; the manifest is at the base URL, which ends with /');
      return request.method === 'HEAD'
        ? await this.head(stream, request)
        : await this.read(stream, searchParams, request);
    } catch (error) {
      return failure(error);
    }
  }

  private async describe(signal: AbortSignal): Promise<Description> {
    return (this.description = await this.log.describe(signal));
  }

  /** The stream of the last two segments. A log is described anew only for a partition not seen yet. */
  private async streamAt(pathname: string, signal: AbortSignal): Promise<FeedStream | undefined> {
    const [topic, partitionName] = pathname.split('/').slice(-2).map(nameOf);
    const name = this.topics.get(topic ?? '');
    if (topic === undefined || partitionName === undefined || name === undefined) return undefined;
    const partition = { topic: name, partition: partitionName };
    const has = ({ partitions }: Description) => partitions.some((p) => samePartition(p, partition));
    const known =
      this.description !== undefined && has(this.description) ? this.description : await this.describe(signal);
    return has(known) ? { topic, partition, order: known.source.order } : undefined;
  }

  private async head(stream: FeedStream, { signal }: Request): Promise<Response> {
    const { source, partitions } = await this.describe(signal);
    const bounds = partitions.find((p) => samePartition(p, stream.partition));
    if (bounds === undefined) return lostAnswer('unknown');
    return headAnswer(stream, bounds.head, epochOf(source, stream.partition.topic));
  }

  private async read(stream: FeedStream, query: URLSearchParams, request: Request): Promise<Response> {
    const { signal } = request;
    const [offset, ...more] = query.getAll('offset');
    const live = query.get('live');
    if (live !== null && live !== 'long-poll' && live !== 'sse') return refusal(400, 'live is long-poll or sse');
    if (more.length > 0 || (live !== null && offset === undefined)) return refusal(400, 'give one offset');
    const after = await this.afterOf(stream, offset ?? '-1', signal);
    if (after === undefined) return lostAnswer('unknown');
    const cursor = () => cursorAfter(query.get('cursor'), Date.now(), Math.random);

    if (offset === 'now' && live === null) return tailAnswer(stream, after);
    if (live === 'long-poll') return this.longPoll(stream, after, request, cursor());
    const { log, eventsMs } = this;
    const page =
      after === closed || offset === 'now'
        ? { records: [], through: after, atHead: true }
        : await log.page(stream.partition, after, { wait: false, signal });
    if ('lost' in page) return lostAnswer(page.lost);
    if (live === 'sse') return eventsAnswer({ log, stream, first: page, eventsMs, cursor, signal });
    return pageAnswer(stream, after, page, request);
  }

  private async longPoll(stream: FeedStream, after: Offset, request: Request, cursor: string): Promise<Response> {
    if (after === closed) return quietAnswer(stream, after, cursor);
    const page = await within(this.longPollMs, request.signal, (signal) =>
      pageWhenThere(this.log, stream.partition, after, signal),
    );
    if (page === undefined) return quietAnswer(stream, after, cursor);
    return 'lost' in page ? lostAnswer(page.lost) : pageAnswer(stream, after, page, request, cursor);
  }

  /** What was asked for; `now` is the head. `undefined` if the partition has gone meanwhile. */
  private async afterOf(stream: FeedStream, token: string, signal: AbortSignal): Promise<Offset | undefined> {
    if (token !== 'now') return decodeOffset(stream.order, token);
    const { partitions } = await this.describe(signal);
    return partitions.find((p) => samePartition(p, stream.partition))?.head;
  }
}
