import {
  compareOffsets,
  type Description,
  InvalidConfiguration,
  type LogRecord,
  type LossReason,
  type Offset,
  type Page,
  type PagedLog,
  pagedTransport,
  type PagedTransportOptions,
  type Partition,
  partitionKey,
  showPartition,
  type Source,
  SyncError,
  type TopicOf,
  type Topics,
  type Transport,
  TransportFault,
  Unavailable,
} from '@tidemark/core';
import { type Chunk, jsonOf } from './feed-chunk';
import { coalesced } from './feed-coalesce';
import { type FeedManifest, parseManifest } from './feed-manifest';
import { recordOf } from './feed-message';
import { segmentOf } from './feed-path';
import { type FeedRequestOptions, type FeedRequests, refused, request, whole } from './feed-request';
import { type LiveMode, RemoteStream } from './feed-stream';
import { decodeOffset, encodeOffset } from './feed-token';
import { httpClient } from './http-client';
import { shown } from './shown-url';

export interface HttpFeedOptions<N> extends FeedRequestOptions, Omit<PagedTransportOptions, 'assignments'> {
  /** Your names for the topics: a list if the log calls them the same, else your name → the log's. */
  readonly topics: N;
  /** How to wait for news; default `long-poll`. `sse` saves a request per batch, where no proxy buffers it. */
  readonly mode?: LiveMode | undefined;
}

/**
 * Follows a feed that `serveFeed` serves. Positions are those of the log behind it, with its identity: a snapshot of that log
 * fits, and a feed and a direct connection can be swapped in place. Its `kind` is the log's, once the manifest is read.
 *
 * Throws, on first use, `InvalidConfiguration` for a topic that the feed doesn't have, no feed at the URL, refused credentials
 * and a redirect to another origin; `IdentityRefused` for a service that isn't the one that it should be (TLS);
 * `TransportFault` for what isn't the protocol. An outage is retried.
 *
 * @example httpFeed('https://y.example/feed', { topics: ['assignments'] })
 */
export function httpFeed<const N extends Topics<string>>(
  url: string | URL,
  options: HttpFeedOptions<N>,
): Transport<TopicOf<N>> {
  const base = baseUrl(url);
  const requests = { ...options, client: httpClient(base, options.tls) };
  const log = new RemoteLog(base, topicsOf(options.topics), requests);
  const transport = pagedTransport(log, options);
  return {
    ...transport,
    get kind() {
      return log.kind;
    },
  };
}

/** A feed as a log that can be read by pages. */
class RemoteLog<Topic extends string> implements PagedLog<Topic> {
  readonly describe: (signal: AbortSignal) => Promise<Description>;
  private readonly streams = new Map<string, RemoteStream>();
  private manifest: { readonly manifest: FeedManifest; readonly etag: string | null } | undefined;

  constructor(
    private readonly base: URL,
    readonly topics: { readonly [T in Topic]: string },
    private readonly options: FeedRequests & { readonly mode?: LiveMode | undefined },
  ) {
    this.describe = coalesced((signal) => this.load(signal));
  }

  get kind(): string {
    return this.manifest?.manifest.source.kind ?? 'feed';
  }

  async page(
    partition: Partition,
    after: Offset,
    { wait, signal }: { readonly wait: boolean; readonly signal: AbortSignal },
  ): Promise<Page | { readonly lost: LossReason }> {
    const { source, topics } = this.manifest?.manifest ?? (await this.load(signal));
    const topic = [...topics].find(([, name]) => name === partition.topic)?.[0];
    if (topic === undefined) return { lost: 'unknown' };
    const asked = encodeOffset(source.order, after);
    const chunk = await this.stream(topic, partition).read(asked, wait, signal);
    return 'lost' in chunk ? chunk : pageOf({ topic, partition, after, source, where: shown(this.base) }, chunk);
  }

  private async load(signal: AbortSignal): Promise<FeedManifest> {
    const known = this.manifest;
    const headers = typeof known?.etag === 'string' ? { 'if-none-match': known.etag } : undefined;
    const answer = await request({ url: this.base, headers, live: false, signal }, this.options);
    if (answer.status === 304 && known !== undefined) {
      answer.discard();
      return known.manifest;
    }
    if (answer.status === 404 || answer.status === 410) {
      answer.discard();
      if (known !== undefined) throw new Unavailable(`${answer.where}: the feed is not there any more`);
      throw new InvalidConfiguration(`${answer.where} is no feed: it answered ${answer.status}`);
    }
    if (answer.status !== 200) throw refused(answer);
    const text = await answer.text();
    const json = whole(answer, () => jsonOf(text, answer.where));
    const manifest = parseManifest(json, answer.where);
    requireTopics(this.topics, manifest, answer.where);
    this.manifest = { manifest, etag: answer.headers.get('etag') };
    return manifest;
  }

  private stream(topic: string, partition: Partition): RemoteStream {
    const key = partitionKey(partition);
    const known = this.streams.get(key);
    if (known !== undefined) return known;
    const url = new URL(this.base);
    url.pathname += `${segmentOf(topic)}/${segmentOf(partition.partition)}`;
    const stream = new RemoteStream(url, this.options, this.options.mode ?? 'long-poll');
    this.streams.set(key, stream);
    return stream;
  }
}

/** A chunk as a page of native offsets. Throws {@link TransportFault} unless its records lie in order, between both ends. */
function pageOf(
  asked: {
    readonly topic: string;
    readonly partition: Partition;
    readonly after: Offset;
    readonly source: Source;
    readonly where: string;
  },
  chunk: Chunk,
): Page | { readonly lost: LossReason } {
  const { topic, partition, after, where } = asked;
  const { order } = asked.source;
  const fault = (what: string, cause?: unknown) =>
    new TransportFault(`${where}, ${showPartition(partition)} after ${after}: ${what}`, { cause });
  let through: Offset;
  try {
    through = decodeOffset(order, chunk.next);
  } catch (cause) {
    throw fault(cause instanceof SyncError ? cause.message : 'a malformed token', cause);
  }
  if (compareOffsets(order, through, after) < 0) return { lost: 'ahead' };
  const read = (message: unknown): LogRecord => {
    try {
      return recordOf(topic, order, message);
    } catch (cause) {
      throw fault(cause instanceof SyncError ? cause.message : 'a malformed message', cause);
    }
  };
  let last = after;
  const records = chunk.messages.map((message): LogRecord => {
    const record = read(message);
    if (compareOffsets(order, record.offset, last) < 0 || record.offset === after)
      throw fault(`record ${record.offset} came out of order`);
    last = record.offset;
    return record;
  });
  if (compareOffsets(order, last, through) > 0) throw fault(`record ${last} lies beyond the end that was told`);
  const { upToDate: atHead, lag, epoch, witness } = chunk;
  return { records, through, atHead, lag, epoch, witness };
}

/** The feed's URL, which ends with a slash. */
function baseUrl(url: string | URL): URL {
  if (!URL.canParse(String(url))) throw new InvalidConfiguration('httpFeed: give the absolute URL of a feed');
  const base = new URL(url);
  if (base.protocol !== 'http:' && base.protocol !== 'https:')
    throw new InvalidConfiguration(`httpFeed: ${shown(base)} is not an http or https URL`);
  if (!base.pathname.endsWith('/')) base.pathname += '/';
  return base;
}

/** Application's name → log's name, of both forms. */
function topicsOf<N extends Topics<string>>(topics: N): { readonly [T in TopicOf<N>]: string } {
  const entries: readonly [string, string][] = Array.isArray(topics)
    ? topics.map((topic: string) => [topic, topic])
    : Object.entries(topics as Readonly<Record<string, string>>);
  if (entries.length === 0) throw new InvalidConfiguration('httpFeed: name at least one topic');
  return Object.fromEntries(entries) as { readonly [T in TopicOf<N>]: string };
}

function requireTopics(ours: Readonly<Record<string, string>>, { topics }: FeedManifest, where: string): void {
  const names = new Set(topics.values());
  for (const [topic, name] of Object.entries(ours)) {
    if (names.has(name)) continue;
    const theirs = topics.get(topic);
    throw new InvalidConfiguration(
      theirs === undefined
        ? `the feed at ${where} has no topic ${name}; it has ${[...names].join(', ')}`
        : `the feed at ${where} calls topic ${topic} ${theirs} in its log: give topics: { ${topic}: '${theirs}' }`,
    );
  }
}
