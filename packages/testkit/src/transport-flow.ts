import { type Delivery, type NewRecord, partitionKey, type Position, type Transport } from '@tidemark/core';
import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { collect, startOf } from './collect';
import { eventually, quietTime, within } from './eventually';
import { follow } from './reading';
import { records, sameItems, valuesOf } from './sample-records';
import { type TransportContract, type TransportFixture, type TransportScenario } from './transport-fixture';

const withhold = (): void => undefined;

/** Acks, restarts, backpressure, the end. */
export function flowScenarios<T extends string, F extends TransportFixture<T>>(
  scenario: TransportScenario<T, F>,
  { features = {} }: TransportContract<T, F>,
): void {
  scenario('does nothing before the first pull', async (_, connect) => {
    const client = connect();
    let asked = false;
    const abort = new AbortController();
    const events = client.read(() => {
      asked = true;
      return startOf(client);
    }, abort.signal);
    await quietTime();
    strictEqual(asked, false);
    const iterator = events[Symbol.asyncIterator]();
    ok((await within(iterator.next(), 'a first event')).done !== true);
    await eventually(() => asked, 'start asked');
    abort.abort();
    await iterator.return?.();
  });

  scenario('keeps one delivery a partition out, and nothing follows without acks', async (fixture, connect) => {
    await fixture.publish(records(64, 'a-'));
    const client = connect();
    const reading = follow(client, { from: await startOf(client), onDelivery: withhold });
    await reading.until((r) => r.partitions.length > 0 && r.deliveries.length >= r.partitions.length, 'deliveries');
    await fixture.publish(records(64, 'b-'));
    await quietTime();
    strictEqual(new Set(reading.deliveries.map((d) => partitionKey(d.partition))).size, reading.deliveries.length);
    const acknowledged = new Set<Delivery<T>>();
    await reading.until(({ deliveries, records }) => {
      for (const delivery of deliveries.filter((d) => !acknowledged.has(d))) {
        acknowledged.add(delivery);
        delivery.ack();
      }
      return records.length >= 128;
    }, 'the rest, once acknowledged');
    await reading.stop();
    sameItems(reading.values, valuesOf([...records(64, 'a-'), ...records(64, 'b-')]), 'values');
  });

  scenario('I1: hands over again what was not acknowledged', async (fixture, connect) => {
    await fixture.publish(records(48));
    const client = connect();
    const first = follow(client, { from: await startOf(client), onDelivery: withhold });
    await first.until((r) => r.records.length > 0, 'a delivery');
    await first.stop();
    sameItems((await collect(connect(), 48)).values, valuesOf(records(48)), 'values');
  });

  scenario('I9: hands over a bounded part of a backlog while acks are withheld', async (fixture, connect) => {
    const value = Buffer.alloc(16 * 1024, 'x');
    const backlog = Array.from({ length: 768 }, (_, i): NewRecord => ({ key: `key-${i % 16}`, value }));
    for (let i = 0; i < backlog.length; i += 32) await fixture.publish(backlog.slice(i, i + 32));
    const client = connect();
    const reading = follow(client, { from: await startOf(client), onDelivery: withhold });
    await reading.until((r) => r.partitions.length > 0 && r.deliveries.length >= r.partitions.length, 'deliveries');
    await quietTime();
    ok(reading.records.length <= backlog.length / 2, `${reading.records.length} of ${backlog.length} records are out`);
    ok(!reading.atHead, 'a partition that has more to come is not at its head');
    await reading.stop();
    strictEqual((await collect(connect(), backlog.length)).records.length, backlog.length);
  });

  scenario(
    'asks start again on restart, before the ack and after it, and goes on from the answer',
    async (fixture, connect) => {
      await fixture.publish(records(48));
      const client = connect();
      const beginning = await startOf(client);
      let from: Position = beginning;
      let acknowledging = false;
      const reading = follow(client, {
        from: () => Promise.resolve(from),
        onDelivery: (delivery) => {
          if (acknowledging) delivery.ack();
        },
      });
      await reading.until((r) => r.partitions.length > 0 && r.deliveries.length >= r.partitions.length, 'deliveries');
      const held = [...reading.deliveries];
      const [first] = held;
      ok(first, 'a delivery');
      const starts = reading.starts.length;
      acknowledging = true;
      first.restart();
      await reading.until((r) => r.starts.length > starts && r.of(first.partition).length >= 2, 'a second start');
      deepStrictEqual(reading.starts.at(-1)?.map(partitionKey), [partitionKey(first.partition)]);
      strictEqual(reading.of(first.partition)[1]?.after, 'beginning');
      for (const delivery of held) delivery.ack();
      await reading.until(({ atHead }) => atHead, 'the head');

      from = reading.position(beginning);
      const last = reading.of(first.partition).at(-1);
      last?.restart();
      await reading.until((r) => r.starts.length > starts + 1 && r.atHead, 'a restart at the head');
      const afterwards = reading.of(first.partition).at(-1);
      strictEqual(afterwards?.after, from.offsets.through(first.partition));
      deepStrictEqual(afterwards.records, []);

      from = beginning;
      const count = reading.of(first.partition).length;
      afterwards.restart();
      await reading.until((r) => r.starts.length > starts + 2 && r.atHead, 'a restart from the beginning');
      await reading.stop();
      const mine = (await partitionOf(connect, first)).flatMap((delivery) => delivery.records);
      deepStrictEqual(
        reading
          .of(first.partition)
          .slice(count)
          .flatMap((delivery) => delivery.records.map(({ offset }) => offset)),
        mine.map(({ offset }) => offset),
      );
    },
  );

  scenario('waits for a slow start', async (fixture, connect) => {
    await fixture.publish(records(16));
    const client = connect();
    const start = await startOf(client);
    let answer: (position: Position) => void = () => undefined;
    const slow = new Promise<Position>((resolve) => (answer = resolve));
    const reading = follow(client, { from: () => slow });
    await reading.until(({ starts }) => starts.length > 0, 'start asked');
    await quietTime();
    strictEqual(reading.deliveries.length, 0);
    answer(start);
    await reading.until(({ records, atHead }) => atHead && records.length >= 16, 'the records');
    await reading.stop();
    sameItems(reading.values, valuesOf(records(16)), 'values');
  });

  scenario('ends with the error of a start that rejects', async (_, connect) => {
    const refused = new Error('no position');
    const reading = follow(connect(), { from: () => Promise.reject(refused) });
    strictEqual(await reading.thrown(), refused);
  });

  scenario(
    'I10: ends promptly and normally when aborted: live, unacknowledged, before the start is answered',
    async (fixture, connect) => {
      await fixture.publish(records(48));
      const client = connect();
      const start = await startOf(client);
      const live = follow(client, { from: start });
      await live.until(({ atHead }) => atHead, 'the head');
      await live.stop();
      const unacknowledged = follow(client, { from: start, onDelivery: withhold });
      await unacknowledged.until((r) => r.deliveries.length > 0, 'a delivery');
      await unacknowledged.stop();
      const unanswered = follow(client, { from: () => new Promise<Position>(() => undefined) });
      await unanswered.until(({ starts }) => starts.length > 0, 'start asked');
      await unanswered.stop();
      const seen = live.events.length;
      await fixture.publish(records(16));
      await quietTime();
      strictEqual(live.events.length, seen, 'nothing comes after the end');
    },
  );

  scenario('I10: hands over nothing more once aborted, even if it was ready', async (fixture, connect) => {
    await fixture.publish(records(48));
    const client = connect();
    const abort = new AbortController();
    const iterator = client.read(() => startOf(client), abort.signal)[Symbol.asyncIterator]();
    let event = await within(iterator.next(), 'a first event');
    while (event.done !== true && event.value.type !== 'delivery') event = await within(iterator.next(), 'a delivery');
    await quietTime();
    abort.abort();
    strictEqual((await within(iterator.next(), 'the end')).done, true);
  });

  scenario('I10: ends when the consumer returns', async (fixture, connect) => {
    await fixture.publish(records(48));
    const client = connect();
    const leave = async () => {
      for await (const event of client.read(() => startOf(client), new AbortController().signal))
        if (event.type === 'delivery') break;
    };
    await within(leave(), 'the end after a break');
    strictEqual((await collect(client, 48)).records.length, 48);
  });

  if (features.outage !== undefined) {
    const { outage } = features;
    scenario('I1: tells of trouble while the log is out of reach, and then goes on', async (fixture, connect) => {
      await fixture.publish(records(32, 'before-'));
      const client = connect();
      const reading = follow(client, { from: await startOf(client) });
      await reading.until(({ records, atHead }) => atHead && records.length >= 32, 'the records before');
      const end = await outage(fixture);
      await reading.until(({ events }) => events.some((event) => event.type === 'trouble'), 'trouble');
      await end();
      await fixture.publish(records(32, 'after-'));
      await reading.until(({ records, atHead }) => atHead && records.length >= 64, 'the records after');
      await reading.stop();
      sameItems(reading.values, valuesOf([...records(32, 'before-'), ...records(32, 'after-')]), 'values');
    });
  }
}

/** The deliveries of the same partition in a read of its own, from the beginning. */
async function partitionOf<T extends string>(
  connect: () => Transport<T>,
  { partition }: Delivery<T>,
): Promise<readonly Delivery<T>[]> {
  const client = connect();
  const reading = follow(client, { from: await startOf(client) });
  await reading.until(({ atHead }) => atHead, 'the head');
  await reading.stop();
  return reading.of(partition);
}
