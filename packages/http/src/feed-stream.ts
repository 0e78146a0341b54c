import { type LossReason, TransportFault } from '@tidemark/core';
import { type Chunk, lagFrom, lossOf, messagesOf, tokenFrom } from './feed-chunk';
import { EventChunks } from './feed-event-chunks';
import { feedHeaders } from './feed-headers';
import { type Answer, type FeedRequests, refused, request, whole } from './feed-request';

/** How to wait for news: each answer by its own request, or events over one connection. */
export type LiveMode = 'long-poll' | 'sse';

/** The reading side of one Durable Streams URL. Reads follow one another: it keeps the cursor, and an open SSE answer. */
export class RemoteStream {
  private cursor: string | undefined;
  private readonly events: EventChunks;

  constructor(
    private readonly url: URL,
    private readonly options: FeedRequests,
    private readonly mode: LiveMode,
  ) {
    this.events = new EventChunks((offset, signal) => this.ask({ offset, live: 'sse' }, signal), options);
  }

  /** What comes after the token, or why nothing does. `wait` holds the answer back until there is something. */
  async read(offset: string, wait: boolean, signal: AbortSignal): Promise<Chunk | { readonly lost: LossReason }> {
    if (wait && this.mode === 'sse') return this.events.read(offset, signal);
    const answer = await this.ask({ offset, live: wait ? 'long-poll' : undefined }, signal);
    this.cursor = answer.headers.get(feedHeaders.cursor) ?? this.cursor;
    try {
      const lost = lossOf(answer);
      if (lost !== undefined) return { lost };
      if (answer.status !== 200 && answer.status !== 204) throw refused(answer);
      const chunk = chunkOf(answer);
      return answer.status === 204 ? chunk : { ...chunk, messages: await messagesIn(answer) };
    } finally {
      answer.discard();
    }
  }

  /** The stream's tail and what else its headers tell; `undefined` if there is no such stream. */
  async head(signal: AbortSignal): Promise<Chunk | undefined> {
    const answer = await request({ url: this.url, method: 'HEAD', live: false, signal }, this.options);
    answer.discard();
    if (answer.status === 200) return chunkOf(answer);
    if (lossOf(answer) === undefined) throw refused(answer);
    return undefined;
  }

  private ask(query: { offset: string; live: LiveMode | undefined }, signal: AbortSignal): Promise<Answer> {
    const url = new URL(this.url);
    url.searchParams.set('offset', query.offset);
    if (query.live !== undefined) {
      url.searchParams.set('live', query.live);
      if (this.cursor !== undefined) url.searchParams.set('cursor', this.cursor);
    }
    url.searchParams.sort();
    return request({ url, live: query.live !== undefined, signal }, this.options);
  }
}

function chunkOf({ headers, where }: Answer): Chunk {
  return {
    messages: [],
    next: tokenFrom(headers.get(feedHeaders.next), where),
    upToDate: headers.has(feedHeaders.upToDate),
    closed: headers.get(feedHeaders.closed)?.toLowerCase() === 'true',
    epoch: textIn(headers.get(feedHeaders.epoch), where),
    witness: textIn(headers.get(feedHeaders.witness), where),
    lag: lagFrom(headers.get(feedHeaders.lag), where),
  };
}

function textIn(value: string | null, where: string): string | undefined {
  if (value === null) return undefined;
  try {
    return decodeURIComponent(value);
  } catch {
    throw new TransportFault(`${where} sent a header that is not percent-encoded`);
  }
}

async function messagesIn(answer: Answer): Promise<readonly unknown[]> {
  const { headers, where } = answer;
  if (!/^application\/json\s*(;|$)/i.test(headers.get('content-type') ?? ''))
    throw new TransportFault(`${where} is no stream of JSON messages`);
  const text = await answer.text();
  return whole(answer, () => messagesOf(text, where));
}
