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

/** Answers with one message, several (an array) or none (`undefined`). */
type Step = (message: unknown) => unknown;

/** Decoding and all steps as one function. */
export class Steps<M> {
  private readonly readers: ReadonlyMap<string, TopicReader>;
  private readonly onlyTopic: string | undefined;
  private readonly steps: readonly Step[];

  /** `wrap` makes the terminal's change of a message and its record (`undefined`: a row); the message itself unless given. */
  constructor(
    { decode, steps }: Plan,
    private readonly wrap?: (message: unknown, record: LogRecord | undefined) => M,
  ) {
    const topics = Object.keys(decode);
    this.readers = new Map(topics.map((topic) => [topic, topicReader(topic, decode[topic] as Decoders[string])]));
    this.onlyTopic = topics.length === 1 ? topics[0] : undefined;
    this.steps = steps;
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
    const out: M[] = [];
    for (const row of rows) this.pass(reader.row(row), undefined, out);
    for (const tombstone of tombstones) this.pass(reader.tombstone(tombstone), undefined, out);
    return out;
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
    const out: M[] = [];
    for (const record of records) {
      const before = out.length;
      try {
        this.pass(reader.record(partition, record), record, out);
      } catch (cause) {
        out.length = before;
        poison(
          record,
          cause instanceof SyncError ? cause : new DecodeFailed(`the decoder of ${topic} threw`, { cause }),
        );
      }
    }
    return out;
  }

  /** Through the steps from this one on, into `out`. */
  private pass(message: unknown, record: LogRecord | undefined, out: M[], from = 0): void {
    const step = this.steps[from];
    if (step === undefined) {
      out.push(this.wrap === undefined ? (message as M) : this.wrap(message, record));
      return;
    }
    const result = step(message);
    if (Array.isArray(result)) for (const one of result as unknown[]) this.pass(one, record, out, from + 1);
    else if (result !== undefined) this.pass(result, record, out, from + 1);
  }

  private known(): string {
    return [...this.readers.keys()].join(', ');
  }
}
