import { compareOffsets, type Offset, orAborted, type Partition, partitionKey, type SyncError } from '@tidemark/core';
import { type Broker, type Cluster } from 'kafkajs';
import { recover } from './cluster';
import { endOf, type Fetched } from './fetched-page';
import { asUnavailable } from './kafka-error';

/** The broker has no such offset: it is before the low watermark, or after the end. */
export const outOfRange = 'outOfRange';

export interface FetchOptions {
  /** How long a broker may hold a request back when all partitions wait, in milliseconds. */
  readonly maxWaitMs: number;
  /** Of one partition in one response; a bigger record batch comes alone. */
  readonly maxBytesPerPartition: number;
}

interface Question {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
  /** Nothing is no answer: ask again. */
  readonly wait: boolean;
}

interface Demand extends Question {
  readonly key: string;
  /** Who leads the partition, as far as is known. */
  nodeId: string;
  settle(answer: Fetched | typeof outOfRange): void;
  fail(error: unknown): void;
}

/**
 * Turns the questions of many partitions into one fetch request for each broker, as Kafka wants it: a broker answers the requests of
 * a connection one after the other, so two long polls would wait for each other. Nothing is fetched that nobody asked for.
 */
export class Fetcher {
  /** In the order in which they are asked. */
  private readonly demands = new Set<Demand>();
  /** The brokers that are being asked. */
  private readonly loops = new Set<string>();
  /** Partition → when it was answered, while its next question hasn't come: that is about to, and no long poll may be in its way. */
  private readonly busy = new Map<string, number>();

  constructor(
    private readonly cluster: Cluster,
    private readonly options: FetchOptions,
  ) {}

  /**
   * What the partition holds from `offset` on. With `wait` it is held back until there is something. Rejects with `Unavailable`
   * (retryable), after everything has been done that lets the next try succeed.
   */
  async fetch(
    { topic, partition }: Partition,
    offset: string,
    { wait, signal }: { readonly wait: boolean; readonly signal: AbortSignal },
  ): Promise<Fetched | typeof outOfRange> {
    signal.throwIfAborted();
    const question: Question = { topic, partition: Number(partition), offset, wait };
    const key = partitionKey({ topic, partition });
    let demand: Demand | undefined;
    const answered = new Promise<Fetched | typeof outOfRange>((settle, fail) => {
      demand = { ...question, key, nodeId: this.leaderOf(question), settle, fail };
      this.demands.add(demand);
      this.busy.delete(key);
      this.serve(demand.nodeId);
    });
    try {
      return await orAborted(answered, signal);
    } finally {
      if (demand !== undefined) this.demands.delete(demand);
    }
  }

  /**
   * What the partition holds from `offset` on, in a request of its own and with nothing held back: a broker that answers without a
   * record has none there (KIP-74: the first batch comes whole, whatever the limits). `undefined`: throttled, so it proves nothing.
   */
  async alone(partition: Partition, offset: string, signal: AbortSignal): Promise<Fetched | undefined> {
    const demand: Question = { topic: partition.topic, partition: Number(partition.partition), offset, wait: false };
    try {
      const broker = await this.cluster.findBroker({ nodeId: this.leaderOf(demand) });
      const { responses, clientSideThrottleTime = 0 } = await orAborted(this.ask(broker, [demand]), signal);
      return clientSideThrottleTime > 0 ? undefined : responses[0]?.partitions[0];
    } catch (error) {
      signal.throwIfAborted();
      await recover(this.cluster, error);
      throw unreadable(demand, error);
    }
  }

  private serve(nodeId: string): void {
    if (this.loops.has(nodeId)) return;
    this.loops.add(nodeId);
    void this.loop(nodeId).finally(() => {
      this.loops.delete(nodeId);
      for (const demand of this.demands) this.serve(demand.nodeId);
    });
  }

  /** Asks a broker until nobody has a question to it. */
  private async loop(nodeId: string): Promise<void> {
    for (;;) {
      // answers are handed on in microtasks: the questions that they lead to join the next request
      await new Promise<void>((resolve) => setImmediate(resolve));
      const asked = this.questionsTo(nodeId);
      if (asked.length === 0) return;
      try {
        if (nodeId === nowhere) await this.find(asked);
        else this.answer(asked, await this.ask(await this.cluster.findBroker({ nodeId }), asked));
      } catch (error) {
        const culprit = asked.find((demand) => isOutOfRange(error, demand));
        if (culprit !== undefined) this.settle(culprit, outOfRange);
        else await this.fail(asked, error);
      }
    }
  }

  /** One for each partition, those that can't wait first; who got no answer is last the next time. */
  private questionsTo(nodeId: string): readonly Demand[] {
    const asked = new Map<string, Demand>();
    for (const demand of this.demands) {
      if (demand.nodeId !== nodeId) continue;
      const other = asked.get(demand.key);
      if (other === undefined || (other.wait && !demand.wait)) asked.set(demand.key, demand);
    }
    for (const demand of asked.values()) {
      this.demands.delete(demand);
      this.demands.add(demand);
    }
    return [...asked.values()];
  }

  private async find(lost: readonly Demand[]): Promise<void> {
    await this.cluster.refreshMetadata();
    for (const demand of lost) demand.nodeId = this.leaderOf(demand);
    if (lost.every(({ nodeId }) => nodeId === nowhere)) throw new Error('the partition has no leader');
  }

  private leaderOf({ topic, partition }: Question): string {
    try {
      return Object.keys(this.cluster.findLeaderForPartitions(topic, [partition]))[0] ?? nowhere;
    } catch {
      return nowhere; // nothing is known of the topic yet
    }
  }

  private async ask(broker: Broker, asked: readonly Question[]): Promise<FetchResponse> {
    const { maxWaitMs, maxBytesPerPartition: maxBytes } = this.options;
    const topics = new Map<string, { partition: number; fetchOffset: string; maxBytes: number }[]>();
    for (const { topic, partition, offset } of asked) {
      const entry = { partition, fetchOffset: offset, maxBytes };
      const others = topics.get(topic);
      if (others === undefined) topics.set(topic, [entry]);
      else others.push(entry);
    }
    const patient = asked.every(({ wait }) => wait);
    return (await broker.fetch({
      isolationLevel: readCommitted,
      minBytes: 1,
      maxBytes: maxBytesInAll,
      maxWaitTime: !patient ? 0 : this.isAnyBusy() ? roomMs : maxWaitMs,
      topics: [...topics].map(([topic, partitions]) => ({ topic, partitions })),
    })) as FetchResponse;
  }

  private answer(asked: readonly Demand[], { responses }: FetchResponse): void {
    const parts = new Map<string, Fetched>();
    for (const { topicName: topic, partitions } of responses)
      for (const fetched of partitions)
        parts.set(partitionKey({ topic, partition: String(fetched.partition) }), fetched);
    for (const demand of asked) {
      const fetched = parts.get(demand.key);
      if (fetched === undefined) continue;
      const something = fetched.messages.length > 0 || isBefore(demand.offset, endOf(fetched));
      if (!demand.wait || something) this.settle(demand, fetched);
    }
  }

  private settle(demand: Demand, answer: Fetched | typeof outOfRange): void {
    if (!this.demands.delete(demand)) return; // it has been given up meanwhile
    this.busy.set(demand.key, performance.now());
    demand.settle(answer);
  }

  private async fail(asked: readonly Demand[], error: unknown): Promise<void> {
    for (const demand of asked) if (this.demands.delete(demand)) demand.fail(unreadable(demand, error));
    await recover(this.cluster, error);
  }

  /** Who takes longer over an answer than a second won't mind a long poll. */
  private isAnyBusy(): boolean {
    for (const [key, since] of this.busy) if (performance.now() - since > 1_000) this.busy.delete(key);
    return this.busy.size > 0;
  }
}

interface FetchResponse {
  /** Milliseconds; above 0 the broker has held the records back (KIP-219). */
  readonly clientSideThrottleTime?: number | undefined;
  readonly responses: readonly { readonly topicName: string; readonly partitions: readonly Fetched[] }[];
}

/** Committed records only: kafkajs's default too. */
const readCommitted = 1;
/** Of one response, all partitions together. */
const maxBytesInAll = 10 * 1024 * 1024;
/** A long poll while a partition that is being read asks for nothing: its next question must not wait long. Milliseconds. */
const roomMs = 10;
const nowhere = 'nowhere';

const isBefore = (offset: string, end: string): boolean =>
  compareOffsets('decimal', offset as Offset, end as Offset) < 0;

const unreadable = ({ topic, partition, offset }: Question, error: unknown): SyncError =>
  asUnavailable(error, `${topic}/${partition} can't be read at ${offset}`);

const isOutOfRange = (error: unknown, { topic, partition }: Demand): boolean =>
  error instanceof Error &&
  error.name === 'KafkaJSOffsetOutOfRange' &&
  (error as Error & { readonly topic?: string }).topic === topic &&
  (error as Error & { readonly partition?: number }).partition === partition;
