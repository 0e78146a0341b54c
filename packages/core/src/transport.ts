import { type Offset } from './offset';
import { type Mark, type Partition } from './partition';
import { type Position } from './position';
import { type LogRecord } from './record';
import { type Source } from './source';

/**
 * Reads a log. An adapter's whole job: identify the log, say whether a position can still be followed, and hand over
 * deliveries in offset order. NOT its job: decoding, retrying handlers, deciding where to start, removing duplicates,
 * storing positions. `transportContract` of @tidemark/testkit is the checklist.
 */
export interface Transport<Topic extends string = string> {
  /** `kafka`, `nats`, `feed`, …: for people. A feed's positions are of the log behind it: their kind is `Source.kind`. */
  readonly kind: string;
  /** The application's name → the log's name. */
  readonly topics: { readonly [T in Topic]: string };
  /** `share`: partitions are divided among the instances of a group. `all`: every instance reads all of them. */
  readonly reads: 'all' | 'share';
  identify(signal: AbortSignal): Promise<Source>;
  /** The cheap check, of the position's partitions and of all that the log has. `read` checks again, bindingly. */
  verify(position: Position, signal: AbortSignal): Promise<Verification>;
  /**
   * Cold: nothing happens before the first `next()`. In offset order within a partition. Ends only when `signal` aborts
   * (normally) or by a terminal error (thrown).
   *
   * One delivery per partition is out at a time; nothing but acks holds a transport back. After each answer of `start`, every
   * partition of that call gets a first delivery (without records if there are none) or is `lost`.
   */
  read(start: Start, signal: AbortSignal): AsyncIterable<TransportEvent<Topic>>;
}

/**
 * Asked at every assignment and restart; answers with the WHOLE stored position (a reader of a shard must see its parents').
 * May take hours, while somebody bootstraps: the transport keeps its membership meanwhile. A partition that the answer
 * doesn't name starts at its beginning, never at the end (I4).
 */
export type Start = (assigned: readonly Partition[]) => Promise<Position>;

export type TransportEvent<Topic extends string = string> =
  | Delivery<Topic>
  | { readonly type: 'assigned' | 'revoked'; readonly partitions: readonly Partition[] }
  /** The partition can't be followed from where `start` said. It idles until restarted. */
  | {
      readonly type: 'lost';
      readonly partition: Partition;
      readonly at: Offset;
      readonly reason: LossReason;
      restart(): void;
    }
  /** The adapter is retrying by itself; for status only. */
  | { readonly type: 'trouble'; readonly error: Error };

/** A run of records of one partition; the unit of flow control and of commit. */
export interface Delivery<Topic extends string = string> {
  readonly type: 'delivery';
  readonly topic: Topic;
  readonly partition: Partition;
  /** Where the run begins: the answer of `start` at first, then the previous `through`. Never computed from records. */
  readonly after: Offset;
  readonly through: Mark;
  /** May be empty: the position moves over gaps, control records and quiet stretches. */
  readonly records: readonly LogRecord[];
  /**
   * There was nothing more to read, as found out no earlier than the delivery before was handed over. A partition that idles
   * at its head says so again from time to time (about every 30 s), by a delivery without records.
   */
  readonly atHead: boolean;
  /** How many records are still to come, where the log can tell. */
  readonly lag?: bigint | undefined;
  /** Its effects are settled; the next delivery of this partition may come. Does nothing after `revoked`. */
  ack(): void;
  /** Drops the cursor and asks `start` again. Valid after `ack` too, until `revoked`. */
  restart(): void;
}

/** `expired`: retention has passed it. `ahead`: the log is shorter. `changed`: other history. `unknown`: nothing explains it. */
export type LossReason = 'expired' | 'ahead' | 'changed' | 'unknown';

export interface Verification {
  readonly partitions: readonly PartitionVerdict[];
}

export interface PartitionVerdict {
  readonly partition: Partition;
  readonly verdict: 'ok' | LossReason;
  /** For people: what was compared with what. */
  readonly why: string;
  /**
   * How long the log keeps a record of this partition, by its age, in milliseconds (Kafka's `retention.ms`, a Kinesis stream's
   * retention period, JetStream's `max_age`). Absent where the log can't tell, or removes records by number or size only.
   */
  readonly retentionMs?: number | undefined;
}
