import { type Assignments, Channel, FencedOut, type Partition, partitionKey, type Runtime } from '@tidemark/core';
import { type Consumer, type Kafka } from 'kafkajs';
import { inTime } from './connections';
import { asUnavailable } from './kafka-error';

/** How this process is a member of its group. */
export interface Membership {
  readonly groupId: string;
  readonly sessionTimeoutMs: number;
  readonly metadataMaxAgeMs: number;
}

/**
 * A member of a Kafka group that only divides partitions: everything assigned is paused for good, so kafkajs fetches nothing, and
 * heartbeats whatever the handlers do.
 */
export class Group {
  private consumer: Consumer | undefined;
  /** What the last join has assigned. */
  private assigned: ReadonlySet<string> = new Set();

  constructor(
    private readonly kafka: Kafka,
    private readonly topics: readonly string[],
    private readonly membership: Membership,
    private readonly runtime: Runtime,
  ) {}

  get id(): string {
    return this.membership.groupId;
  }

  /** As a member: has it been assigned to somebody else? */
  isElsewhere(partition: Partition): boolean {
    return this.consumer !== undefined && !this.assigned.has(partitionKey(partition));
  }

  /**
   * Commits with the generation of the current membership; false: there is none. kafkajs commits nothing, and says nothing, where its
   * consumer is about to crash; only the event tells that it did.
   */
  async commit(
    offsets: readonly {
      readonly topic: string;
      readonly partition: number;
      readonly offset: string;
      readonly metadata: string;
    }[],
  ): Promise<boolean> {
    const { consumer } = this;
    if (consumer === undefined) return false;
    let commits = 0;
    const forget = consumer.on(consumer.events.COMMIT_OFFSETS, () => {
      commits += 1;
    });
    try {
      await consumer.commitOffsets([...offsets]);
    } finally {
      forget();
    }
    if (commits === 0) throw new FencedOut(`the membership in group ${this.id} has just ended`);
    return true;
  }

  readonly assignments: Assignments = (_, signal, trouble) => this.divided(signal, trouble);

  /** One consumer after the other, until the signal aborts. */
  private async *divided(signal: AbortSignal, trouble: (error: Error) => void): AsyncGenerator<Division> {
    for (let failures = 0; !signal.aborted; failures++) {
      const over = new AbortController();
      const onAbort = () => {
        over.abort();
      };
      signal.addEventListener('abort', onAbort, { once: true });
      try {
        for await (const division of this.membershipOf(over.signal)) {
          failures = 0;
          yield division;
        }
      } catch (error) {
        trouble(asUnavailable(error, `the group ${this.id} can't be joined`));
      } finally {
        signal.removeEventListener('abort', onAbort);
        over.abort();
      }
      const pauseMs = this.runtime.random() * Math.min(5_000, 200 * 2 ** failures);
      await this.runtime.sleep(pauseMs, signal).catch(() => undefined);
    }
  }

  /** What one consumer has, until the signal aborts or it crashes: then it has nothing. */
  private async *membershipOf(over: AbortSignal): AsyncGenerator<Division> {
    const joins = new Channel<Join>();
    const consumer = this.consumerFor(joins);
    over.addEventListener('abort', () => {
      joins.end();
    });
    this.run(consumer, over).catch((error: unknown) => {
      joins.fail(error);
    });
    let last: Join = { memberId: '', partitions: [] };
    try {
      for await (const join of joins) {
        this.consumer = consumer;
        yield dividedAnew(last, join);
        last = join;
      }
    } catch (error) {
      yield { assigned: [], revoked: last.partitions };
      throw error;
    } finally {
      this.consumer = undefined;
      await inTime(consumer.disconnect()); // if not, the group will notice by itself
    }
  }

  /** What is assigned, and a crash, come by the channel. */
  private consumerFor(joins: Channel<Join>): Consumer {
    const { groupId, sessionTimeoutMs, metadataMaxAgeMs } = this.membership;
    const consumer = this.kafka.consumer({
      groupId,
      sessionTimeout: sessionTimeoutMs,
      heartbeatInterval: Math.min(3_000, Math.floor(sessionTimeoutMs / 3)),
      rebalanceTimeout: sessionTimeoutMs, // nobody has anything to finish before it joins anew
      metadataMaxAge: metadataMaxAgeMs,
      maxWaitTimeInMs: tickMs,
      allowAutoTopicCreation: false,
      retry: { restartOnFailure: () => Promise.resolve(false) }, // a crashed one is replaced, never revived
    });
    consumer.on(consumer.events.GROUP_JOIN, ({ payload: { memberId, memberAssignment } }) => {
      // before the first fetch: kafkajs calls this synchronously
      consumer.pause(this.topics.map((topic) => ({ topic })));
      const partitions = partitionsOf(memberAssignment);
      this.assigned = new Set(partitions.map(partitionKey));
      joins.push({ memberId, partitions });
    });
    consumer.on(consumer.events.CRASH, ({ payload: { error } }) => {
      joins.fail(error);
    });
    return consumer;
  }

  /** Looks at each step whether it is over: a consumer that was told to disconnect while it connected would join all the same. */
  private async run(consumer: Consumer, over: AbortSignal): Promise<void> {
    const steps = [
      () => consumer.connect(),
      () => consumer.subscribe({ topics: [...this.topics], fromBeginning: true }),
      () => consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch: () => Promise.resolve() }),
    ];
    for (const step of steps) {
      if (over.aborted) break;
      await step();
    }
    if (over.aborted) await consumer.disconnect();
  }
}

interface Division {
  readonly assigned: readonly Partition[];
  readonly revoked: readonly Partition[];
}

/** An assignment, and under which name it was made. */
interface Join {
  readonly memberId: string;
  readonly partitions: readonly Partition[];
}

/**
 * A member that stays keeps what it had and has again: nobody else may have it in between, but for a join that was overtaken by the
 * next, where the replica's compare-and-set tells. A new name means that the group had given the member up: all begins anew.
 */
function dividedAnew(last: Join, join: Join): Division {
  const kept = new Set(last.memberId === join.memberId ? last.partitions.map(partitionKey) : []);
  const again = new Set(join.partitions.map(partitionKey).filter((key) => kept.has(key)));
  const isNew = (partition: Partition) => !again.has(partitionKey(partition));
  return { assigned: join.partitions.filter(isNew), revoked: last.partitions.filter(isNew) };
}

/** How often a member with nothing to fetch looks whether a heartbeat is due, in milliseconds. */
const tickMs = 200;

const partitionsOf = (assignment: Readonly<Record<string, readonly number[]>>): readonly Partition[] =>
  Object.entries(assignment).flatMap(([topic, partitions]) =>
    partitions.map((partition) => ({ topic, partition: String(partition) })),
  );
