import { InvalidConfiguration, orAborted, Unavailable } from '@tidemark/core';
import { randomBytes } from 'node:crypto';
import { type NatsConnection, type NatsMessage, patienceMs } from './connection';
import { type ConsumerInfo, type ConsumerStart, type JetStream } from './jetstream';
import { type Delivered, delivered } from './message';
import { asUnavailable, isRefusal, refusals, said } from './nats-error';
import { Pull, type PullEnd } from './pull';
import { type SubjectPattern } from './subject-pattern';

/** What a pull has brought. */
export interface Pulled {
  readonly messages: readonly Delivered[];
  /** The server had nothing more. */
  readonly atEnd: boolean;
}

/** Something may have got lost on its way: nothing more can be read in order, and reading begins anew behind what came last. */
export class Disturbed extends Unavailable {}

export interface ConsumerSubjects {
  /** What is read; none: the whole stream. */
  readonly filters: readonly SubjectPattern[];
  /** Where keys stand. */
  readonly keys: readonly SubjectPattern[];
}

export interface PullLimits {
  /** Messages of one pull. */
  readonly batch: number;
  /** Bytes of one pull, as the server counts them; a bigger message comes alone. Not with `last_per_subject`, where servers lose it. */
  readonly maxBytes?: number | undefined;
  /** How long the server may hold a pull back while it has nothing, in milliseconds. */
  readonly expiresMs: number;
  /** So long after its last pull the server forgets the consumer, in milliseconds; default 30,000. */
  readonly forgottenMs?: number | undefined;
}

interface Ask {
  readonly wait: boolean;
  /** Fewer messages than the limits say. */
  readonly batch?: number | undefined;
  readonly signal: AbortSignal;
}

/**
 * A named ephemeral pull consumer without acknowledgements, whose state is in memory and which the server forgets some time after
 * the last pull. One pull is out at a time, and the server ends each: it has no more (404, 408), or the next message doesn't fit (409). Every
 * message carries its number; one that is missing, a heartbeat that tells of more than came, silence, or a lost connection
 * leave the consumer broken at once.
 */
export class Consumer {
  private readonly inbox: string;
  private readonly name = `tidemark-${randomBytes(9).toString('hex')}`;
  private subscription: { unsubscribe(): void } | undefined;
  private readonly stopHearingLosses: () => void;
  private readonly watch: NodeJS.Timeout;
  /** In the order of their numbers. */
  private buffer: Delivered[] = [];
  private count = 0;
  private pulls = 0;
  /** The one that is out. */
  private current: Pull | undefined;
  /** The next message is bigger than a pull may be: it has to come alone. */
  private oversized = false;
  private heard = performance.now();
  /** Something has come since it was looked. */
  private hears = false;
  private trouble: Disturbed | undefined;
  private atFirst = 0;
  private closed = false;
  private doubting: NodeJS.Timeout | undefined;

  private constructor(
    private readonly js: JetStream,
    private readonly connection: NatsConnection,
    private readonly stream: string,
    private readonly subjects: ConsumerSubjects,
    private readonly limits: PullLimits,
  ) {
    const { options } = connection as { readonly options?: { readonly inboxPrefix?: string } };
    this.inbox = `${options?.inboxPrefix ?? '_INBOX'}.${randomBytes(9).toString('hex')}`;
    this.stopHearingLosses = js.link.onLoss(() => {
      this.fail('the connection was lost');
    });
    this.watch = setInterval(() => {
      setImmediate(() => {
        this.look(); // what came while we were busy has been read by then
      });
    }, patienceMs / 5).unref();
  }

  /** Rejects with `Unavailable`, or with `InvalidConfiguration` where the server can't filter so. */
  static async open(
    js: JetStream,
    stream: string,
    subjects: ConsumerSubjects,
    start: ConsumerStart,
    limits: PullLimits,
  ): Promise<Consumer> {
    const consumer = new Consumer(js, await js.link.connection(), stream, subjects, limits);
    try {
      await consumer.create(start);
      return consumer;
    } catch (error) {
      consumer.close();
      throw asUnavailable(error, `stream ${stream} can't be read`);
    }
  }

  /**
   * What comes next, in order; nothing, where there is nothing. With `wait` an empty answer is held back for some time. Rejects with
   * {@link Disturbed}. Who aborts may come back: nothing is lost.
   */
  async pull({ wait, batch = this.limits.batch, signal }: Ask): Promise<Pulled> {
    for (;;) {
      signal.throwIfAborted();
      if (!wait && this.current?.isHeld === true && (await orAborted(this.hasNothing(), signal)))
        return { messages: [], atEnd: true };
      const isThere = this.current === undefined && this.buffer.length > 0; // it came after somebody had gone
      const end = isThere ? 'full' : await orAborted(this.pulling(wait, batch).ended, signal);
      signal.throwIfAborted(); // who comes back takes the buffer
      if (this.trouble !== undefined) throw this.trouble;
      const messages = this.buffer;
      const last = messages.at(-1);
      this.oversized = end === 'tooBig' && last === undefined;
      if (last === undefined && end !== 'noMore') continue;
      this.buffer = [];
      return { messages, atEnd: last === undefined || last.pending === 0 };
    }
  }

  get isBroken(): boolean {
    return this.trouble !== undefined;
  }

  /** How many messages it had to deliver when it was made. */
  get expected(): number {
    return this.atFirst;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.fail('it was closed');
    this.stopHearingLosses();
    clearInterval(this.watch);
    this.subscription?.unsubscribe();
    if (!this.connection.isClosed())
      this.js.ask(`CONSUMER.DELETE.${this.stream}.${this.name}`, '', 'deleting').catch(() => undefined); // it expires, too
  }

  private async create({ opt_start_seq: sequence, ...start }: ConsumerStart): Promise<void> {
    const filters = this.subjects.filters.map(({ text }) => text);
    const [filter] = filters;
    const config = {
      ...start,
      name: this.name,
      ack_policy: 'none',
      replay_policy: 'instant',
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: nanoseconds(this.forgottenMs),
      ...(filters.length > 1 ? { filter_subjects: filters } : { filter_subject: filter }),
    };
    const request = JSON.stringify({ stream_name: this.stream, config });
    this.subscription = this.connection.subscribe(`${this.inbox}.*`, {
      callback: (error, message) => {
        if (error !== null) this.fail(error.message);
        else this.take(message);
      },
    });
    const subject = `CONSUMER.CREATE.${this.stream}.${this.name}${filters.length === 1 ? `.${filter}` : ''}`;
    const answer = await this.js.ask<ConsumerInfo>(
      subject,
      // digits of any number: JSON.stringify would round them
      sequence === undefined ? request : request.replace('"config":{', `"config":{"opt_start_seq":${sequence},`),
      `stream ${this.stream} can't be read`,
    );
    if (filters.length > 1 && answer.config.filter_subjects?.length !== filters.length)
      throw new InvalidConfiguration(
        `stream ${this.stream}: this server can't read several subjects as one partition; NATS 2.10 can`,
      );
    this.atFirst = answer.num_pending;
  }

  private pulling(wait: boolean, batch: number): Pull {
    return this.current ?? this.begin(this.oversized ? 1 : batch, wait);
  }

  private begin(batch: number, wait: boolean): Pull {
    const { maxBytes, expiresMs } = this.limits;
    const pull = new Pull(`${this.inbox}.${++this.pulls}`, batch, wait);
    if (this.trouble !== undefined) {
      pull.end('broken');
      return pull;
    }
    this.current = pull;
    this.heard = performance.now();
    const held = { expires: nanoseconds(expiresMs), idle_heartbeat: nanoseconds(heartbeatMs) };
    const request = {
      batch,
      no_wait: true,
      ...(batch > 1 && maxBytes !== undefined && { max_bytes: maxBytes }),
      ...(wait && held),
    };
    const subject = `$JS.API.CONSUMER.MSG.NEXT.${this.stream}.${this.name}`;
    try {
      this.connection.publish(subject, JSON.stringify(request), { reply: pull.inbox });
    } catch (error) {
      this.fail(said(error)); // it is closed, or about to be
    }
    return pull;
  }

  /** Has it nothing more, and nothing on its way? Asked of the server, whatever a pull has said. Rejects with {@link Disturbed}. */
  async hasNothing(): Promise<boolean> {
    const { num_pending: pending, delivered } = await this.info();
    return pending === 0 && delivered.consumer_seq === this.count && this.buffer.length === 0;
  }

  private info(): Promise<ConsumerInfo> {
    const subject = `CONSUMER.INFO.${this.stream}.${this.name}`;
    const what = `the consumer of stream ${this.stream} can't be asked`;
    return this.js.ask<ConsumerInfo>(subject, '', what).catch((error: unknown) => {
      throw isRefusal(error, refusals.consumerGone) ? this.fail('the consumer is gone') : asUnavailable(error, what);
    });
  }

  /**
   * Messages that fill a pull's bytes to the last one end it, and the server doesn't say so: where nothing more comes of a pull that
   * brought some, it is asked whether it still has it.
   */
  private doubt(pull: Pull): void {
    const { count } = this;
    this.doubting = setTimeout(() => {
      setImmediate(() => {
        if (this.current !== pull) return;
        if (this.count > count) this.doubt(pull);
        else void this.resolve(pull);
      });
    }, quietMs).unref();
  }

  private async resolve(pull: Pull): Promise<void> {
    const info = await this.info().catch(() => undefined); // who is silent is found out by `look`
    if (this.current !== pull) return;
    if (info?.num_waiting === 0 && info.delivered.consumer_seq === this.count) this.end('full');
    else this.doubt(pull);
  }

  private take(message: NatsMessage): void {
    if (this.trouble !== undefined) return;
    this.hears = true;
    const one = delivered(message, this.subjects.keys);
    if (one === undefined) {
      this.heed(message);
      return;
    }
    if (one.count !== ++this.count) {
      this.fail(`message ${this.count} to this consumer got lost`);
      return;
    }
    this.buffer.push(one);
    const pull = this.current;
    if (pull?.hasAll() === true) this.end('full');
    else if (pull?.hasBegun === true) this.doubt(pull);
  }

  /** A status instead of a message. */
  private heed({ subject, headers }: NatsMessage): void {
    const { code = 0, description = '' } = headers ?? {};
    const last = code === 100 ? Number(valueOf(headers, 'Nats-Last-Consumer') ?? 0) : 0;
    if (last > this.count) this.fail(`message ${last} to this consumer got lost`);
    if (code === 100 || subject !== this.current?.inbox) return; // of an earlier pull
    if (code === 404 || code === 408) this.end('noMore');
    else if (code === 409 && /exceeds maxbytes/i.test(description)) this.end('tooBig');
    else this.fail(`${code} ${description}`);
  }

  private end(end: PullEnd): void {
    clearTimeout(this.doubting);
    this.current?.end(end);
    this.current = undefined;
  }

  private fail(why: string): Disturbed {
    const { stream } = this;
    this.trouble ??= new Disturbed(`reading stream ${stream} was disturbed: ${why}`);
    this.end('broken');
    return this.trouble;
  }

  private get forgottenMs(): number {
    return this.limits.forgottenMs ?? 30_000;
  }

  private look(): void {
    if (this.hears) this.heard = performance.now();
    this.hears = false;
    const silentMs = performance.now() - this.heard;
    if (this.current !== undefined && silentMs > patienceMs) {
      this.js.link.doubt(this.connection);
      this.fail('the server is silent');
    }
    if (this.current === undefined && silentMs > this.forgottenMs - patienceMs) this.close(); // nobody asks any more
  }
}

/** So often the server says that it is there while a pull is held back, in milliseconds: more than twice in the time of silence. */
const heartbeatMs = 2_000;

/** How long nothing may come of a pull that has brought some of its messages before the server is asked about it, in milliseconds. */
const quietMs = 100;

const nanoseconds = (ms: number): number => ms * 1_000_000;

function valueOf(headers: Iterable<[string, string[]]> | undefined, wanted: string): string | undefined {
  for (const [name, values] of headers ?? []) if (name === wanted) return values[0];
  return undefined;
}
