import { type NatsConnection } from '@tidemark/nats';
import { type NatsHeaders, type NatsMessage } from '../src/connection';

type Callback = (error: Error | null, message: NatsMessage) => void;

/** A connection without a server: the test hears what is asked, and says what comes. */
export class FakeConnection implements NatsConnection {
  readonly info = { version: '2.15.2', max_payload: 1_048_576 };
  readonly options: { readonly maxReconnectAttempts: number; readonly inboxPrefix?: string } = {
    maxReconnectAttempts: -1,
  };
  readonly published: { readonly subject: string; readonly body: string; readonly reply: string }[] = [];
  readonly requested: { readonly subject: string; readonly body: string }[] = [];
  readonly callbacks = new Set<Callback>();
  readonly listening = new Set<Statuses>();
  /** What JetStream answers; `undefined`: nothing, ever. An error is what the client rejects with. */
  answer: (subject: string, body: string) => object | Error | undefined | Promise<object> = () => ({});
  onPublish: (subject: string, body: string, reply: string) => void = () => undefined;
  /** Does the server answer pings? */
  alive = true;
  reconnects = 0;
  private isOver = false;
  private end: () => void = () => undefined;
  private readonly ended = new Promise<void>((resolve) => (this.end = resolve));

  publish(subject: string, payload: Uint8Array | string = '', { reply = '' }: { reply?: string } = {}): void {
    const body = String(payload);
    this.published.push({ subject, body, reply });
    this.onPublish(subject, body, reply);
  }

  subscribe(_subject: string, { callback = () => undefined }: { callback?: Callback } = {}) {
    this.callbacks.add(callback);
    return { unsubscribe: () => void this.callbacks.delete(callback) };
  }

  async request(subject: string, payload: Uint8Array | string = ''): Promise<NatsMessage> {
    const name = subject.replace('$JS.API.', '');
    this.requested.push({ subject: name, body: String(payload) });
    const answer = await this.answer(name, String(payload));
    if (answer === undefined) return new Promise(() => undefined);
    if (answer instanceof Error) throw answer;
    return { subject: '_INBOX.answer', data: Buffer.from(JSON.stringify(answer)) };
  }

  flush(): Promise<void> {
    return this.alive ? Promise.resolve() : new Promise(() => undefined);
  }

  async reconnect(): Promise<void> {
    this.reconnects++;
  }

  status(): Statuses {
    const statuses = new Statuses(() => this.listening.delete(statuses));
    this.listening.add(statuses);
    return statuses;
  }

  /** What the client says of its connection. */
  says(type: string): void {
    for (const statuses of this.listening) statuses.push({ type });
  }

  /** A message or a status on the consumer's inbox. */
  comes(message: NatsMessage): void {
    for (const callback of this.callbacks) callback(null, message);
  }

  closed(): Promise<void> {
    return this.ended;
  }

  isClosed(): boolean {
    return this.isOver;
  }

  async close(): Promise<void> {
    this.isOver = true;
    for (const statuses of [...this.listening]) statuses.stop();
    this.end();
  }
}

/** As the clients' iterators of statuses: `stop` is theirs, too. */
class Statuses implements AsyncIterable<{ readonly type: string }> {
  private readonly queue: { readonly type: string }[] = [];
  private wake: () => void = () => undefined;
  private isOver = false;

  constructor(private readonly onStop: () => void) {}

  push(status: { readonly type: string }): void {
    this.queue.push(status);
    this.wake();
  }

  stop(): void {
    this.isOver = true;
    this.onStop();
    this.wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<{ readonly type: string }, void, undefined> {
    for (;;) {
      while (this.queue.length === 0 && !this.isOver) await new Promise<void>((wake) => (this.wake = wake));
      const next = this.queue.shift();
      if (next === undefined) return;
      yield next;
    }
  }
}

export interface Told {
  /** Its number among those delivered to the consumer. */
  readonly count: number;
  readonly seq: number;
  readonly pending?: number;
  readonly subject?: string;
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Nanoseconds since 1970. */
  readonly time?: bigint;
  /** `<domain>.<account>` before the stream, and a token at the end. */
  readonly domain?: string;
}

/** A message as a server delivers it. */
export function message(told: Told): NatsMessage {
  const { count, seq, pending = 0, subject = 'things.a', text = `value ${seq}`, headers, time = someTime } = told;
  const tokens = `S.consumer.1.${seq}.${count}.${time}.${pending}`;
  const reply = told.domain === undefined ? `$JS.ACK.${tokens}` : `$JS.ACK.${told.domain}.${tokens}.token`;
  return { subject, reply, data: Buffer.from(text), ...(headers && { headers: headersOf(headers) }) };
}

export const someTime = 1_700_000_000_123_456_789n;

/** A status instead of a message. */
export const status = (
  inbox: string,
  code: number,
  description = '',
  headers: Readonly<Record<string, string>> = {},
): NatsMessage => ({ subject: inbox, data: new Uint8Array(), headers: headersOf(headers, code, description) });

export function headersOf(
  headers: Readonly<Record<string, string | readonly string[]>>,
  code = 0,
  description = '',
): NatsHeaders {
  const entries = Object.entries(headers).map(([name, value]): [string, string[]] => [name, [value].flat()]);
  return { code, description, [Symbol.iterator]: () => entries[Symbol.iterator]() };
}
