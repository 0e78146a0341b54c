import { decimal, type LogRecord, witnessOf } from '@tidemark/core';
import { collect, eventually, follow, startOf } from '@tidemark/testkit';
import { CompressionTypes } from 'kafkajs';
import { Network } from './network';
import { createTopic, unique } from '../../../test/brokers/kafka-topic';
import { OwnTopic } from './own-topic';

/* What a real broker puts into a partition beside plain records, and how it is read. */

let topic: OwnTopic;
afterEach(() => topic.close());

const numbered = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => ({ key: `key-${from + i}`, value: `value-${from + i}` }));
const offsetsOf = (records: readonly LogRecord[]) => records.map(({ offset }) => Number(offset));

it('I1: reads committed transactions, no aborted ones, and over their markers', async () => {
  topic = await OwnTopic.create();
  const [one, two] = await Promise.all(
    ['one', 'two'].map((name) =>
      topic.producer({ transactionalId: unique(name), idempotent: true, maxInFlightRequests: 1 }),
    ),
  );
  const [first, second] = [await one!.transaction(), await two!.transaction()];
  await first.send({ topic: topic.name, messages: [{ value: 'aborted 1' }] });
  await second.send({ topic: topic.name, messages: [{ value: 'committed 2' }] });
  await first.send({ topic: topic.name, messages: [{ value: 'aborted 3' }] });
  await second.commit();
  await first.abort();
  const third = await one!.transaction();
  await third.send({ topic: topic.name, messages: [{ value: 'committed 4' }] });
  await third.commit();
  const log = topic.log();
  const read = await collect(log, 2);
  expect(read.values).toEqual(['committed 2', 'committed 4']);
  const [end] = await topic.ends();
  // the markers are in the position: nothing is read twice, and nobody seems to lag
  expect([...read.position.offsets].map(({ through }) => through)).toEqual([decimal(Number(end) - 1)]);
  expect((await collect(topic.log(), 0, read.position)).records).toEqual([]);
});

it('is at the head before an open transaction, and has it once it is committed', async () => {
  topic = await OwnTopic.create();
  const plain = await topic.producer();
  const transactional = await topic.producer({
    transactionalId: unique('open'),
    idempotent: true,
    maxInFlightRequests: 1,
  });
  await plain.send({ topic: topic.name, messages: [{ value: 'before' }] });
  const transaction = await transactional.transaction();
  await transaction.send({ topic: topic.name, messages: [{ value: 'in it' }] });
  await plain.send({ topic: topic.name, messages: [{ value: 'behind it' }] });
  const log = topic.log();
  const reading = follow(log, { from: await startOf(log) });
  await reading.until(({ atHead }) => atHead, 'the head: the last stable offset');
  expect(reading.values).toEqual(['before']);
  await transaction.commit();
  await reading.until(({ records }) => records.length === 3, 'the rest');
  await reading.stop();
  expect(reading.values).toEqual(['before', 'in it', 'behind it']);
});

it('publishes a transaction at a time where it is told to, with the position after its last record', async () => {
  topic = await OwnTopic.create({ partitions: 3 });
  const log = topic.log({ transactionalId: unique('writer') });
  const first = await log.publish('things', numbered(0, 30));
  const read = await collect(topic.log(), 30);
  for (const { topic: name, partition, through, witness } of first.offsets) {
    const last = read.records.filter(({ offset }) => offset === through).map(witnessOf);
    expect(last).toContain(witness);
    // the marker stands behind it
    expect((await topic.ends())[Number(partition)]).toBe(String(Number(through) + 2));
    expect(name).toBe(topic.name);
  }
  await log.publish('things', numbered(30, 40));
  expect((await collect(topic.log(), 10, first)).values).toHaveLength(10);
});

it('dates and proves records as the topic does that dates them itself', async () => {
  topic = await OwnTopic.create({ config: { 'message.timestamp.type': 'LogAppendTime' } });
  const log = topic.log();
  const written = await log.publish('things', numbered(0, 5));
  const read = await collect(topic.log(), 5);
  expect([...written.offsets]).toEqual([...read.position.offsets]);
  expect([...(await log.locate('head', new AbortController().signal)).offsets]).toEqual([...read.position.offsets]);
});

it('I1: follows a compacted topic over its holes, and proves nothing where the record itself is gone', async () => {
  topic = await OwnTopic.create({
    config: {
      'cleanup.policy': 'compact',
      'segment.ms': '100',
      'min.cleanable.dirty.ratio': '0.001',
      'max.compaction.lag.ms': '200',
    },
  });
  const log = topic.log();
  const same = { key: 'one key', value: 'again and again' };
  await log.publish('things', [...numbered(0, 10), ...Array.from({ length: 40 }, () => same)]);
  const before = await collect(topic.log(), 50);
  const inTheHole = {
    ...before.position,
    offsets: before.position.offsets.with(
      { topic: topic.name, partition: '0' },
      { through: decimal(30), witness: witnessOf(before.records[30]!) },
    ),
  };
  await eventually(
    async () => {
      await log.publish('things', [same]); // rolls the segment; the active one is never compacted
      return (await collect(topic.log(), 1)).records.length < 30;
    },
    'the cleaner',
    60_000,
  );
  const offsets = offsetsOf((await collect(topic.log(), 11)).records);
  expect(offsets.slice(0, 10)).toEqual(Array.from({ length: 10 }, (_, i) => i));
  expect(offsets[10]).toBeGreaterThan(40);
  const rest = await collect(topic.log(), 1, inTheHole);
  expect(offsetsOf(rest.records)[0]).toBe(offsets[10]);
}, 120_000);

it('reads gzip', async () => {
  topic = await OwnTopic.create();
  const producer = await topic.producer();
  await producer.send({ topic: topic.name, compression: CompressionTypes.GZIP, messages: numbered(0, 20) });
  await producer.send({ topic: topic.name, compression: CompressionTypes.GZIP, messages: numbered(20, 40) });
  const read = await collect(topic.log(), 40);
  expect(read.records).toHaveLength(40);
  // from inside of a batch, whose earlier records come along
  const offsets = read.position.offsets.with({ topic: topic.name, partition: '0' }, { through: decimal(24) });
  expect(offsetsOf((await collect(topic.log(), 15, { ...read.position, offsets })).records)).toEqual(
    Array.from({ length: 15 }, (_, i) => 25 + i),
  );
});

it('I1: ends with a clear error where a codec is missing, instead of passing over what it can not read', async () => {
  topic = await OwnTopic.create({ config: { 'compression.type': 'snappy' } });
  const log = topic.log();
  await log.publish('things', numbered(0, 20));
  const reading = follow(log, { from: await startOf(log) });
  await expect(reading.thrown()).resolves.toMatchObject({
    code: 'INVALID_CONFIGURATION',
    message: expect.stringMatching(/\/0 .* at 0.*Snappy.*CompressionCodecs/) as string,
  });
});

it('I1: reads many partitions with more than one response can hold', async () => {
  topic = await OwnTopic.create({ partitions: 16 });
  const producer = await topic.producer({
    createPartitioner:
      () =>
      ({ message }) =>
        Number(message.key),
  });
  const value = Buffer.alloc(100_000, 'x');
  for (let round = 0; round < 3; round++)
    for (let partition = 0; partition < 16; partition++)
      await producer.send({
        topic: topic.name,
        messages: Array.from({ length: 7 }, () => ({ key: String(partition), value })),
      });
  const read = await collect(topic.log(), 16 * 21);
  expect(read.records).toHaveLength(16 * 21);
  expect([...read.position.offsets].map(({ through }) => through)).toEqual(Array.from({ length: 16 }, () => '20'));
});

it('I7: after every error the record at the position is proven again: the topic was another one when the network came back', async () => {
  topic = await OwnTopic.create();
  const network = new Network();
  const writer = topic.log();
  await writer.publish('things', numbered(0, 20));
  const log = topic.log({ client: network.client() });
  const reading = follow(log, { from: await startOf(log) });
  await reading.until(({ records, atHead }) => atHead && records.length === 20, 'the records');
  const mend = network.cut();
  await reading.until(({ events }) => events.some(({ type }) => type === 'trouble'), 'trouble');
  await topic.recreate();
  await topic.log().publish('things', numbered(100, 160));
  mend();
  await reading.until((r) => r.lost().length === 1, 'what was lost');
  expect(reading.lost()).toMatchObject([{ reason: 'changed', at: '19' }]);
  expect(reading.records).toHaveLength(20);
  await reading.stop();
});

it('is read by several at once, and asked for places meanwhile', async () => {
  topic = await OwnTopic.create({ partitions: 2 });
  const log = topic.log();
  const readings = await Promise.all([1, 2, 3].map(async () => follow(log, { from: await startOf(log) })));
  for (let round = 1; round <= 5; round++) {
    const written = await log.publish('things', numbered(round * 10, round * 10 + 10));
    const [head] = await Promise.all([
      log.locate('head', new AbortController().signal),
      ...readings.map((reading) => reading.until(({ records }) => records.length === round * 10, `round ${round}`)),
    ]);
    expect(head.offsets.covers(written.offsets)).toBe(true);
  }
  for (const reading of readings) await reading.stop();
});

it('I7: positions carry the id of the cluster', async () => {
  topic = await OwnTopic.create();
  const { source } = await startOf(topic.log());
  expect(source).toEqual({
    kind: 'kafka',
    order: 'decimal',
    cluster: expect.stringMatching(/^[\w-]{22}$/) as string,
    epochs: {},
  });
});

it('waits for a topic that does not exist yet, and says that it does not', async () => {
  topic = await OwnTopic.create();
  await topic.admin.deleteTopics({ topics: [topic.name] });
  const log = topic.log({ metadataMaxAgeMs: 500 });
  const trouble: string[] = [];
  const over = new AbortController();
  const events = log.read(async () => startOf(log), over.signal);
  const values: string[] = [];
  const reading = (async () => {
    for await (const event of events)
      if (event.type === 'trouble') trouble.push(event.error.message);
      else if (event.type === 'delivery') {
        values.push(...event.records.map((record) => String(record.value)));
        event.ack();
      }
  })();
  await eventually(() => trouble.length > 0, 'trouble');
  expect(trouble[0]).toContain('a topic does not exist, create it');
  await createTopic(topic.admin, { topic: topic.name, numPartitions: 1 });
  await log.publish('things', numbered(0, 3));
  await eventually(() => values.length === 3, 'the records');
  over.abort();
  await reading;
});
