import { type Log } from '@tidemark/core';
import { kafkaLog, type KafkaLogOptions } from '@tidemark/kafka';
import { type Admin, Kafka, logLevel, type ProducerConfig, type Producer } from 'kafkajs';
import { addressOf } from '../../../test/brokers/jest/tests';

export const client = (): Kafka => new Kafka({ brokers: addressOf('kafka').split(','), logLevel: logLevel.NOTHING });

let names = 0;
/** Tests share one broker: topics, groups and transactions are one's own. */
export const unique = (name: string): string => `${name}-${process.pid}-${Date.now().toString(36)}-${++names}`;

/** A topic of one's own, and everything that was opened for it. */
export class OwnTopic {
  readonly name = unique('topic');
  private readonly closing: (() => Promise<unknown>)[] = [];

  private constructor(readonly admin: Admin) {}

  static async create(
    options: { readonly partitions?: number; readonly config?: Readonly<Record<string, string>> } = {},
  ): Promise<OwnTopic> {
    const admin = client().admin();
    await admin.connect();
    const topic = new OwnTopic(admin);
    const configEntries = Object.entries(options.config ?? {}).map(([name, value]) => ({ name, value }));
    const layout = { topic: topic.name, numPartitions: options.partitions ?? 1, configEntries };
    await admin.createTopics({ waitForLeaders: true, topics: [layout] });
    return topic;
  }

  log(options: Partial<KafkaLogOptions<unknown>> = {}): Log<'things'> {
    const log = kafkaLog({ client: client(), ...options, topics: { things: this.name } });
    this.closing.push(() => log[Symbol.asyncDispose]());
    return log;
  }

  async producer(config: ProducerConfig = {}): Promise<Producer> {
    const producer = client().producer({ allowAutoTopicCreation: false, createPartitioner: () => () => 0, ...config });
    await producer.connect();
    this.closing.push(() => producer.disconnect());
    return producer;
  }

  /** The next offset of each partition, as readers of committed records see it. */
  async ends(): Promise<readonly string[]> {
    const partitions = await this.admin.fetchTopicOffsets(this.name);
    return [...partitions].sort((a, b) => a.partition - b.partition).map(({ high }) => high);
  }

  async close(): Promise<void> {
    for (const close of this.closing.reverse()) await close();
    await this.admin.deleteTopics({ topics: [this.name] }).catch(() => undefined);
    await this.admin.disconnect();
  }
}
