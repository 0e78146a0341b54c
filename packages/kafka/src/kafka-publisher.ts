import {
  decimal,
  FencedOut,
  InvalidConfiguration,
  type LogRecord,
  type Mark,
  type NewRecord,
  OffsetMap,
  type Position,
  type Publisher,
  type Source,
  TransportFault,
  witnessOf,
} from '@tidemark/core';
import { type Kafka, type Message, Partitioners, type Producer, type RecordMetadata } from 'kafkajs';
import { inTime } from './connections';
import { asUnavailable } from './kafka-error';

export interface PublishOptions {
  /** With it each `publish` is a transaction (KIP-98): readers see all of its records or none. One living producer has it. */
  readonly transactionalId?: string | undefined;
}

/** A record as it is sent; where it goes is known once kafkajs has asked the partitioner. */
interface Sent {
  readonly message: Message;
  partition?: number;
}

/**
 * Keyed and idempotent: records of one key go to one partition in order, and a retried request is written once. The default
 * partitioner of the Java clients (murmur2) decides, so producers in other languages agree.
 */
export class KafkaPublisher<Topic extends string> implements Publisher<Topic> {
  private producer: Promise<Producer> | undefined;
  private readonly sent = new WeakMap<Message, Sent>();

  constructor(
    private readonly kafka: Kafka,
    private readonly topics: { readonly [T in Topic]: string },
    private readonly identify: () => Promise<Source>,
    private readonly options: PublishOptions,
  ) {}

  async publish(application: Topic, records: readonly NewRecord[]): Promise<Position> {
    const topic: string = this.topics[application];
    if (!Object.hasOwn(this.topics, application))
      throw new InvalidConfiguration(`kafkaLog has no topic "${application}"`);
    const source = await this.identify();
    if (records.length === 0) return { source, offsets: OffsetMap.from('decimal', []) };
    const timestamp = String(Date.now());
    const sent = records.map((record): Sent => ({ message: messageOf(record, timestamp) }));
    for (const one of sent) this.sent.set(one.message, one);
    const messages = sent.map(({ message }) => message);
    const producer = this.connected();
    try {
      const answers = await this.send(await producer, topic, messages);
      const entries = answers.map((answer) => written(topic, sent, answer));
      return { source, offsets: OffsetMap.from('decimal', entries) };
    } catch (error) {
      if (isFenced(error))
        throw new FencedOut(`another process has taken over the transactional id of what is published to ${topic}`, {
          cause: error,
        });
      this.giveUp(producer);
      throw asUnavailable(error, `${records.length} record(s) can't be published to ${topic}`);
    }
  }

  /** What was begun is settled first, unless the broker doesn't answer. */
  async close(): Promise<void> {
    const producer = await this.producer?.catch(() => undefined);
    if (producer !== undefined) await inTime(producer.disconnect());
  }

  private async send(producer: Producer, topic: string, messages: Message[]): Promise<readonly RecordMetadata[]> {
    if (this.options.transactionalId === undefined) return producer.send({ topic, messages, acks: -1 });
    const transaction = await producer.transaction();
    try {
      const answers = await transaction.send({ topic, messages, acks: -1 });
      await transaction.commit();
      return answers;
    } catch (error) {
      if (transaction.isActive()) await transaction.abort();
      throw error;
    }
  }

  private connected(): Promise<Producer> {
    return (this.producer ??= this.connect());
  }

  /**
   * The next `publish` begins with a new producer. A request that failed may have arrived all the same, and kafkajs would give its
   * sequence numbers to other records: the broker would take these for the same ones sent again, and leave them out.
   */
  private giveUp(producer: Promise<Producer>): void {
    if (this.producer === producer) this.producer = undefined;
    producer.then((one) => one.disconnect()).catch(() => undefined); // it may have lost its broker
  }

  private async connect(): Promise<Producer> {
    const { transactionalId } = this.options;
    const producer = this.kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: () => this.partitioner(),
      ...(transactionalId !== undefined && { transactionalId }),
    });
    await producer.connect();
    return producer;
  }

  private partitioner(): ReturnType<typeof Partitioners.DefaultPartitioner> {
    const choose = Partitioners.DefaultPartitioner();
    return (asked) => {
      const partition = choose(asked);
      const sent = this.sent.get(asked.message);
      if (sent !== undefined) sent.partition = partition;
      return partition;
    };
  }
}

const isFenced = (error: unknown): boolean =>
  ['INVALID_PRODUCER_EPOCH', 'PRODUCER_FENCED'].includes((error as { readonly type?: string }).type ?? '');

function messageOf({ key, value, headers }: NewRecord, timestamp: string): Message {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : value && Buffer.from(value);
  return { key: Buffer.from(key, 'utf8'), value: bytes, timestamp, ...(headers && { headers }) };
}

/** The mark of one partition: after its last record. Kafka answers with where the first one stands. */
function written(
  topic: string,
  sent: readonly Sent[],
  { partition, baseOffset, logAppendTime }: RecordMetadata,
): { readonly topic: string; readonly partition: string } & Mark {
  const ours = sent.filter((one) => one.partition === partition);
  const last = ours.at(-1)?.message;
  if (last === undefined || baseOffset === undefined || baseOffset.startsWith('-'))
    throw new TransportFault(`Kafka accepted records into ${topic}/${partition} and did not say where they stand`);
  // the topic may date records itself (message.timestamp.type=LogAppendTime)
  const timestamp = Number(logAppendTime === undefined || logAppendTime === '-1' ? last.timestamp : logAppendTime);
  const { key, value } = last as Pick<LogRecord, 'key' | 'value'>;
  const through = decimal(BigInt(baseOffset) + BigInt(ours.length - 1));
  return { topic, partition: String(partition), through, witness: witnessOf({ key, value, timestamp }) };
}
