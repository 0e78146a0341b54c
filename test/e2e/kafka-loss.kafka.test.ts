import { DatabaseSync } from '@photostructure/sqlite';
import {
  applyTo,
  headThenRows,
  type Log,
  type Pipeline,
  snapshotThenSubscribe,
  type SyncEvent,
  translate,
  upsert,
} from '@tidemark/core';
import { kafkaLog } from '@tidemark/kafka';
import { sqliteTable } from '@tidemark/sqlite';
import { eventually } from '@tidemark/testkit';
import * as t from 'io-ts';
import { type Admin, Kafka, logLevel } from 'kafkajs';
import { addressOf } from '../brokers/jest/tests';
import { createTopic, unique } from '../brokers/kafka-topic';

/* What happens to a log while nobody reads it: Tidemark takes a new snapshot and says why; kafkajs alone reads on and loses. */

const Thing = t.type({ id: t.string, n: t.number });
type Thing = t.TypeOf<typeof Thing>;

const client = () => new Kafka({ brokers: addressOf('kafka').split(','), logLevel: logLevel.NOTHING });

let admin: Admin;
let topic: string;
let log: Log<'things'>;
let db: InstanceType<typeof DatabaseSync>;
/** A's own state, and how often each thing has been written. */
let state: Map<string, Thing>;
let reader: KafkajsAlone;

beforeEach(async () => {
  admin = client().admin();
  await admin.connect();
  topic = unique('things');
  await create();
  log = kafkaLog({ client: client(), topics: { things: topic } });
  db = new DatabaseSync(':memory:');
  state = new Map();
  reader = new KafkajsAlone(topic);
});

afterEach(async () => {
  await reader.stop();
  await log[Symbol.asyncDispose]();
  await admin.deleteTopics({ topics: [topic] }).catch(() => undefined);
  await admin.disconnect();
  db.close();
});

const create = () => createTopic(admin, { topic, numPartitions: 1 });

/** One update of each of so many things; those of a topic that is gone later stay in A's state. */
async function write(from: number, to: number): Promise<void> {
  const things = Array.from({ length: to - from }, (_, i): Thing => {
    const id = `thing-${from + i}`;
    return { id, n: (state.get(id)?.n ?? 0) + 1 };
  });
  await log.publish(
    'things',
    things.map((thing) => ({ key: thing.id, value: JSON.stringify(thing) })),
  );
  for (const thing of things) state.set(thing.id, thing);
}

/** Service B, once: follows until it has caught up, and stops. */
async function follow(): Promise<readonly SyncEvent<unknown>[]> {
  const told: SyncEvent<unknown>[] = [];
  const table = sqliteTable<Thing>(db, { table: 'thing', key: 'id', columns: { id: 'text', n: 'integer' } });
  const pipeline: Pipeline<unknown> = snapshotThenSubscribe({
    name: 'things',
    snapshot: headThenRows(log, { things: () => state.values() }),
    transport: log,
    decode: { things: { row: Thing, update: Thing } },
    times: { aheadMs: 1_000, retryMs: 200 },
  }).pipe(
    translate(({ value }) => upsert(value)),
    applyTo(table),
  );
  const subscription = pipeline.subscribe({ next: (event) => told.push(event), error: () => undefined });
  await pipeline.caughtUp();
  await pipeline.stop();
  subscription.unsubscribe();
  return told;
}

const replica = (): unknown => db.prepare('select id, n from thing order by id').all();
const expected = (): readonly Thing[] => [...state.values()].sort((a, b) => (a.id < b.id ? -1 : 1));

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
        await write(0, 60);
        const [{ high } = { high: '' }] = await admin.fetchTopicOffsets(topic);
        await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: high }] });
        await write(60, 70);
      },
    },
  ],
  [
    'the topic was deleted and created anew, and has more records by now: the witness tells',
    {
      reason: 'changed',
      happens: async () => {
        await recreate();
        await write(0, 60);
      },
    },
  ],
  [
    'the topic was deleted and created anew, and the position is beyond its end',
    {
      reason: 'ahead',
      happens: async () => {
        await recreate();
        await write(0, 10);
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
    await write(0, 40);
    await follow();
    await happens();
    const told = await follow();
    const why = told.flatMap((event) => (event.type === 'mustRefetch' ? [event.reason] : []));
    expect(why).toEqual([reason]);
    expect(replica()).toEqual(expected());
    await write(30, 50);
    expect((await follow()).map(({ type }) => type)).not.toContain('mustRefetch');
    expect(replica()).toEqual(expected());
  });

  it('kafkajs alone loses updates, and says nothing', async () => {
    const leave = await reader.run();
    await write(0, 40);
    await eventually(() => reader.seen.size === 40, 'its first records');
    await leave();
    await happens();
    await reader.run();
    await write(100, 101);
    await eventually(() => reader.seen.has('thing-100'), 'what it reads next');
    const lost = [...state.values()].filter(({ id, n }) => reader.seen.get(id) !== n);
    expect(lost.length).toBeGreaterThan(0);
  });
});

it('I8: a topic with a new name needs a new snapshot, and the old marks are no floor for those that follow', async () => {
  await write(0, 40);
  await follow();
  const old = { log, topic };
  topic = unique('renamed');
  await create();
  log = kafkaLog({ client: client(), topics: { things: topic } });
  await write(0, 10);
  const reasons = async () => (await follow()).flatMap((event) => (event.type === 'mustRefetch' ? [event.reason] : []));
  expect(await reasons()).toEqual(['unknown']);
  expect(replica()).toEqual(expected());
  await write(5, 20);
  const [{ high } = { high: '' }] = await admin.fetchTopicOffsets(topic);
  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: high }] });
  expect(await reasons()).toEqual(['expired']);
  expect(replica()).toEqual(expected());
  await old.log[Symbol.asyncDispose]();
  await admin.deleteTopics({ topics: [old.topic] });
});
