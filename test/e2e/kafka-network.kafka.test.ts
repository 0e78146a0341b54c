import { type Log, type Position } from '@tidemark/core';
import { kafkaLog } from '@tidemark/kafka';
import { eventually, follow, type Reading } from '@tidemark/testkit';
import { Kafka, logLevel } from 'kafkajs';
import { connect } from 'node:net';
import { addressOf } from '../brokers/jest/tests';
import { createTopic, unique } from '../brokers/kafka-topic';
import { Proxy } from '../chaos/proxy';

/* What a network does to a follower and a publisher that go on in one process: each is connected anew by itself. */

let proxy: Proxy;
let topic: string;
let log: Log<'things'>;
/** Past the proxy. */
let direct: Log<'things'>;
let readings: Reading<'things'>[];
let beginning: Position;

const client = (port?: number) =>
  new Kafka({
    brokers: addressOf('kafka').split(','),
    logLevel: logLevel.NOTHING,
    connectionTimeout: 1_000,
    requestTimeout: 1_000,
    retry: { initialRetryTime: 50, maxRetryTime: 300, retries: 3 },
    ...(port !== undefined && { socketFactory: ({ onConnect }) => connect(port, '127.0.0.1', onConnect) }),
  });

beforeEach(async () => {
  topic = unique('network');
  proxy = await Proxy.start();
  proxy.target = Number(addressOf('kafka').split(',')[0]?.split(':').at(-1));
  const admin = client().admin();
  await admin.connect();
  await createTopic(admin, { topic, numPartitions: 2 });
  await admin.disconnect();
  direct = kafkaLog({ client: client(), topics: { things: topic } });
  beginning = await direct.locate('beginning', new AbortController().signal);
  const through = Number(proxy.address.split(':')[1]);
  log = kafkaLog({ client: client(through), topics: { things: topic } });
  const grouped = kafkaLog({
    client: client(through),
    topics: { things: topic },
    group: topic,
    sessionTimeoutMs: 2_000,
  });
  readings = [log, grouped].map((one): Reading<'things'> => {
    const reading: Reading<'things'> = follow(one, { from: async () => reading.position(beginning) });
    return reading;
  });
});
afterEach(async () => {
  proxy.heal();
  for (const reading of readings) await reading.stop();
  await log[Symbol.asyncDispose]();
  await direct[Symbol.asyncDispose]();
  await proxy.stop();
  const admin = client().admin();
  await admin.connect();
  await admin.deleteTopics({ topics: [topic] });
  await admin.disconnect();
});

const publish = (by: Log<'things'>, value: string) => by.publish('things', [{ key: value, value }]);

it.each<[string, () => void]>([
  ['connections have died without a word', () => proxy.blackHole()],
  ['connections were reset', () => proxy.cut()],
  ['answers were cut off', () => (proxy.truncateAfter = 100)],
])('I1, I2: %s: both followers and the publisher go on, over new ones', async (_, breaks) => {
  await publish(log, 'before');
  for (const reading of readings) await reading.until(({ values }) => values.length === 1, 'it follows');
  breaks();
  await publish(direct, 'meanwhile');
  await eventually(() => proxy.hits >= 3, 'a long poll of each follower and a heartbeat to be hit');
  proxy.heal();
  for (const reading of readings)
    await reading.until(({ values }) => values.includes('meanwhile'), 'it goes on', 40_000);
  await eventually(
    () =>
      publish(log, 'after').then(
        () => true,
        () => false,
      ),
    'the publisher goes on',
    40_000,
  );
  for (const reading of readings) {
    await reading.until(({ values }) => values.includes('after'), 'it goes on');
    expect(reading.lost()).toEqual([]);
    expect(new Set(reading.values)).toEqual(new Set(['before', 'meanwhile', 'after']));
  }
});

it('I10: a member whose connections have died without a word still stops and closes, long before its requests time out', async () => {
  const port = Number(proxy.address.split(':')[1]);
  const patient = new Kafka({
    brokers: addressOf('kafka').split(','),
    logLevel: logLevel.NOTHING,
    requestTimeout: 60_000,
    retry: { retries: 0 }, // what is left of it ends as soon as its connections do
    socketFactory: ({ onConnect }) => connect(port, '127.0.0.1', onConnect),
  });
  const member = kafkaLog({ client: patient, topics: { things: topic }, group: `${topic}-patient` });
  const reading = follow(member, { from: beginning });
  await reading.until(({ partitions }) => partitions.length === 2, 'it is a member');
  proxy.blackHole();
  await eventually(() => proxy.hits >= 2, 'a long poll and a heartbeat to be hit');
  const began = performance.now();
  await reading.stop();
  await member[Symbol.asyncDispose]();
  expect(performance.now() - began).toBeLessThan(15_000);
});
