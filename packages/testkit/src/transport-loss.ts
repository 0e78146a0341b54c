import {
  type Delivery,
  type LossReason,
  type Partition,
  partitionKey,
  type PartitionVerdict,
  type Position,
  samePartition,
  type Transport,
} from '@tidemark/core';
import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { collect, startOf } from './collect';
import { quietTime } from './eventually';
import { follow, type Reading } from './reading';
import { records, sameItems, valuesOf } from './sample-records';
import { type TransportContract, type TransportFixture, type TransportScenario } from './transport-fixture';

/** A position that can't be followed is named, never skipped over. */
export function lossScenarios<T extends string, F extends TransportFixture<T>>(
  scenario: TransportScenario<T, F>,
  { features = {} }: TransportContract<T, F>,
): void {
  scenario(
    'finds positions from the beginning to the head ok, whatever partitions they name',
    async (fixture, connect) => {
      await fixture.publish(records(60));
      const client = connect();
      const start = await startOf(client);
      const { position, records: read } = await collect(client, 60);
      const [entry] = [...position.offsets];
      ok(entry && read.length === 60, 'a position');
      const all = await verify(client, start);
      ok(
        [...position.offsets].every((named) => all.some(({ partition }) => samePartition(partition, named))),
        'verify looks at every partition of the log',
      );
      for (const at of [start, position, { ...position, offsets: position.offsets.without([entry]) }])
        for (const { verdict, why } of await verify(client, at)) strictEqual(verdict, 'ok', why);
    },
  );

  scenario('I7: finds a position of another log changed', async (fixture, connect) => {
    await fixture.publish(records(48));
    const client = connect();
    const { position } = await collect(client, 48);
    const elsewhere: Position = { ...position, source: { ...position.source, kind: 'elsewhere' } };
    await expectVerdict(client, elsewhere, [...position.offsets], 'changed');
    await expectLost(client, elsewhere, [...position.offsets], 'changed');
    if (position.source.cluster === undefined) return;
    const otherCluster: Position = { ...position, source: { ...position.source, cluster: 'another-cluster' } };
    await expectVerdict(client, otherCluster, [...position.offsets], 'changed');
  });

  scenario('does not know a partition that the log never had', async (fixture, connect) => {
    const client = connect();
    await fixture.publish(records(48));
    const { position } = await collect(client, 48);
    const [entry] = [...position.offsets];
    ok(entry, 'a position');
    const stranger: Partition = { topic: entry.topic, partition: '999999' };
    const verdicts = await verify(client, { ...position, offsets: position.offsets.with(stranger, entry) });
    deepStrictEqual(
      verdicts.filter(({ verdict }) => verdict !== 'ok').map(({ partition, verdict }) => ({ partition, verdict })),
      [{ partition: stranger, verdict: 'unknown' }],
    );
  });

  if (features.tellsRetention !== undefined) {
    const { tellsRetention } = features;
    scenario('tells how long it keeps the records of each partition', async (fixture, connect) => {
      const client = connect();
      const retentionMs = await tellsRetention(fixture);
      const verdicts = await verify(client, await startOf(client));
      ok(verdicts.length > 0, 'a verdict');
      for (const told of verdicts) strictEqual(told.retentionMs, retentionMs, told.why);
    });
  }

  if (features.trim !== undefined) {
    const { trim } = features;
    scenario(
      'I1: says expired where retention has passed the position, named or not, and goes on elsewhere',
      async (fixture, connect) => {
        await fixture.publish(records(48));
        const client = connect();
        const start = await startOf(client);
        const { position } = await collect(client, 48);
        await trim(fixture);
        const touched = withRecords(position);
        await expectVerdict(client, start, touched, 'expired');
        await expectVerdict(client, position, touched, 'ok');
        const reading = await expectLost(client, start, touched, 'expired', position);
        await fixture.publish(records(32, 'new-'));
        await reading.until(({ atHead, records }) => atHead && records.length >= 32, 'what came after');
        await reading.stop();
        sameItems(reading.values, valuesOf(records(32, 'new-')), 'values');
      },
    );

    scenario('I1: loses nothing in silence when retention overtakes a slow reader', async (fixture, connect) => {
      await fixture.publish(records(32, 'old-'));
      const client = connect();
      let slow = true;
      const held: Delivery<T>[] = [];
      const reading = follow(client, {
        from: await startOf(client),
        onDelivery: (delivery) => (slow ? held.push(delivery) : delivery.ack()),
      });
      await reading.until(({ records }) => records.length === 32, 'the first records');
      const lanes = new Map(
        reading.deliveries.flatMap(({ partition, records }) =>
          records.map(({ key }) => [Buffer.from(key ?? []).toString('utf8'), partitionKey(partition)]),
        ),
      );
      await fixture.publish(records(32, 'passed-'));
      await trim(fixture);
      await fixture.publish(records(32, 'new-'));
      slow = false;
      for (const delivery of held) delivery.ack();
      const published = [...records(32, 'old-'), ...records(32, 'passed-'), ...records(32, 'new-')];
      const owed = (r: Reading<T>) => {
        const lost = new Set(r.lost().map(({ partition }) => partitionKey(partition)));
        const got = new Set(r.values);
        return valuesOf(published.filter(({ key }) => !lost.has(lanes.get(key) ?? ''))).filter((v) => !got.has(v));
      };
      await reading.until((r) => owed(r).length === 0, 'each partition read to its end, or lost');
      await reading.stop();
      for (const { reason } of reading.lost()) strictEqual(reason, 'expired');
    });
  }

  if (features.shorten !== undefined) {
    const { shorten } = features;
    scenario('says ahead where the log is shorter than the position', async (fixture, connect) => {
      await fixture.publish(records(48));
      const client = connect();
      const start = await startOf(client);
      const { position } = await collect(client, 48);
      await shorten(fixture);
      const touched = withRecords(position);
      await expectVerdict(client, position, touched, 'ahead');
      const reading = await expectLost(client, position, touched, 'ahead', start);
      await reading.until(({ atHead }) => atHead, 'the head');
      await reading.stop();
      strictEqual(reading.records.length, 48 - touched.length);
    });
  }

  if (features.rewrite !== undefined) {
    const { rewrite } = features;
    scenario('I1: says changed where another record stands at the position: the witness', async (fixture, connect) => {
      await fixture.publish(records(48));
      const client = connect();
      const { position } = await collect(client, 48);
      const touched = withRecords(position);
      ok(
        touched.every((partition) => position.offsets.get(partition)?.witness !== undefined),
        'marks carry a witness',
      );
      await rewrite(fixture);
      await expectLost(client, position, touched, 'changed');
    });
  }

  if (features.recreate !== undefined) {
    const { recreate } = features;
    scenario(
      'says changed where the topic was created anew, and reads the new one once asked to',
      async (fixture, connect) => {
        await fixture.publish(records(48));
        const client = connect();
        const { position } = await collect(client, 48);
        await recreate(fixture);
        await fixture.publish(records(60, 'new-'));
        await expectVerdict(client, position, [...position.offsets], 'changed');
        const reading = await expectLost(client, position, [...position.offsets], 'changed', await startOf(client));
        await reading.until(({ atHead, records }) => atHead && records.length >= 60, 'the new records');
        await reading.stop();
        sameItems(reading.values, valuesOf(records(60, 'new-')), 'values');
      },
    );
  }

  if (features.recreateWhileReading !== undefined) {
    const { recreateWhileReading } = features;
    scenario('says changed when the topic is created anew under a running reader', async (fixture, connect) => {
      await fixture.publish(records(48));
      const client = connect();
      let from = await startOf(client);
      const reading = follow(client, { from: () => Promise.resolve(from) });
      await reading.until(({ atHead, records }) => atHead && records.length >= 48, 'the records');
      const { partitions } = reading;
      from = reading.position(from);
      await recreateWhileReading(fixture);
      await fixture.publish(records(32, 'new-'));
      await reading.until((r) => partitions.every((p) => isLost(r, p, 'changed')), 'each partition lost');
      ok(!reading.values.includes('new-0'), 'nothing of the new topic was handed over under the old position');
      from = await startOf(client);
      for (const lost of reading.lost()) lost.restart();
      await reading.until(({ atHead, records }) => atHead && records.length >= 80, 'the new records');
      await reading.stop();
      const values = reading.values.slice(48);
      // partitions that are shared may be assigned anew with the topic, and are read from the same start once more
      sameItems(client.reads === 'share' ? [...new Set(values)] : values, valuesOf(records(32, 'new-')), 'values');
    });
  }
}

const verify = async (transport: Transport, position: Position): Promise<readonly PartitionVerdict[]> =>
  (await transport.verify(position, new AbortController().signal)).partitions;

/** The partitions that hold a record. */
const withRecords = ({ offsets }: Position): Partition[] =>
  [...offsets].filter(({ through }) => through !== 'beginning').map(({ topic, partition }) => ({ topic, partition }));

async function expectVerdict(
  transport: Transport,
  position: Position,
  partitions: readonly Partition[],
  verdict: 'ok' | LossReason,
): Promise<void> {
  const found = await verify(transport, position);
  for (const partition of partitions) {
    const mine = found.find((v) => samePartition(v.partition, partition));
    strictEqual(mine?.verdict, verdict, mine?.why);
  }
}

const isLost = <T extends string>(reading: Reading<T>, partition: Partition, reason: LossReason): boolean =>
  reading.lost().some((lost) => samePartition(lost.partition, partition) && lost.reason === reason);

/**
 * Reads from `position` and sees exactly these partitions lost, where they were, without one record of theirs; they idle. With
 * `then`, restarts them from there and hands the reading over; else stops it.
 */
async function expectLost<T extends string>(
  transport: Transport<T>,
  position: Position,
  partitions: readonly Partition[],
  reason: LossReason,
  then?: Position,
): Promise<Reading<T>> {
  let from = position;
  const reading = follow(transport, { from: () => Promise.resolve(from) });
  await reading.until((r) => partitions.every((partition) => isLost(r, partition, reason)), `lost: ${reason}`);
  await quietTime();
  for (const partition of partitions) {
    const [lost, ...more] = reading.lost().filter((event) => samePartition(event.partition, partition));
    deepStrictEqual(more, [], 'lost is told once');
    strictEqual(lost?.at, position.offsets.through(partition));
    deepStrictEqual(reading.of(partition), [], 'a lost partition hands nothing over');
  }
  if (then === undefined) await reading.stop();
  else {
    from = then;
    for (const lost of reading.lost()) lost.restart();
  }
  return reading;
}
