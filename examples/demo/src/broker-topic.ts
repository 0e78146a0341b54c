import { randomBytes } from 'node:crypto';
import { beginning, following, type Position } from '@tidemark/core';
import { type Broker } from '@tidemark-examples/support';
import { Kafka, logLevel } from 'kafkajs';

/** A topic for one run, as who operates the broker has it: the services only write to it and read it. */
export interface BrokerTopic {
  readonly broker: Broker;
  /** Of the followers. */
  readonly group: string;
  /** Drops everything up to this position. */
  readonly trim: (through: Position) => Promise<void>;
  /** Removes the topic, with what the broker keeps of the followers. */
  readonly remove: () => Promise<void>;
}

const partitions = 4;

export async function brokerTopic(kind: Broker['kind'], address: string): Promise<BrokerTopic> {
  const name = `tidemark-demo-${randomBytes(6).toString('hex')}`;
  const broker = { kind, address, topic: `${name}.updates` };
  const group = `${name}.follower`;
  return { broker, group, ...(await operators[kind](address, broker.topic, group)) };
}

async function kafkaTopic(
  address: string,
  topic: string,
  group: string,
): Promise<Pick<BrokerTopic, 'trim' | 'remove'>> {
  const admin = new Kafka({ brokers: address.split(','), logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: partitions }] });
  return {
    trim: async ({ offsets }) => {
      await admin.fetchTopicOffsets(topic); // kafkajs finds no leaders of a topic before it was asked for something else
      await admin.deleteTopicRecords({
        topic,
        partitions: [...offsets]
          .filter(({ through }) => through !== beginning)
          .map(({ partition, through }) => ({ partition: Number(partition), offset: following(through) })),
      });
    },
    remove: async () => {
      await admin.deleteTopics({ topics: [topic] });
      await admin.deleteGroups([group]).catch(() => undefined); // a follower that was killed may still be a member
      await admin.disconnect();
    },
  };
}

const operators = { kafka: kafkaTopic } as const;
