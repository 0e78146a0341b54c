import {
  beginning,
  compareOffsets,
  following,
  type LogRecord,
  type LossReason,
  type Offset,
  type Page,
  type Partition,
  partitionKey,
} from '@tidemark/core';
import { isBefore210 } from './connection';
import { Consumer, Disturbed, type PullLimits } from './consumer';
import { head, requireReadable, trimmed } from './description';
import { type Gap, gapsIn } from './gap';
import { type ConsumerStart, type JetStream, type StreamInfo } from './jetstream';
import { type Delivered } from './message';
import { type SubjectPattern } from './subject-pattern';
import { filtersOf, keysOf, type StreamTopic } from './topics';
import { witnessAt } from './witness';

interface Ask {
  readonly wait: boolean;
  readonly signal: AbortSignal;
}

interface Lost {
  readonly lost: LossReason;
}

/** A partition that is being read. */
interface Reader {
  readonly topic: StreamTopic;
  /** What is read of the stream; none: all of it. */
  readonly filters: readonly SubjectPattern[];
  readonly keys: readonly SubjectPattern[];
  readonly consumer: Consumer;
  readonly epoch: string;
  /** Up to where it was read without a disturbance. */
  through: Offset;
}

/**
 * The pages of one read: a consumer for each partition. Where a partition begins, and after every disturbance, the stream's creation
 * time, its ends and the witness of the position's message prove that the history is still the same; in between deliveries chain.
 */
export class Pages {
  private readonly readers = new Map<string, Reader>();

  constructor(
    private readonly js: JetStream,
    private readonly topics: ReadonlyMap<string, StreamTopic>,
  ) {}

  async page(partition: Partition, after: Offset, ask: Ask): Promise<Page | Lost> {
    const key = partitionKey(partition);
    const reader = this.readers.get(key);
    if (reader?.through === after && !reader.consumer.isBroken)
      try {
        return await this.next(reader, after, ask);
      } catch (error) {
        if (!(error instanceof Disturbed)) throw error;
      }
    this.forget(key);
    ask.signal.throwIfAborted(); // nobody reads it any more
    return this.begin(partition, after, ask.signal);
  }

  /** Nothing is read any more. */
  close(): void {
    for (const key of [...this.readers.keys()]) this.forget(key);
  }

  private forget(key: string): void {
    this.readers.get(key)?.consumer.close();
    this.readers.delete(key);
  }

  /** The consumer first and the stream's state after it: a stream that is created anew in between has taken the consumer with it. */
  private async begin(partition: Partition, after: Offset, signal: AbortSignal): Promise<Page | Lost> {
    const found = filtersOf(this.topics, partition);
    if (found === undefined) return { lost: 'unknown' };
    const { topic, filters } = found;
    const keys = keysOf(topic, filters, await this.js.stream(topic.stream));
    const subjects = { filters, keys };
    const consumer = await Consumer.open(this.js, topic.stream, subjects, startAfter(after), limitsOf(filters));
    let reader: Reader | undefined;
    try {
      const info = await this.js.stream(topic.stream);
      requireReadable(topic, info);
      if (compareOffsets('decimal', after, trimmed(topic, info)) < 0) return { lost: 'expired' };
      if (compareOffsets('decimal', after, head(info)) > 0) return { lost: 'ahead' };
      const witness = await witnessAt(this.js, topic.stream, after, keys);
      const begun = { topic, filters, keys, consumer, epoch: info.created, through: after };
      const page = await this.next(begun, after, { wait: false, signal });
      signal.throwIfAborted(); // nobody reads it any more
      if ('lost' in page) return page;
      reader = begun;
      this.forget(partitionKey(partition));
      return { ...page, epoch: info.created, witness };
    } finally {
      if (reader === undefined) consumer.close();
      else this.readers.set(partitionKey(partition), reader);
    }
  }

  private async next(reader: Reader, after: Offset, ask: Ask): Promise<Page | Lost> {
    const { messages, atEnd } = await reader.consumer.pull(ask);
    requireOwn(reader, after);
    return messages.length === 0 ? this.progress(reader, ask.signal) : this.read(reader, messages, atEnd);
  }

  /** What was pulled isn't there a second time, so the reader stands behind it from now on, whatever becomes of the page. */
  private async read(reader: Reader, messages: readonly Delivered[], atHead: boolean): Promise<Page | Lost> {
    const { through: after, topic } = reader;
    const records = messages.map(({ record }) => record);
    // servers begin at the end of a stream that is shorter than the position, or lags behind
    if (compareOffsets('decimal', (records[0] as LogRecord).offset, after) <= 0)
      throw new Disturbed(`stream ${topic.stream} was read from before the position`);
    const { record, pending } = messages.at(-1) as Delivered;
    reader.through = record.offset;
    const gaps = gapsIn(records, after);
    const [first] = gaps;
    if (first !== undefined && (await this.skipsInPurges()))
      await Promise.all(gaps.map((gap) => this.requireEmpty(reader, gap)));
    if (first !== undefined && topic.keeps === 'log' && isTrimmed(first.after, topic, await this.infoOf(reader)))
      return { lost: 'expired' };
    return { records, through: record.offset, atHead, lag: BigInt(pending) };
  }

  /**
   * There is nothing to read. The position moves to the end of the stream all the same, over other subjects' messages and deleted ones,
   * before retention overtakes it: the end is looked at first, and then that there is nothing of ours up to it.
   */
  private async progress(reader: Reader, signal: AbortSignal): Promise<Page | Lost> {
    const { topic, keys, consumer, through } = reader;
    const end = head(await this.infoOf(reader));
    const still: Page = { records: [], through, atHead: true, lag: 0n };
    if (compareOffsets('decimal', end, through) <= 0) return still;
    if (await this.hasMore(reader)) {
      const { messages, atEnd } = await consumer.pull({ wait: false, signal });
      requireOwn(reader, through);
      if (messages.length > 0) return this.read(reader, messages, atEnd);
      if (await this.skipsInPurges()) throw skipped(topic);
      return { records: [], through, atHead: false };
    }
    const throughWitness = await witnessAt(this.js, topic.stream, end, keys);
    if (isTrimmed(through, topic, await this.infoOf(reader))) return { lost: 'expired' };
    signal.throwIfAborted();
    requireOwn(reader, through);
    reader.through = end;
    return { ...still, through: end, throughWitness };
  }

  /** Asked of the stream, which has told its end: a consumer may live on a server that lags behind it, and knows less. */
  private async hasMore(reader: Reader): Promise<boolean> {
    const from = reader.through === beginning ? '1' : following(reader.through);
    return (await this.firstFrom(reader, from)) !== undefined;
  }

  /** The first sequence of ours from this one on. */
  private async firstFrom({ topic, filters }: Reader, from: string): Promise<bigint | undefined> {
    const subjects = filters.length === 0 ? ['>'] : filters.map(({ text }) => text);
    const found = await Promise.all(subjects.map((subject) => this.js.nextOf(topic.stream, subject, from)));
    const sequences = found.flatMap((message) => (message === undefined ? [] : [BigInt(message.seq)]));
    return sequences.reduce<bigint | undefined>((min, seq) => (min === undefined || seq < min ? seq : min), undefined);
  }

  /** A server before 2.10 moves all consumers to the first message that a purge of one subject has left, over what they haven't had. */
  private async skipsInPurges(): Promise<boolean> {
    return isBefore210((await this.js.link.connection()).info?.version ?? '');
  }

  /** Is what is missing really gone, or somebody else's? */
  private async requireEmpty(reader: Reader, { from, before: next }: Gap): Promise<void> {
    const there = await this.firstFrom(reader, from);
    if (there !== undefined && there < BigInt(next)) throw skipped(reader.topic);
  }

  /** The stream as it is now, which is still the one that the consumer reads. */
  private async infoOf({ topic, epoch }: Reader): Promise<StreamInfo> {
    const info = await this.js.stream(topic.stream);
    if (info.created !== epoch) throw new Disturbed(`stream ${topic.stream} was created anew`);
    return info;
  }
}

/** Throws {@link Disturbed} where a page that nobody waits for any more, or another one, has moved it. */
function requireOwn({ through, topic }: Reader, after: Offset): void {
  if (through !== after) throw new Disturbed(`${topic.name} is read by somebody else here`);
}

const skipped = ({ stream }: StreamTopic) =>
  new Disturbed(`stream ${stream} was read over messages that are there: a subject of it was purged`);

const startAfter = (after: Offset): ConsumerStart =>
  after === beginning
    ? { deliver_policy: 'all' }
    : { deliver_policy: 'by_start_sequence', opt_start_seq: following(after) };

/** Where others' messages lie in between, the position moves often: the stream may not keep them long. */
const limitsOf = (filters: readonly SubjectPattern[]): PullLimits => ({
  batch: 2_000,
  maxBytes: 1024 * 1024,
  expiresMs: filters.length === 0 ? 30_000 : 5_000,
});

/** Has retention removed what comes after this? */
const isTrimmed = (after: Offset, topic: StreamTopic, info: StreamInfo): boolean =>
  compareOffsets('decimal', after, trimmed(topic, info)) < 0;
