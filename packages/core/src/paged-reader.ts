import { setMaxListeners } from 'node:events';
import { nobodyAsks, orAborted } from './abort';
import { Budget } from './budget';
import { Channel } from './channel';
import { everyPartition } from './every-partition';
import { PageFetcher } from './page-fetcher';
import { type Assignments, type Description, type PagedLog } from './paged-log';
import { type Begun, PagedTurn, type TurnContext } from './paged-turn';
import { differs, type Partition, partitionKey } from './partition';
import { type Runtime } from './runtime';
import { epochOf } from './source';
import { type Start, type TransportEvent } from './transport';

export interface PagedReaderOptions {
  readonly assignments: Assignments | undefined;
  readonly maxInFlight: number;
  readonly pollMs: number;
  readonly describeMs: number;
  readonly idleMs: number;
  readonly runtime: Runtime;
}

/** One `read`: a follower for each partition, all writing into one channel. */
export class PagedReader<Topic extends string> {
  private readonly channel = new Channel<TransportEvent<Topic>>();
  private readonly followers = new Map<string, Follower<Topic>>();
  private readonly stop = new AbortController();
  private readonly applicationTopic: ReadonlyMap<string, Topic>;
  private readonly fetcher: PageFetcher;
  private readonly context: TurnContext<Topic>;

  constructor(
    log: PagedLog<Topic>,
    private readonly options: PagedReaderOptions,
    private readonly start: Start,
    private readonly signal: AbortSignal,
  ) {
    setMaxListeners(0, this.stop.signal); // one for each partition that begins
    const budget = new Budget(options.maxInFlight);
    this.fetcher = new PageFetcher(log, { ...options, budget, trouble: this.trouble });
    const push = (event: TransportEvent<Topic>): void => {
      this.channel.push(event);
    };
    this.context = { ...options, budget, fetcher: this.fetcher, push };
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
    const assignments = this.options.assignments ?? everyPartition(this.options);
    const describe = (signal: AbortSignal) => this.describeOurs(signal);
    for await (const { assigned, revoked } of assignments(describe, this.stop.signal, this.trouble)) {
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
    return { position, description: await this.fetcher.describe(this.stop.signal) };
  }

  /** The description less other applications' topics. A topic with a new epoch is another one: its cursors start anew. */
  private async describeOurs(signal: AbortSignal): Promise<Description> {
    const { source, partitions } = await this.fetcher.describe(signal);
    for (const follower of this.followers.values())
      if (differs(follower.turn?.epoch, epochOf(source, follower.partition.topic))) follower.restart();
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
    const follower: Follower<Topic> = {
      partition,
      revoked: new AbortController(),
      restart: () => undefined,
      done: Promise.resolve(),
    };
    this.followers.set(partitionKey(partition), follower);
    follower.done = this.turns(follower, begun).catch((error: unknown) => {
      if (!follower.revoked.signal.aborted) this.fail(error);
    });
  }

  /** One turn for each answer of `start`. */
  private async turns(follower: Follower<Topic>, begun: Promise<Begun>): Promise<void> {
    const { partition } = follower;
    const { signal } = follower.revoked;
    const topic = this.applicationTopic.get(partition.topic) as Topic;
    for (let next = begun; !signal.aborted; next = this.begin([partition])) {
      const begins = await orAborted(next, signal);
      const over = new AbortController();
      const restart = () => {
        if (over.signal.aborted) return;
        over.abort(nobodyAsks);
        this.forget(new Set([partitionKey(partition)]));
      };
      follower.over = over;
      follower.restart = restart;
      follower.turn = new PagedTurn(this.context, topic, partition, begins, restart);
      await follower.turn.read(over.signal).catch((error: unknown) => {
        if (signal.aborted || !over.signal.aborted) throw error;
      });
    }
  }

  private readonly trouble = (error: Error): void => {
    this.channel.push({ type: 'trouble', error });
  };
}

interface Follower<Topic extends string> {
  readonly partition: Partition;
  readonly revoked: AbortController;
  /** The turn it is in; `over` ends that, by a restart, and when the partition is revoked. */
  turn?: PagedTurn<Topic>;
  over?: AbortController;
  restart: () => void;
  done: Promise<void>;
}

/** Ends a follower and the turn it is in. (`AbortSignal.any` would cost more than anything else that a follower does.) */
function revoke<Topic extends string>({ revoked, over }: Follower<Topic>): void {
  revoked.abort(nobodyAsks);
  over?.abort(nobodyAsks);
}
