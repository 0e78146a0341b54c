import { compareSources, fromToken, type OffsetMap, partitionKey, type Position, toToken } from '@tidemark/core';
import { deepStrictEqual, notStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { collect, startOf } from './collect';
import { follow, logTopic } from './reading';
import { records, sameItems, valuesOf } from './sample-records';
import { type TransportContract, type TransportFixture, type TransportScenario } from './transport-fixture';

/** Every record once, in order, from wherever a position stands. */
export function readingScenarios<T extends string, F extends TransportFixture<T>>(
  scenario: TransportScenario<T, F>,
  { topic, reads, features = {} }: TransportContract<T, F>,
): void {
  scenario('tells what it is, the same to every client', async (_, connect) => {
    const [one, other] = [connect(), connect()];
    const [a, b] = [(await startOf(one)).source, (await startOf(other)).source];
    strictEqual(one.reads, reads);
    ok(one.kind !== '' && a.kind === b.kind, 'a kind'); // a feed's positions are of the kind of the log behind it
    const name = logTopic(one, topic);
    ok(name !== undefined, 'the topic has a name in the log');
    notStrictEqual(compareSources(a, b, name), 'different');
  });

  scenario('I1: reads everything from the beginning, each record once', async (fixture, connect) => {
    const published = records(100);
    await fixture.publish(published);
    sameItems((await collect(connect(), 100)).values, valuesOf(published), 'values');
  });

  scenario('I3: keeps the order of each key', async (fixture, connect) => {
    const published = records(160);
    await fixture.publish(published.slice(0, 80));
    await fixture.publish(published.slice(80));
    const read = await collect(connect(), 160);
    for (const { key } of published.slice(0, 16)) {
      const mine = read.records.filter((record) => Buffer.from(record.key ?? []).toString('utf8') === key);
      const expected = published.filter((record) => record.key === key);
      deepStrictEqual(
        mine.map(({ value }) => Buffer.from(value ?? []).toString('utf8')),
        valuesOf(expected),
        `the order of ${key}`,
      );
    }
  });

  scenario('I1: resumes after any record with exactly the rest', async (fixture, connect) => {
    await fixture.publish(records(60));
    const client = connect();
    const whole = follow(client, { from: await startOf(client) });
    await whole.until(({ records, atHead }) => atHead && records.length === 60, '60 records');
    await whole.stop();
    const lanes = whole.partitions.map((partition) => ({
      partition,
      records: whole.of(partition).flatMap((delivery) => delivery.records),
    }));
    for (const share of [0.2, 0.5, 0.8, 1]) {
      let position = await startOf(client);
      const rest: string[] = [];
      for (const lane of lanes) {
        const cut = lane.records[Math.floor((lane.records.length - 1) * share)];
        if (cut === undefined) continue;
        position = { ...position, offsets: position.offsets.with(lane.partition, { through: cut.offset }) };
        const last = lane.records.findLastIndex(({ offset }) => offset === cut.offset);
        rest.push(...lane.records.slice(last + 1).map(({ value }) => Buffer.from(value ?? []).toString('utf8')));
      }
      sameItems(
        (await collect(client, rest.length, position)).values,
        rest,
        `the rest after ${share} of each partition`,
      );
    }
  });

  scenario('I4: starts a partition that the position does not name at its beginning', async (fixture, connect) => {
    await fixture.publish(records(60));
    const client = connect();
    const { position } = await collect(client, 60);
    const [left] = [...position.offsets];
    ok(left, 'the position names partitions');
    const without: Position = { ...position, offsets: position.offsets.without([left]) };
    const reading = follow(client, { from: without });
    await reading.until(({ atHead }) => atHead, 'the head');
    await reading.stop();
    const whole = follow(client, { from: await startOf(client) });
    await whole.until(({ records, atHead }) => atHead && records.length === 60, '60 records');
    await whole.stop();
    strictEqual(reading.of(left)[0]?.after, 'beginning');
    strictEqual(reading.records.length, whole.of(left).flatMap((delivery) => delivery.records).length);
  });

  scenario(
    'gives every assigned partition a first delivery, even if nothing was ever published',
    async (fixture, connect) => {
      const client = connect();
      const reading = follow(client, { from: await startOf(client) });
      await reading.until(({ atHead }) => atHead, 'a first delivery of every partition');
      const assigned = reading.events.flatMap((event) => (event.type === 'assigned' ? event.partitions : []));
      sameItems(
        reading.deliveries.map((d) => partitionKey(d.partition)),
        assigned.map(partitionKey),
        'first deliveries',
      );
      ok(reading.deliveries.every((delivery) => delivery.atHead && delivery.records.length === 0));
      await fixture.publish(records(40));
      await reading.until(({ records, atHead }) => atHead && records.length >= 40, 'what was published afterwards');
      await reading.stop();
      sameItems(reading.values, valuesOf(records(40)), 'values');
    },
  );

  scenario('carries on live, and quiet partitions hold nobody up', async (fixture, connect) => {
    const client = connect();
    const reading = follow(client, { from: await startOf(client) });
    await reading.until(({ atHead }) => atHead, 'the head');
    for (let round = 0; round < 20; round++) {
      await fixture.publish([{ key: 'the-only-key', value: `round-${round}` }]);
      await reading.until(({ records }) => records.length === round + 1, `round ${round}`);
    }
    await reading.stop();
    deepStrictEqual(
      reading.values,
      Array.from({ length: 20 }, (_, round) => `round-${round}`),
    );
  });

  scenario('resumes at the head with nothing old, and with all that is new', async (fixture, connect) => {
    await fixture.publish(records(30, 'old-'));
    const client = connect();
    const { position } = await collect(client, 30);
    await fixture.publish(records(30, 'new-'));
    sameItems((await collect(connect(), 30, position)).values, valuesOf(records(30, 'new-')), 'values');
  });

  scenario('hands over positions that survive their written form', async (fixture, connect) => {
    await fixture.publish(records(30));
    const { position } = await collect(connect(), 30);
    const restored = fromToken(toToken(position));
    deepStrictEqual([...restored.offsets].map(String), [...position.offsets].map(String));
    strictEqual(restored.offsets.compare(position.offsets), 'equal');
    await fixture.publish(records(10, 'more-'));
    sameItems((await collect(connect(), 10, restored)).values, valuesOf(records(10, 'more-')), 'values');
  });

  if (features.grow !== undefined) {
    const { grow } = features;
    scenario('I4: finds new partitions while reading and starts them at their beginning', async (fixture, connect) => {
      const client = connect();
      const reading = follow(client, { from: await startOf(client) });
      await reading.until(({ atHead }) => atHead, 'the head');
      const before = reading.partitions.length;
      await fixture.publish(records(32, 'before-'));
      await grow(fixture);
      await fixture.publish(records(64, 'after-'));
      await reading.until(
        (r) => r.atHead && r.partitions.length > before && r.records.length >= 96,
        'the new partition',
      );
      await reading.stop();
      sameItems(reading.values, valuesOf([...records(32, 'before-'), ...records(64, 'after-')]), 'values');
    });
  }

  if (features.gap !== undefined) {
    const { gap } = features;
    scenario('I1: moves over gaps without records, live and at a start', async (fixture, connect) => {
      const client = connect();
      const start = await startOf(client);
      const reading = follow(client, { from: start });
      await reading.until(({ atHead }) => atHead, 'the head');
      await fixture.publish(records(16, 'one-'));
      await reading.until(({ records }) => records.length === 16, 'the records before the gap');
      const before = reading.position(start).offsets;
      await gap(fixture);
      await reading.until((r) => moved(before, r.position(start).offsets), 'deliveries over the gap');
      await fixture.publish(records(16, 'two-'));
      await reading.until(({ records, atHead }) => atHead && records.length >= 32, 'the records after the gap');
      await reading.stop();
      const expected = valuesOf([...records(16, 'one-'), ...records(16, 'two-')]);
      sameItems(reading.values, expected, 'live');
      sameItems((await collect(connect(), 32)).values, expected, 'from the beginning');
      const { partitions } = await client.verify(reading.position(start), new AbortController().signal);
      ok(partitions.every(({ verdict }) => verdict === 'ok'));
    });
  }
}

/** Has every partition moved on? */
const moved = (before: OffsetMap, now: OffsetMap): boolean =>
  [...now].every((entry) => before.through(entry) !== entry.through);
