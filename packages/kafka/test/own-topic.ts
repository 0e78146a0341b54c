import { type Log } from '@tidemark/core';
import { kafkaLog, type KafkaLogOptions } from '@tidemark/kafka';
import { eventually } from '@tidemark/testkit';
import { type Admin, Kafka, logLevel, Partitioners, type ProducerConfig, type Producer } from 'kafkajs';
import { addressOf } from '../../../test/brokers/jest/tests';
import { createTopic, unique } from '../../../test/brokers/kafka-topic';

const client = (): Kafka => new Kafka({ brokers: addressOf('kafka').split(','), logLevel: logLevel.NOTHING });

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
    await createTopic(admin, layout);
    return topic;
  }

  log(options: Partial<KafkaLogOptions<unknown>> = {}): Log<'things'> {
    const log = kafkaLog({ client: client(), ...options, topics: { things: this.name } });
    this.closing.push(async () => log[Symbol.asyncDispose]());
    return log;
  }

  async producer(config: ProducerConfig = {}): Promise<Producer> {
    const producer = client().producer({
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
      ...config,
    });
    await producer.connect();
    this.closing.push(() => producer.disconnect());
    return producer;
  }

  /** Deletes it and creates another one of its name, with one partition. */
  async recreate(): Promise<void> {
    await this.admin.deleteTopics({ topics: [this.name] });
    await eventually(async () => !(await this.admin.listTopics()).includes(this.name), 'the topic to be gone');
    await createTopic(this.admin, { topic: this.name, numPartitions: 1 });
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
