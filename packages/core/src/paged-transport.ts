import { setMaxListeners } from 'node:events';
import { Budget } from './budget';
import { Channel } from './channel';
import { InvalidConfiguration } from './errors';
import { beginning, closed, type Offset } from './offset';
import { aborted, orAborted } from './abort';
import { type Assignments, type Description, type Page, type PagedLog } from './paged-log';
import { type Mark, type Partition, partitionKey } from './partition';
import { type Position } from './position';
import { type LogRecord, witnessOf } from './record';
import { retrying } from './retry';
import { type Runtime, systemRuntime } from './runtime';
import { epochOf } from './source';
import { type ShareOptions, shared } from './share';
import { type LossReason, type Start, type Transport, type TransportEvent } from './transport';
import { judge, judgeAll } from './verify';

export interface PagedTransportOptions {
  /** Which partitions this reader has; all of them unless given. Giving it makes the transport's `reads` `'share'`. */
  readonly assignments?: Assignments | undefined;
  /** Divides the partitions among instances by leases, where the log has no groups of its own: `reads` becomes `'share'`. */
  readonly share?: ShareOptions | undefined;
  /** Bytes of keys and values handed over or fetched ahead, all partitions together; default 16 MiB. */
  readonly maxInFlight?: number | undefined;
  /** How long to wait at the head when `page` answers at once, in milliseconds; default 50. */
  readonly pollMs?: number | undefined;
  /** How often the log is described anew, in milliseconds; default 1000. */
  readonly describeMs?: number | undefined;
  /** How often a partition that idles at its head says so again, in milliseconds; default 30,000. */
  readonly idleMs?: number | undefined;
  readonly runtime?: Runtime | undefined;
}

/**
 * A transport of any log that can be read by pages. It verifies at each start and on every page, keeps one delivery per
 * partition out and one page fetched ahead, retries what is retryable, and finds new partitions.
 *
 * @example see `examples/own-transport` and docs/guides/writing-a-transport.md
 */
export function pagedTransport<Topic extends string>(
  log: PagedLog<Topic>,
  options: PagedTransportOptions = {},
): Transport<Topic> {
  const topics = Object.values<string>(log.topics);
  const assignments = assignmentsOf(options);
  return {
    kind: log.kind,
    topics: log.topics,
    reads: assignments === undefined ? 'all' : 'share',
    identify: async (signal) => (await log.describe(signal)).source,
    verify: async (position, signal) => ({ partitions: judgeAll(position, await log.describe(signal), topics) }),
    read: (start, signal) => new Reader(log, { ...options, assignments }, start, signal).events(),
  };
}

/** Throws `InvalidConfiguration` where the options can't go together. */
function assignmentsOf({
  assignments,
  share,
  describeMs = 1_000,
  runtime = systemRuntime,
}: PagedTransportOptions): Assignments | undefined {
  if (share === undefined) return assignments;
  if (assignments !== undefined)
    throw new InvalidConfiguration('pagedTransport: give `assignments` or `share`, not both');
  return shared(share, { runtime, describeMs });
}

/** One `read`: a follower for each partition, all writing into one channel. */
class Reader<Topic extends string> {
  private readonly channel = new Channel<TransportEvent<Topic>>();
  private readonly followers = new Map<string, Follower>();
  private readonly stop = new AbortController();
  private readonly applicationTopic: ReadonlyMap<string, Topic>;
  private readonly runtime: Runtime;
  private readonly budget: Budget;

  constructor(
    private readonly log: PagedLog<Topic>,
    private readonly options: PagedTransportOptions,
    private readonly start: Start,
    private readonly signal: AbortSignal,
  ) {
    setMaxListeners(0, this.stop.signal); // one for each partition that begins
    this.runtime = options.runtime ?? systemRuntime;
    this.budget = new Budget(options.maxInFlight ?? 16 * 1024 * 1024);
    this.applicationTopic = new Map(
      Object.entries<string>(log.topics).map(([application, name]) => [name, application as Topic]),
    );
  }

  async *events(): AsyncGenerator<TransportEvent<Topic>, void, undefined> {
    const onAbort = () => {
      this.end();
      this.channel.drop(() => true);
      this.channel.end();
    };
    if (this.signal.aborted) return;
    this.signal.addEventListener('abort', onAbort, { once: true });
    const assigning = this.assign().catch((error: unknown) => {
      this.fail(error);
    });
    try {
      yield* this.channel;
    } finally {
      this.signal.removeEventListener('abort', onAbort);
      this.end();
      await Promise.all([assigning, ...[...this.followers.values()].map((follower) => follower.done)]);
    }
  }

  private end(): void {
    this.stop.abort();
    for (const follower of this.followers.values()) revoke(follower);
  }

  private fail(error: unknown): void {
    if (!this.stop.signal.aborted) this.channel.fail(error);
  }

  private async assign(): Promise<void> {
    const assignments = this.options.assignments ?? everything(this.runtime, this.options.describeMs ?? 1_000);
    const describe = (signal: AbortSignal) => this.describeOurs(signal);
    const trouble = (error: Error) => {
      this.channel.push({ type: 'trouble', error });
    };
    for await (const { assigned, revoked } of assignments(describe, this.stop.signal, trouble)) {
      if (revoked.length > 0) await this.revoke(revoked);
      this.channel.push({ type: 'assigned', partitions: assigned });
      if (assigned.length === 0) continue;
      const begun = this.begin(assigned);
      begun.catch(() => undefined); // each follower sees the rejection itself
      for (const partition of assigned) this.follow(partition, begun);
    }
  }

  /** Asks where to start, and then what the log looks like: once for all of these partitions. */
  private async begin(partitions: readonly Partition[]): Promise<Begun> {
    const position = await this.start(partitions);
    return { position, description: await this.describe(this.stop.signal) };
  }

  /** The description less other applications' topics. A topic with a new epoch is another one: its cursors start anew. */
  private async describeOurs(signal: AbortSignal): Promise<Description> {
    const { source, partitions } = await this.describe(signal);
    for (const follower of this.followers.values())
      if (differs(follower.epoch, epochOf(source, follower.partition.topic))) follower.restart();
    return { source, partitions: partitions.filter(({ topic }) => this.applicationTopic.has(topic)) };
  }

  private async revoke(revoked: readonly Partition[]): Promise<void> {
    const keys = new Set(revoked.map(partitionKey));
    for (const key of keys) {
      const follower = this.followers.get(key);
      if (follower !== undefined) revoke(follower);
    }
    this.forget(keys);
    this.channel.push({ type: 'revoked', partitions: revoked });
    for (const key of keys) {
      await this.followers.get(key)?.done;
      this.followers.delete(key);
    }
  }

  /** Takes back what these partitions had handed over and nobody has pulled yet. */
  private forget(keys: ReadonlySet<string>): void {
    this.channel.drop((event) => 'partition' in event && keys.has(partitionKey(event.partition)));
  }

  private follow(partition: Partition, begun: Promise<Begun>): void {
    if (this.stop.signal.aborted) return;
    const follower: Follower = {
      partition,
      revoked: new AbortController(),
      turn: new AbortController(),
      restart: () => undefined,
      done: Promise.resolve(),
    };
    this.followers.set(partitionKey(partition), follower);
    follower.done = this.turns(follower, begun).catch((error: unknown) => {
      if (!follower.revoked.signal.aborted) this.fail(error);
    });
  }

  /** One turn for each answer of `start`. */
  private async turns(follower: Follower, begun: Promise<Begun>): Promise<void> {
    const { signal } = follower.revoked;
    for (let next = begun; !signal.aborted; next = this.begin([follower.partition])) {
      const begins = await orAborted(next, signal);
      const turn = new AbortController();
      follower.turn = turn;
      follower.restart = () => {
        if (turn.signal.aborted) return;
        turn.abort();
        this.forget(new Set([partitionKey(follower.partition)]));
      };
      await this.turn(follower, begins, turn.signal).catch((error: unknown) => {
        if (signal.aborted || !turn.signal.aborted) throw error;
      });
    }
  }

  /** Reads from where the position stands until the turn is aborted, by a restart or from outside. */
  private async turn(follower: Follower, { position, description }: Begun, signal: AbortSignal): Promise<never> {
    const { partition, restart } = follower;
    const topic = this.applicationTopic.get(partition.topic) as Topic;
    const { verdict } = judge(position, description, partition);
    let at: Mark = position.offsets.get(partition) ?? { through: beginning };
    const lose = (reason: LossReason) => {
      follower.epoch = undefined; // it idles now, whatever epoch the topic has
      this.channel.push({ type: 'lost', partition, at: at.through, reason, restart });
      return aborted(signal);
    };
    if (verdict !== 'ok') return lose(verdict);
    follower.epoch = epochOf(description.source, partition.topic);

    let toldHead: boolean | undefined;
    let until = Infinity; // when it says again that it is at its head
    let fetched = this.fetch(partition, at.through, false, signal);
    try {
      for (;;) {
        const page = await orAborted(fetched, signal);
        if ('lost' in page) return await lose((await this.isAnew(follower, signal)) ? 'changed' : page.lost);
        if (differs(page.epoch, follower.epoch) || differs(page.witness, at.witness)) return await lose('changed');
        const { records, through, atHead, lag } = page;
        if (through === at.through && atHead === toldHead && this.runtime.now() < until) {
          if (!page.held) await this.runtime.sleep(this.options.pollMs ?? 50, signal);
          fetched = this.fetchUntil(until, partition, through, signal);
          continue;
        }
        const mark = through === at.through ? at : { through, witness: witnessOfLast(records, through) };
        until = atHead && through !== closed ? this.runtime.now() + (this.options.idleMs ?? 30_000) : Infinity;
        fetched = atHead
          ? this.fetchUntil(until, partition, through, signal)
          : this.fetch(partition, through, false, signal);
        fetched.catch(() => undefined); // it is awaited after the ack
        const acknowledged = new Promise<void>((ack) => {
          const moved = { partition, after: at.through, through: mark, records };
          this.channel.push({ type: 'delivery', topic, ...moved, atHead, lag, ack, restart });
        });
        try {
          await orAborted(acknowledged, signal);
        } finally {
          this.budget.give(page.bytes);
        }
        toldHead = atHead;
        at = mark;
      }
    } finally {
      fetched.then(
        (page) => {
          if ('bytes' in page) this.budget.give(page.bytes);
        },
        () => undefined,
      );
    }
  }

  /** Has the topic been created anew since the follower's turn began? Then its offsets are others, whatever a page says. */
  private async isAnew({ partition, epoch }: Follower, signal: AbortSignal): Promise<boolean> {
    const { source } = await this.describe(signal);
    return differs(epoch, epochOf(source, partition.topic));
  }

  private describe(signal: AbortSignal): Promise<Description> {
    return this.retrying(() => this.log.describe(signal), signal);
  }

  /** The page after `after`. Fetching waits for the budget; waiting at the head costs none of it until something comes. */
  private async fetch(
    partition: Partition,
    after: Offset,
    wait: boolean,
    signal: AbortSignal,
  ): Promise<Lost | (SizedPage & { readonly held: boolean })> {
    if (after === closed)
      return wait ? aborted(signal) : { records: [], through: closed, atHead: true, bytes: 0, held: true };
    const asked = this.runtime.now();
    const page = wait ? await this.page(partition, after, wait, signal) : await this.budgeted(partition, after, signal);
    if ('lost' in page) return page;
    const held = wait && this.runtime.now() - asked >= (this.options.pollMs ?? 50);
    // what came while there is no room isn't kept, but asked for again when there is
    if (wait && !this.budget.take(page.bytes)) return { ...(await this.budgeted(partition, after, signal)), held };
    return { ...page, held };
  }

  /** A page that has its place in the budget before it is asked for. */
  private async budgeted(partition: Partition, after: Offset, signal: AbortSignal): Promise<Lost | SizedPage> {
    await this.budget.reserve(signal);
    let bytes = 0;
    try {
      const page = await this.page(partition, after, false, signal);
      if ('bytes' in page) ({ bytes } = page);
      return page;
    } finally {
      this.budget.settle(bytes);
    }
  }

  private async page(
    partition: Partition,
    after: Offset,
    wait: boolean,
    signal: AbortSignal,
  ): Promise<Lost | SizedPage> {
    const page = await this.retrying(() => this.log.page(partition, after, { wait, signal }), signal);
    if ('lost' in page) return page;
    let bytes = 0;
    for (const { key, value } of page.records) bytes += (key?.length ?? 0) + (value?.length ?? 0);
    return { ...page, bytes };
  }

  /** What comes next at the head; when nothing has by `until`, what there is then. */
  private async fetchUntil(until: number, partition: Partition, after: Offset, signal: AbortSignal) {
    if (until === Infinity) return this.fetch(partition, after, true, signal);
    const waiting = new AbortController();
    const stop = () => {
      waiting.abort();
    };
    signal.addEventListener('abort', stop, { once: true });
    this.runtime.sleep(Math.max(0, until - this.runtime.now()), waiting.signal).then(stop, () => undefined);
    const fetching = this.fetch(partition, after, true, waiting.signal);
    try {
      return await orAborted(fetching, waiting.signal);
    } catch (error) {
      // a page that ignores its signal may come later: nobody takes it
      fetching.then(
        (page) => {
          if ('bytes' in page) this.budget.give(page.bytes);
        },
        () => undefined,
      );
      if (signal.aborted || !waiting.signal.aborted) throw error;
      return await this.fetch(partition, after, false, signal);
    } finally {
      signal.removeEventListener('abort', stop);
      waiting.abort();
    }
  }

  private retrying<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    return retrying(work, {
      runtime: this.runtime,
      signal,
      onTrouble: (error) => {
        this.channel.push({ type: 'trouble', error });
      },
    });
  }
}

/** Where an answer of `start` stands, and the log as it was after that. */
interface Begun {
  readonly position: Position;
  readonly description: Description;
}

interface Lost {
  readonly lost: LossReason;
}

interface SizedPage extends Page {
  /** Of keys and values. */
  readonly bytes: number;
}

interface Follower {
  readonly partition: Partition;
  readonly revoked: AbortController;
  /** Aborted by a restart, and when the partition is revoked. */
  turn: AbortController;
  restart: () => void;
  done: Promise<void>;
  epoch?: string | undefined;
}

/** Ends a follower and the turn it is in. (`AbortSignal.any` would cost more than anything else that a follower does.) */
function revoke({ revoked, turn }: Follower): void {
  revoked.abort();
  turn.abort();
}

/** The default assignments: all partitions, new ones when they appear, none that have disappeared. */
const everything = (runtime: Runtime, describeMs: number): Assignments =>
  async function* (describe, signal) {
    let known = new Map<string, Partition>();
    for (let first = true; !signal.aborted; first = false) {
      const { partitions } = await describe(signal);
      const listed = new Map(partitions.map((p) => [partitionKey(p), { topic: p.topic, partition: p.partition }]));
      const assigned = [...listed].filter(([key]) => !known.has(key)).map(([, p]) => p);
      const revoked = [...known].filter(([key]) => !listed.has(key)).map(([, p]) => p);
      known = listed;
      if (first || assigned.length > 0 || revoked.length > 0) yield { assigned, revoked };
      await runtime.sleep(describeMs, signal);
    }
  };

const differs = (a: string | undefined, b: string | undefined): boolean =>
  a !== undefined && b !== undefined && a !== b;

function witnessOfLast(records: readonly LogRecord[], through: Offset): string | undefined {
  const last = records.at(-1);
  return last?.offset === through ? witnessOf(last) : undefined;
}
