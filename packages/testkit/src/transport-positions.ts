import { type Point } from '@tidemark/core';
import { ok, strictEqual } from 'node:assert/strict';
import { collect } from './collect';
import { eventually } from './eventually';
import { records, sameItems, valuesOf } from './sample-records';
import { type TransportContract, type TransportFixture, type TransportScenario } from './transport-fixture';

/** Positions that come from publishing and locating, rather than from reading. */
export function positionScenarios<T extends string, F extends TransportFixture<T>>(
  scenario: TransportScenario<T, F>,
  { topic, features = {} }: TransportContract<T, F>,
): void {
  if (features.publisher !== undefined) {
    const { publisher } = features;
    scenario(
      'publishes, and answers with the position that includes exactly what was published',
      async (fixture, connect) => {
        const first = await publisher(fixture).publish(topic, records(40, 'first-'));
        const client = connect();
        const whole = await collect(client, 40);
        sameItems(whole.values, valuesOf(records(40, 'first-')), 'the first records');
        ok(whole.position.offsets.covers(first.offsets), 'reading everything covers what was published');
        await publisher(fixture).publish(topic, records(20, 'second-'));
        const rest = await collect(client, 20, first);
        sameItems(rest.values, valuesOf(records(20, 'second-')), 'after the position of the first');
      },
    );

    scenario('publishes nothing when asked to', async (fixture, connect) => {
      await publisher(fixture).publish(topic, []);
      strictEqual((await collect(connect(), 0)).records.length, 0);
    });
  }
  if (features.locator === undefined) return;
  const { locator, trim } = features;
  const locate = (fixture: F, point: Point) => locator(fixture).locate(point, new AbortController().signal);

  scenario('locates the head: what was published is before it, what comes is after it', async (fixture, connect) => {
    const client = connect();
    strictEqual((await collect(client, 0, await locate(fixture, 'head'))).records.length, 0);
    await fixture.publish(records(40, 'old-'));
    const head = await locate(fixture, 'head');
    const read = await collect(client, 40);
    ok(head.offsets.covers(read.position.offsets), 'the head covers all that was published');
    for (const entry of read.position.offsets) {
      const mark = head.offsets.get(entry);
      if (mark?.through === entry.through)
        strictEqual(mark.witness, entry.witness, 'the same evidence as a reader has');
    }
    await fixture.publish(records(20, 'new-'));
    sameItems((await collect(client, 20, head)).values, valuesOf(records(20, 'new-')), 'after the head');
  });

  scenario('locates the beginning', async (fixture, connect) => {
    await fixture.publish(records(40));
    const all = await collect(connect(), 40, await locate(fixture, 'beginning'));
    sameItems(all.values, valuesOf(records(40)), 'values');
  });

  scenario('locates a time: exactly what is dated from then on comes after it', async (fixture, connect) => {
    await fixture.publish(records(40, 'early-'));
    const client = connect();
    const early = await collect(client, 40);
    const last = Math.max(...early.records.map(({ timestamp }) => timestamp));
    await eventually(() => Date.now() > last + 2, 'the clock to go on');
    await fixture.publish(records(40, 'late-'));
    const late = await collect(client, 40, early.position);
    const first = Math.min(...late.records.map(({ timestamp }) => timestamp));
    ok(first > last, 'the log dates later records later');
    const from = await locate(fixture, { time: new Date(first) });
    sameItems((await collect(client, 40, from)).values, valuesOf(records(40, 'late-')), 'from then on');
    const all = await collect(client, 80, await locate(fixture, { time: new Date(0) }));
    strictEqual(all.records.length, 80, 'from 1970 on');
    const future = await locate(fixture, { time: new Date(first + 86_400_000) });
    strictEqual((await collect(client, 0, future)).records.length, 0, 'from tomorrow on');
  });

  scenario('locates a number of records before the head', async (fixture, connect) => {
    await fixture.publish(records(80));
    const client = connect();
    const whole = await collect(client, 80);
    const lanes = [...whole.position.offsets].length;
    const nothing = await collect(client, 0, await locate(fixture, { headLess: 0 }));
    strictEqual(nothing.records.length, 0);
    const few = await collect(client, 0, await locate(fixture, { headLess: 2 }));
    ok(
      few.records.length > 0 && few.records.length <= 2 * lanes,
      `${few.records.length} records of ${lanes} partitions`,
    );
    const newest = new Set(whole.records.map(({ value }) => Buffer.from(value ?? []).toString('utf8')));
    ok(few.values.every((value) => value !== null && newest.has(value)));
    const all = await collect(client, 80, await locate(fixture, { headLess: 1_000_000 }));
    strictEqual(all.records.length, 80);
  });

  if (trim !== undefined)
    scenario('locates a beginning that can be read after retention', async (fixture, connect) => {
      await fixture.publish(records(40, 'gone-'));
      await trim(fixture);
      await fixture.publish(records(20, 'kept-'));
      const kept = await collect(connect(), 20, await locate(fixture, 'beginning'));
      sameItems(kept.values, valuesOf(records(20, 'kept-')), 'values');
      const less = await collect(connect(), 20, await locate(fixture, { headLess: 1_000_000 }));
      sameItems(less.values, valuesOf(records(20, 'kept-')), 'far before the head');
    });
}
