import { type Delivery, type Partition, partitionKey, type Position, type Transport } from '@tidemark/core';
import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { startOf } from './collect';
import { eventually, quietTime } from './eventually';
import { follow, type Reading } from './reading';
import { records, sameItems, valuesOf } from './sample-records';
import { type TransportContract, type TransportFixture, type TransportScenario } from './transport-fixture';

/** Members of one group divide the partitions; together they lose nothing. The log needs at least two partitions. */
export function sharingScenarios<T extends string, F extends TransportFixture<T>>(
  scenario: TransportScenario<T, F>,
  { features = {} }: TransportContract<T, F>,
): void {
  scenario('gives a single member every partition', async (fixture, connect) => {
    const { member } = await group(connect);
    const only = member();
    await fixture.publish(records(48));
    await only.until(({ atHead, records }) => atHead && records.length >= 48, 'all records');
    await only.stop();
    ok(only.partitions.length > 1, 'at least two partitions');
  });

  scenario(
    'I1: divides the partitions when a member joins, and gives them back when it leaves',
    async (fixture, connect) => {
      const { member, applied } = await group(connect);
      const first = member();
      await first.until(({ atHead }) => atHead, 'the head');
      const all = first.partitions.map(partitionKey);
      await fixture.publish(records(64, 'alone-'));
      const second = member();
      await divided(all, [first, second]);
      await fixture.publish(records(64, 'together-'));
      await eventually(() => applied.length >= 128, 'what both were to apply');
      const mine = new Set(first.partitions.map(partitionKey));
      ok(
        first.events.some((event) => event.type === 'revoked'),
        'the first was told what it had to give up',
      );
      const starts = first.starts.length;
      for (const delivery of first.deliveries.filter(({ partition }) => !mine.has(partitionKey(partition)))) {
        delivery.ack();
        delivery.restart();
      }
      await quietTime();
      strictEqual(first.starts.length, starts, 'after revoked, ack and restart do nothing');
      await second.stop();
      await first.until(({ partitions }) => partitions.length === all.length, 'the partitions back');
      await fixture.publish(records(64, 'again-'));
      await eventually(() => applied.length >= 192, 'everything');
      await first.stop();
      const published = [...records(64, 'alone-'), ...records(64, 'together-'), ...records(64, 'again-')];
      sameItems(applied, valuesOf(published), 'each record took effect once');
    },
  );

  scenario('I1: hands what a leaving member had not acknowledged to another', async (fixture, connect) => {
    await fixture.publish(records(64));
    const { member, applied } = await group(connect);
    const idle = member(() => undefined);
    await idle.until((r) => r.records.length > 0, 'a delivery');
    const other = member();
    await divided(idle.partitions.map(partitionKey), [idle, other]);
    await idle.stop();
    await eventually(() => applied.length >= 64, 'everything');
    await other.stop();
    sameItems(applied, valuesOf(records(64)), 'each record took effect once');
  });

  scenario('keeps more members than partitions, and any of them can take over', async (fixture, connect) => {
    const { member, applied } = await group(connect);
    const first = member();
    await first.until(({ atHead }) => atHead, 'the head');
    const all = first.partitions.map(partitionKey);
    const members = [first, ...Array.from({ length: all.length }, () => member())];
    await divided(all, members);
    await fixture.publish(records(64, 'many-'));
    await eventually(() => applied.length >= 64, 'what was published');
    const [last] = members.slice(-1);
    ok(last, 'a last member');
    for (const leaving of members.slice(0, -1)) await leaving.stop();
    await last.until((r) => r.partitions.length === all.length && r.atHead, 'all partitions');
    await fixture.publish(records(64, 'one-'));
    await eventually(() => applied.length >= 128, 'everything');
    await last.stop();
    sameItems(applied, valuesOf([...records(64, 'many-'), ...records(64, 'one-')]), 'each record took effect once');
  });

  if (features.grow !== undefined) {
    const { grow } = features;
    scenario('I4: divides new partitions too', async (fixture, connect) => {
      const { member, applied } = await group(connect);
      const members = [member(), member()];
      await eventually(() => members.every(({ partitions }) => partitions.length > 0), 'both to have partitions');
      const before = members.flatMap(({ partitions }) => partitions).length;
      await fixture.publish(records(64, 'before-'));
      await grow(fixture);
      await fixture.publish(records(64, 'after-'));
      await eventually(() => members.flatMap(({ partitions }) => partitions).length > before, 'the new partition');
      await eventually(() => applied.length >= 128, 'everything');
      for (const one of members) await one.stop();
      sameItems(
        applied,
        valuesOf([...records(64, 'before-'), ...records(64, 'after-')]),
        'each record took effect once',
      );
    });
  }
}

/** Members that keep one position together, as a shared replica does: a delivery counts only where the position stands. */
async function group<T extends string>(connect: () => Transport<T>) {
  let stored: Position = await startOf(connect());
  const applied: (string | null)[] = [];
  const apply = (delivery: Delivery<T>) => {
    const { partition, after, through, records } = delivery;
    if (stored.offsets.through(partition) !== after) {
      delivery.restart();
      return;
    }
    stored = { ...stored, offsets: stored.offsets.with(partition, through) };
    applied.push(...records.map(({ value }) => (value === null ? null : Buffer.from(value).toString('utf8'))));
    delivery.ack();
  };
  const member = (onDelivery: (delivery: Delivery<T>) => void = apply): Reading<T> =>
    follow(connect(), { from: () => Promise.resolve(stored), onDelivery });
  return { member, applied };
}

/** Waits until the members have all partitions among them, none twice, and every one of them has some if there are enough. */
async function divided<T extends string>(all: readonly string[], members: readonly Reading<T>[]): Promise<void> {
  const keys = (partitions: readonly Partition[]) => partitions.map(partitionKey);
  const busy = Math.min(all.length, members.length);
  await eventually(() => {
    const owned = members.flatMap(({ partitions }) => keys(partitions));
    return (
      owned.length === all.length &&
      new Set(owned).size === all.length &&
      members.filter(({ partitions }) => partitions.length > 0).length === busy
    );
  }, 'the partitions to be divided');
  deepStrictEqual(members.flatMap(({ partitions }) => keys(partitions)).sort(), [...all].sort());
}
