import { type Log } from '@tidemark/core';
import { type TransportContract, type TransportFeatures, type TransportFixture } from '@tidemark/testkit';
import { type Producer } from 'kafkajs';
import { Network } from './network';
import { unique } from '../../../test/brokers/kafka-topic';
import { OwnTopic } from './own-topic';

/** What the contract suite needs of a topic on the real broker. */
export interface KafkaFixture extends TransportFixture<'things'> {
  readonly log: Log<'things'>;
  readonly topic: OwnTopic;
  readonly producer: Producer;
  readonly network: Network;
}

async function open(group: string | undefined): Promise<KafkaFixture> {
  const topic = await OwnTopic.create({ partitions: 3, config: { 'retention.ms': String(week) } });
  const network = new Network();
  const log = topic.log();
  return {
    log,
    topic,
    producer: await topic.producer(),
    network,
    client: () => topic.log({ client: network.client(), group, metadataMaxAgeMs: 500 }),
    publish: (records) => log.publish('things', records),
    close: () => topic.close(),
  };
}

const week = 604_800_000;

const features: TransportFeatures<'things', KafkaFixture> = {
  trim: async ({ topic: { admin, name } }) => {
    const partitions = (await admin.fetchTopicOffsets(name)).map(({ partition, high }) => ({
      partition,
      offset: high,
    }));
    await admin.deleteTopicRecords({ topic: name, partitions });
  },
  grow: ({ topic: { admin, name } }) => admin.createPartitions({ topicPartitions: [{ topic: name, count: 5 }] }),
  tellsRetention: () => week,
  gap: async ({ topic }) => {
    const producer = await topic.producer({ idempotent: true, maxInFlightRequests: 1, transactionalId: unique('gap') });
    const transaction = await producer.transaction();
    const messages = [0, 1, 2].map((partition) => ({ partition, value: 'never seen' }));
    await transaction.send({ topic: topic.name, messages });
    await transaction.abort();
  },
  outage: ({ network }) => network.cut(),
  publishWithoutKey: ({ producer, topic }, value) =>
    producer.send({ topic: topic.name, messages: [{ key: null, value }] }),
  publisher: ({ log }) => log,
  locator: ({ log }) => log,
};

/** `recreate`, `shorten`, `rewrite`: kafkajs can't tell in general; test/e2e/kafka-loss.kafka.test.ts shows what it can. */
export const kafkaContract = (name: string, reads: 'all' | 'share'): TransportContract<'things', KafkaFixture> => ({
  name,
  topic: 'things',
  reads,
  open: () => open(reads === 'share' ? unique('group') : undefined),
  features,
  biggest: 512 * 1024, // the broker's message.max.bytes is twice that
});
