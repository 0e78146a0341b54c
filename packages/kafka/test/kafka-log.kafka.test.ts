import { type Log } from '@tidemark/core';
import { kafkaLog } from '@tidemark/kafka';
import { type TransportFeatures, type TransportFixture, transportContract } from '@tidemark/testkit';
import { type Admin, Kafka, logLevel, type Producer } from 'kafkajs';
import { addressOf } from '../../../test/brokers/jest/tests';

const client = () => new Kafka({ brokers: addressOf('kafka').split(','), logLevel: logLevel.NOTHING });

interface Fixture extends TransportFixture<'orders'> {
  readonly log: Log<'orders'>;
  readonly topic: string;
  readonly admin: Admin;
  readonly producer: Producer;
}

let count = 0;
const unique = (name: string) => `${name}-${process.pid}-${Date.now().toString(36)}-${++count}`;

const open = (grouped: boolean) => async (): Promise<Fixture> => {
  const kafka = client();
  const admin = kafka.admin();
  const producer = kafka.producer({ allowAutoTopicCreation: false, createPartitioner: () => () => 0 });
  const topic = unique('orders');
  const group = grouped ? unique('group') : undefined;
  await Promise.all([admin.connect(), producer.connect()]);
  await admin.createTopics({
    waitForLeaders: true,
    topics: [{ topic, numPartitions: 3, configEntries: [{ name: 'retention.ms', value: String(week) }] }],
  });
  const logs: Log<'orders'>[] = [];
  const another = () => {
    const log = kafkaLog({ client: client(), topics: { orders: topic }, group, metadataMaxAgeMs: 500 });
    logs.push(log);
    return log;
  };
  const log = another();
  return {
    log,
    topic,
    admin,
    producer,
    client: another,
    publish: (records) => log.publish('orders', records),
    close: async () => {
      await Promise.all(logs.map((one) => one[Symbol.asyncDispose]()));
      await admin.deleteTopics({ topics: [topic] });
      await Promise.all([admin.disconnect(), producer.disconnect()]);
    },
  };
};

const week = 604_800_000;

const features: TransportFeatures<'orders', Fixture> = {
  trim: async ({ admin, topic }) => {
    const partitions = await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({
      topic,
      partitions: partitions.map(({ partition, high }) => ({ partition, offset: high })),
    });
  },
  grow: ({ admin, topic }) => admin.createPartitions({ topicPartitions: [{ topic, count: 5 }] }),
  tellsRetention: () => week,
  gap: async ({ topic }) => {
    const producer = client().producer({ idempotent: true, maxInFlightRequests: 1, transactionalId: unique('gap') });
    await producer.connect();
    const transaction = await producer.transaction();
    await transaction.send({ topic, messages: [0, 1, 2].map((partition) => ({ partition, value: 'never seen' })) });
    await transaction.abort();
    await producer.disconnect();
  },
  publishWithoutKey: ({ producer, topic }, value) => producer.send({ topic, messages: [{ key: null, value }] }),
  publisher: ({ log }) => log,
  locator: ({ log }) => log,
};

/** Half of what the broker takes (`message.max.bytes`), so that two never share a batch. */
const biggest = 512 * 1024;

transportContract(
  { describe, it },
  { name: 'kafkaLog', topic: 'orders', reads: 'all', open: open(false), features, biggest },
);
transportContract(
  { describe, it },
  { name: 'kafkaLog in a group', topic: 'orders', reads: 'share', open: open(true), features, biggest },
);
