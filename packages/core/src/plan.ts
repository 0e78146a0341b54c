import { type Decoders } from './decode';
import { DecodeFailed, SnapshotRejected, SyncError } from './errors';
import { type Partition } from './partition';
import { type LogRecord } from './record';
import { type Runtime } from './runtime';
import { type SnapshotSource, type SnapshotTombstone } from './snapshot';
import { type Times } from './times';
import { type TopicReader, topicReader } from './topic-reader';
import { type Transport } from './transport';

/** Everything that a synchronisation needs but its terminal: what `snapshotThenSubscribe` was given, and the steps so far. */
export interface Plan {
  readonly name: string;
  readonly version: string | undefined;
  readonly scope: string | undefined;
  readonly snapshot: SnapshotSource;
  readonly transport: Transport;
  readonly decode: Decoders;
  readonly onMustRefetch: 'resnapshot' | 'fail';
  readonly onUnknownPosition: 'resnapshot' | 'fail';
  readonly snapshotAttempts: number;
  readonly times: Times;
  readonly runtime: Runtime;
  readonly steps: readonly Step[];
}

/** Hands on one message, several or none. */
export type Step = (message: unknown, emit: (message: unknown) => void) => void;

/** Decoding and all steps as one function that pushes into an array. */
export class Steps<M> {
  private readonly readers: ReadonlyMap<string, TopicReader>;
  private readonly onlyTopic: string | undefined;
  private out: M[] = [];
  private readonly push: (message: unknown) => void;
  /** The record whose messages are being pushed. */
  private current: LogRecord | undefined;

  /** `wrap` makes the terminal's change of a message and its record (`undefined`: a row); the message itself unless given. */
  constructor({ decode, steps }: Plan, wrap?: (message: unknown, record: LogRecord | undefined) => M) {
    const topics = Object.keys(decode);
    this.readers = new Map(topics.map((topic) => [topic, topicReader(topic, decode[topic] as Decoders[string])]));
    this.onlyTopic = topics.length === 1 ? topics[0] : undefined;
    this.push = steps.reduceRight<(message: unknown) => void>(
      (emit, step) => (message) => {
        step(message, emit);
      },
      wrap === undefined
        ? (message) => this.out.push(message as M)
        : (message) => this.out.push(wrap(message, this.current)),
    );
  }

  /** The messages of these snapshot rows and tombstones. Throws `DecodeFailed`, `TranslateFailed` or `SnapshotRejected`. */
  rows(topic: string | undefined, rows: readonly unknown[], tombstones: readonly SnapshotTombstone[] = []): M[] {
    const name = topic ?? this.onlyTopic;
    const reader = name === undefined ? undefined : this.readers.get(name);
    if (reader === undefined)
      throw new SnapshotRejected(
        `the snapshot has rows of ${name ?? 'no topic'}; the pipeline decodes ${this.known()}`,
        false,
      );
    this.out = [];
    this.current = undefined;
    for (const row of rows) this.push(reader.row(row));
    for (const tombstone of tombstones) this.push(reader.tombstone(tombstone));
    return this.out;
  }

  /** The messages of these records; what throws is left out and told to `poison`. */
  records(
    topic: string,
    partition: Partition,
    records: readonly LogRecord[],
    poison: (record: LogRecord, error: SyncError) => void,
  ): M[] {
    const reader = this.readers.get(topic);
    if (reader === undefined)
      throw new DecodeFailed(`a delivery of topic ${topic}; the pipeline decodes ${this.known()}`);
    this.out = [];
    for (const record of records) {
      const before = this.out.length;
      this.current = record;
      try {
        this.push(reader.record(partition, record));
      } catch (cause) {
        this.out.length = before;
        poison(
          record,
          cause instanceof SyncError ? cause : new DecodeFailed(`the decoder of ${topic} threw`, { cause }),
        );
      }
    }
    return this.out;
  }

  private known(): string {
    return [...this.readers.keys()].join(', ');
  }
}
