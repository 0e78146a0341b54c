import {
  beginning,
  closed,
  type Description,
  InvalidConfiguration,
  lexical,
  type LossReason,
  type Offset,
  type Page,
  type PagedLog,
  pagedTransport,
  type PagedTransportOptions,
  type Partition,
  type PartitionBounds,
  partitionKey,
  showPartition,
  type Source,
  type Transport,
  TransportFault,
} from '@tidemark/core';
import { type Chunk } from './feed-chunk';
import { coalesced } from './feed-coalesce';
import { foreignRecord } from './feed-foreign-record';
import { Regress } from './feed-regress';
import { type FeedRequestOptions } from './feed-request';
import { type LiveMode, RemoteStream } from './feed-stream';
import { httpClient } from './http-client';
import { shown } from './shown-url';

export interface DurableStreamsOptions<Topic extends string>
  extends FeedRequestOptions, Omit<PagedTransportOptions, 'assignments'> {
  /** Your names for the topics → the URLs of their streams, one partition each, all of one origin. */
  readonly streams: { readonly [T in Topic]: readonly (string | URL)[] };
  /** How to wait for news; default `long-poll`. */
  readonly mode?: LiveMode | undefined;
  /** How long a server may name an earlier offset than the one asked for, in milliseconds; default 30,000. Then it is `ahead`. */
  readonly aheadMs?: number | undefined;
}

/**
 * Follows streams of any Durable Streams server, in its JSON mode. The server tells neither what it is nor whether a stream
 * was created anew, so the source is its origin, and its epochs stay unproven. A partition is called by its URL's path.
 *
 * Throws `InvalidConfiguration` for URLs that can't be followed together, and `IdentityRefused` for a server that isn't the one
 * that it should be (TLS). An outage is retried.
 *
 * @example durableStreams({ streams: { assignments: ['https://streams.example/v1/assignments'] } })
 */
export function durableStreams<const Topic extends string>(options: DurableStreamsOptions<Topic>): Transport<Topic> {
  return pagedTransport(new ForeignLog<Topic>(options), { describeMs: 5_000, ...options });
}

const kind = 'durable-streams';
const maxStreams = 1_000;
/** HEAD requests at a time. */
const width = 16;

interface Listed {
  readonly partition: Partition;
  readonly stream: RemoteStream;
}

class ForeignLog<Topic extends string> implements PagedLog<Topic> {
  readonly kind = kind;
  readonly topics: { readonly [T in Topic]: string };
  readonly describe: (signal: AbortSignal) => Promise<Description>;
  private readonly listed = new Map<string, Listed>();
  private readonly source: Source;
  private readonly regress: Regress;

  constructor(options: DurableStreamsOptions<Topic>) {
    const streams = Object.entries<readonly (string | URL)[]>(options.streams);
    const urls = streams.flatMap(([topic, list]) => list.map((url) => ({ topic, url: streamUrl(url) })));
    const [first] = urls;
    if (first === undefined) throw new InvalidConfiguration('durableStreams: list at least one stream');
    if (urls.length > maxStreams) throw new InvalidConfiguration(`durableStreams: more than ${maxStreams} streams`);
    const requests = { ...options, client: httpClient(first.url, options.tls) };
    for (const { topic, url } of urls) {
      if (url.origin !== first.url.origin)
        throw new InvalidConfiguration(`durableStreams: ${shown(url)} is not of origin ${first.url.origin}`);
      const partition = { topic, partition: url.pathname };
      if (this.listed.has(partitionKey(partition)))
        throw new InvalidConfiguration(`durableStreams: ${shown(url)} is listed twice`);
      const stream = new RemoteStream(url, requests, options.mode ?? 'long-poll');
      this.listed.set(partitionKey(partition), { partition, stream });
    }
    this.topics = Object.fromEntries(streams.map(([topic]) => [topic, topic])) as { readonly [T in Topic]: string };
    this.source = { kind, order: 'lexical', cluster: first.url.origin, epochs: {} };
    this.regress = new Regress('lexical', options.aheadMs ?? 30_000);
    this.describe = coalesced((signal) => this.heads(signal));
  }

  async page(
    partition: Partition,
    after: Offset,
    { wait, signal }: { readonly wait: boolean; readonly signal: AbortSignal },
  ): Promise<Page | { readonly lost: LossReason }> {
    const stream = this.listed.get(partitionKey(partition))?.stream;
    if (stream === undefined) return { lost: 'unknown' };
    const chunk = await stream.read(after === beginning ? '-1' : after, wait, signal);
    if ('lost' in chunk) return chunk;
    const through = lexical(chunk.next);
    if (this.regress.lasts(partition, after, through)) return { lost: 'ahead' };
    if (through === after && chunk.messages.length > 0)
      throw new TransportFault(
        `${showPartition(partition)} after ${after}: messages came, and the offset stands still`,
      );
    return pageOf(through, chunk);
  }

  /** Streams that don't exist (yet) aren't listed. Retention can't be asked for: reading finds out. */
  private async heads(signal: AbortSignal): Promise<Description> {
    const waiting = [...this.listed.values()];
    const partitions: PartitionBounds[] = [];
    const work = async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const head = await next.stream.head(signal);
        if (head !== undefined) partitions.push({ ...next.partition, trimmed: beginning, head: lexical(head.next) });
      }
    };
    await Promise.all(Array.from({ length: width }, work));
    return { source: this.source, partitions };
  }
}

/** Everything of one answer shares one offset; a closed stream that brings nothing more is finished. */
function pageOf(through: Offset, { messages, upToDate, closed: ended, lag }: Chunk): Page {
  if (ended && messages.length === 0) return { records: [], through: closed, atHead: true };
  return { records: messages.map((message) => foreignRecord(message, through)), through, atHead: upToDate, lag };
}

function streamUrl(url: string | URL): URL {
  const parsed = URL.canParse(String(url)) ? new URL(url) : undefined;
  if (parsed === undefined || (parsed.protocol !== 'http:' && parsed.protocol !== 'https:'))
    throw new InvalidConfiguration('durableStreams: a stream is an absolute http or https URL');
  return parsed;
}
