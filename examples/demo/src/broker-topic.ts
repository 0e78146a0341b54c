import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { beginning, following, type Position } from '@tidemark/core';
import { type Broker } from '@tidemark-examples/support';
import { type Admin, Kafka, logLevel } from 'kafkajs';
import { connect } from 'nats';

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

export async function brokerTopic(kind: Broker['kind'], address: string): Promise<BrokerTopic> {
  const name = `tidemark-demo-${randomBytes(6).toString('hex')}`;
  const broker = { kind, address, topic: `${name}-updates` };
  const group = `${name}-follower`;
  return { broker, group, ...(await operators[kind](address, broker.topic, group)) };
}

type Operated = Pick<BrokerTopic, 'trim' | 'remove'>;

const partitions = 4;

async function kafkaTopic(address: string, topic: string, group: string): Promise<Operated> {
  const admin = new Kafka({ brokers: address.split(','), logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  await admin.createTopics({ waitForLeaders: false, topics: [{ topic, numPartitions: partitions }] });
  const signal = AbortSignal.timeout(15_000);
  while (!(await hasLeaders(admin, topic))) await pause(10, undefined, { signal });
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

/** kafkajs's own `waitForLeaders` rejects where the broker hasn't heard yet of what its controller has created. */
const hasLeaders = (admin: Admin, topic: string): Promise<boolean> =>
  admin.fetchTopicMetadata({ topics: [topic] }).then(
    ({ topics }) => topics[0]?.partitions.every(({ leader }) => leader >= 0) === true,
    () => false,
  );

/** A stream, which is one partition. */
async function natsStream(address: string, topic: string): Promise<Operated> {
  const connection = await connect({ servers: address.split(',') });
  const { streams } = await connection.jetstreamManager();
  await streams.add({ name: topic, subjects: [`${topic}.>`] });
  return {
    trim: async ({ offsets }) => {
      for (const { through } of offsets)
        if (through !== beginning) await streams.purge(topic, { seq: Number(following(through)) });
    },
    remove: async () => {
      await streams.delete(topic);
      await connection.close();
    },
  };
}

const operators = { kafka: kafkaTopic, nats: natsStream } as const;
