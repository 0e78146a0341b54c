import { type LossReason, TransportFault, Unavailable } from '@tidemark/core';
import { type Chunk, jsonOf, lagFrom, lossOf, messagesOf, tokenFrom } from './feed-chunk';
import { type Answer, defaultMaxBodyBytes, defaultTotalMs, type FeedRequestOptions, refused } from './feed-request';
import { parseEvents } from './feed-sse';

/**
 * The SSE way of reading a stream: one answer is kept open and pulled from, chunk by chunk. A chunk is complete with its
 * control event; data that is cut off before it never leaves here, and is asked for again.
 */
export class EventChunks {
  private open: Open | undefined;

  constructor(
    private readonly ask: (offset: string, signal: AbortSignal) => Promise<Answer>,
    private readonly options: FeedRequestOptions,
  ) {}

  /** The next chunk after the token. The connection lives as long as `signal` and the chain of tokens do. */
  async read(offset: string, signal: AbortSignal): Promise<Chunk | { readonly lost: LossReason }> {
    if (this.open?.at !== offset || this.open.signal !== signal) {
      await this.close();
      const answer = await this.ask(offset, signal);
      const lost = lossOf(answer);
      if (lost !== undefined) return { lost };
      if (answer.status !== 200) throw refused(answer);
      const chunks = chunksOf(answer, this.options.maxBodyBytes ?? defaultMaxBodyBytes);
      this.open = { answer, chunks, at: offset, signal };
    }
    const { open } = this;
    try {
      open.answer.within(this.options.totalMs ?? defaultTotalMs);
      const { done, value } = await open.chunks.next();
      open.answer.within(undefined);
      if (done !== true) {
        open.at = value.next;
        return value;
      }
    } catch (error) {
      this.open = undefined;
      throw error;
    }
    this.open = undefined; // the server ends each answer after a while
    return { messages: [], next: offset, upToDate: true, closed: false };
  }

  private async close(): Promise<void> {
    const { open } = this;
    this.open = undefined;
    await open?.chunks.return().catch(() => undefined);
  }
}

interface Open {
  readonly answer: Answer;
  readonly chunks: AsyncGenerator<Chunk, void, undefined>;
  /** The token that the next chunk comes after. */
  at: string;
  readonly signal: AbortSignal;
}

async function* chunksOf(answer: Answer, maxBytes: number): AsyncGenerator<Chunk, void, undefined> {
  const { headers, where } = answer;
  if (!/^text\/event-stream\s*(;|$)/i.test(headers.get('content-type') ?? '')) {
    answer.discard();
    throw new TransportFault(`${where} doesn't send events; use mode: 'long-poll'`);
  }
  if (headers.has('stream-sse-data-encoding')) {
    answer.discard();
    throw new TransportFault(`${where} is no stream of JSON messages`);
  }
  let messages: unknown[] = [];
  let bytes = 0;
  for await (const { event, data } of parseEvents(answer.chunks(), maxBytes, where)) {
    bytes += data.length;
    if (bytes > maxBytes)
      throw new TransportFault(`${where} sent more than ${maxBytes} bytes at once; raise maxBodyBytes`);
    if (event === 'data') for (const message of messagesOf(data, where)) messages.push(message);
    if (event !== 'control') continue;
    yield { ...controlOf(data, where), messages };
    [messages, bytes] = [[], 0];
  }
  if (messages.length > 0) throw new Unavailable(`${where} broke off in the middle of its events`);
}

function controlOf(data: string, where: string): Omit<Chunk, 'messages'> {
  const control = objectIn(data, where);
  const { epoch, witness, lag } = isObject(control.tidemark) ? control.tidemark : {};
  return {
    next: tokenFrom(control.streamNextOffset, where),
    upToDate: control.upToDate === true || control.streamClosed === true,
    closed: control.streamClosed === true,
    epoch: typeof epoch === 'string' ? epoch : undefined,
    witness: typeof witness === 'string' ? witness : undefined,
    lag: lagFrom(lag, where),
  };
}

function objectIn(text: string, where: string): Readonly<Record<string, unknown>> {
  const json = jsonOf(text, where);
  if (!isObject(json)) throw new TransportFault(`${where} sent a control event that is no object`);
  return json;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;
