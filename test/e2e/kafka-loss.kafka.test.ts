import { type Log } from '@tidemark/core';
import { kafkaLog } from '@tidemark/kafka';
import { eventually } from '@tidemark/testkit';
import { type Admin, Kafka, logLevel } from 'kafkajs';
import { addressOf } from '../brokers/jest/tests';
import { createTopic, unique } from '../brokers/kafka-topic';
import { FollowedThings, type Thing } from './followed-things';

/* What happens to a log while nobody reads it: Tidemark takes a new snapshot and says why; kafkajs alone reads on and loses. */

const client = () => new Kafka({ brokers: addressOf('kafka').split(','), logLevel: logLevel.NOTHING });

let admin: Admin;
let topic: string;
let log: Log<'things'>;
let things: FollowedThings;
let reader: KafkajsAlone;

beforeEach(async () => {
  admin = client().admin();
  await admin.connect();
  topic = unique('things');
  await create();
  log = kafkaLog({ client: client(), topics: { things: topic } });
  things = new FollowedThings(log);
  reader = new KafkajsAlone(topic);
});

afterEach(async () => {
  await reader.stop();
  await log[Symbol.asyncDispose]();
  await admin.deleteTopics({ topics: [topic] }).catch(() => undefined);
  await admin.disconnect();
  things.close();
});

const create = () => createTopic(admin, { topic, numPartitions: 1 });

/** A consumer as people write it, with its position in the group and its state in a map. */
class KafkajsAlone {
  readonly seen = new Map<string, number>();
  private readonly groupId = unique('alone');
  private readonly consumers: { disconnect(): Promise<void> }[] = [];

  constructor(private readonly topic: string) {}

  /** Reads on from the group's offset until it has committed it. */
  async run(): Promise<() => Promise<void>> {
    const consumer = client().consumer({ groupId: this.groupId, maxWaitTimeInMs: 100 });
    this.consumers.push(consumer);
    let fetches = 0;
    consumer.on(consumer.events.FETCH, () => {
      fetches += 1;
    });
    await consumer.connect();
    await consumer.subscribe({ topic: this.topic });
    await consumer.run({
      eachMessage: async ({ message }) => {
        const { id, n } = JSON.parse(String(message.value)) as Thing;
        this.seen.set(id, n);
      },
    });
    await eventually(() => fetches > 3, 'its polls');
    return () => consumer.disconnect();
  }

  async stop(): Promise<void> {
    for (const consumer of this.consumers) await consumer.disconnect();
  }
}

interface Accident {
  readonly reason: string;
  /** What happens to the log, and what A does then. */
  happens(): Promise<void>;
}

const accidents: readonly (readonly [name: string, accident: Accident])[] = [
  [
    'retention has passed the position',
    {
      reason: 'expired',
      happens: async () => {
        await things.write(0, 60);
        const [{ high } = { high: '' }] = await admin.fetchTopicOffsets(topic);
        await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: high }] });
        await things.write(60, 70);
      },
    },
  ],
  [
    'the topic was deleted and created anew, and has more records by now: the witness tells',
    {
      reason: 'changed',
      happens: async () => {
        await recreate();
        await things.write(0, 60);
      },
    },
  ],
  [
    'the topic was deleted and created anew, and the position is beyond its end',
    {
      reason: 'ahead',
      happens: async () => {
        await recreate();
        await things.write(0, 10);
      },
    },
  ],
];

async function recreate(): Promise<void> {
  await admin.deleteTopics({ topics: [topic] });
  await eventually(async () => !(await admin.listTopics()).includes(topic), 'the topic to be gone');
  await create();
}

describe.each(accidents)('%s', (_, { reason, happens }) => {
  it(`I1, I7, I8: is told as ${reason}, and a new snapshot makes the replica right`, async () => {
    await things.write(0, 40);
    await things.follow();
    await happens();
    expect(await things.reasons()).toEqual([reason]);
    expect(things.replica()).toEqual(things.expected());
    await things.write(30, 50);
    expect(await things.reasons()).toEqual([]);
    expect(things.replica()).toEqual(things.expected());
  });

  it('kafkajs alone loses updates, and says nothing', async () => {
    const leave = await reader.run();
    await things.write(0, 40);
    await eventually(() => reader.seen.size === 40, 'its first records');
    await leave();
    await happens();
    await reader.run();
    await things.write(100, 101);
    await eventually(() => reader.seen.has('thing-100'), 'what it reads next');
    const lost = [...things.state.values()].filter(({ id, n }) => reader.seen.get(id) !== n);
    expect(lost.length).toBeGreaterThan(0);
  });
});

it('I8: a topic with a new name needs a new snapshot, and the old marks are no floor for those that follow', async () => {
  await things.write(0, 40);
  await things.follow();
  const old = { log, topic };
  topic = unique('renamed');
  await create();
  log = kafkaLog({ client: client(), topics: { things: topic } });
  things.log = log;
  await things.write(0, 10);
  expect(await things.reasons()).toEqual(['unknown']);
  expect(things.replica()).toEqual(things.expected());
  await things.write(5, 20);
  const [{ high } = { high: '' }] = await admin.fetchTopicOffsets(topic);
  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: high }] });
  expect(await things.reasons()).toEqual(['expired']);
  expect(things.replica()).toEqual(things.expected());
  await old.log[Symbol.asyncDispose]();
  await admin.deleteTopics({ topics: [old.topic] });
});
