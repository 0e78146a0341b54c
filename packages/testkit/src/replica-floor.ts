import { type Partition, type Position, SyncError, upsert } from '@tidemark/core';
import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import {
  batch,
  bootstrapped,
  contents,
  item,
  p0,
  p1,
  position,
  positionOf,
  type ReplicaFixture,
  type ReplicaScenario,
  shown,
  source,
  take,
  throughs,
} from './replica-fixture';

/** I8: a re-snapshot never takes the replica back in time. */
export function floorScenarios<F extends ReplicaFixture>(scenario: ReplicaScenario<F>): void {
  scenario(
    'I8: refuses a snapshot below the position, tells the floor, changes nothing and keeps the term',
    async (fixture) => {
      const replica = fixture.replica();
      await bootstrapped(replica, position('5', '7'), item('old'));
      const bootstrap = await take(replica);
      for (const below of [position('4', '7'), position('5', '6'), position('9', '6'), position('5'), position()]) {
        await bootstrap.stage([upsert(item('below'))]);
        const answer = await bootstrap.swap(below, []);
        ok(answer !== 'swapped', `a snapshot at ${throughs(below).join(', ')}`);
        deepStrictEqual(throughs(answer.belowFloor), ['5', '7']);
        await bootstrap.discard();
        deepStrictEqual(await contents(fixture), shown(item('old')));
        const stored = await replica.load();
        strictEqual(stored.state, 'bootstrapping');
        deepStrictEqual(throughs(positionOf(stored)), ['5', '7']);
      }
      await bootstrap.stage([upsert(item('new'))]);
      strictEqual(await bootstrap.swap(position('5', '7'), []), 'swapped');
      deepStrictEqual(await contents(fixture), shown(item('new')));
    },
  );

  scenario('I8: the floor is the position reached, not that of the last snapshot', async (fixture) => {
    const replica = fixture.replica();
    const term = await bootstrapped(replica, position('1'), item('a'));
    await replica.apply(term, [batch(p0, '1', '8', item('b')), batch(p1, 'beginning', '3')]);
    deepStrictEqual(await floorOf(fixture, position('7', '3')), ['8', '3']);
    deepStrictEqual(await floorOf(fixture, position('8')), ['8', '3']);
    strictEqual(await floorOf(fixture, position('8', '3')), 'swapped');
  });

  scenario('I8: lost partitions leave the floor, and no others', async (fixture) => {
    await bootstrapped(fixture.replica(), position('5', '7'), item('a'));
    deepStrictEqual(await floorOf(fixture, position('4', '6'), [p0]), ['beginning', '7']);
    strictEqual(await floorOf(fixture, position('2', '7'), [p0]), 'swapped');
    deepStrictEqual(throughs(positionOf(await fixture.replica().load())), ['2', '7']);
    strictEqual(await floorOf(fixture, position(), [p0, p1]), 'swapped');
    deepStrictEqual(throughs(positionOf(await fixture.replica().load())), ['beginning', 'beginning']);
  });

  scenario('I8: offsets of the floor compare as numbers of any length', async (fixture) => {
    await bootstrapped(fixture.replica(), position('10', '9007199254740993'), item('a'));
    deepStrictEqual(await floorOf(fixture, position('9', '9007199254740993')), ['10', '9007199254740993']);
    deepStrictEqual(await floorOf(fixture, position('10', '9007199254740992')), ['10', '9007199254740993']);
    const vast = `1${'0'.repeat(54)}1`;
    strictEqual(await floorOf(fixture, position('100', vast)), 'swapped');
    deepStrictEqual(await floorOf(fixture, position('100', `1${'0'.repeat(55)}`)), ['100', vast]);
  });

  scenario('I8: a closed partition is covered by closed only', async (fixture) => {
    await bootstrapped(fixture.replica(), position('closed', '7'), item('a'));
    deepStrictEqual(await floorOf(fixture, position('99', '7')), ['closed', '7']);
    strictEqual(await floorOf(fixture, position('closed', '7')), 'swapped');
    strictEqual(await floorOf(fixture, position('closed', 'closed')), 'swapped');
  });

  scenario('I7: another log’s position replaces this one’s only where every partition is lost', async (fixture) => {
    await bootstrapped(fixture.replica(), position('5', '7'), item('a'));
    const elsewhere = position('0', '0', { kind: 'another', order: 'decimal', epochs: {} });
    const outcome = await floorOf(fixture, elsewhere, [p0]).catch((error: unknown) => error);
    ok(outcome !== 'swapped', 'refused, below the floor or with an error');
    ok(Array.isArray(outcome) || outcome instanceof SyncError, String(outcome));
    deepStrictEqual(await contents(fixture), shown(item('a')));
    strictEqual(await floorOf(fixture, elsewhere, [p0, p1]), 'swapped');
    deepStrictEqual(positionOf(await fixture.replica().load()).source.kind, 'another');
  });

  scenario('a topic created anew takes its new epoch with the swap', async (fixture) => {
    await bootstrapped(fixture.replica(), position('5', '7'), item('a'));
    const anew = position('0', '0', { ...source, epochs: { items: 'e2' } });
    strictEqual(await floorOf(fixture, anew, [p0, p1]), 'swapped');
    const { source: stored } = positionOf(await fixture.replica().load());
    deepStrictEqual({ ...stored.epochs }, { items: 'e2' });
  });

  scenario('I8: after a giveBack the floor is what it was', async (fixture) => {
    const replica = fixture.replica();
    await bootstrapped(replica, position('5', '7'), item('a'));
    await (await take(replica)).giveBack();
    deepStrictEqual(await floorOf(fixture, position('4', '7')), ['5', '7']);
  });
}

/** Takes the replica and swaps at this position: `swapped`, or the floor that it is below (and gives the term back). */
async function floorOf(
  fixture: ReplicaFixture,
  at: Position,
  lost: readonly Partition[] = [],
): Promise<'swapped' | string[]> {
  const bootstrap = await take(fixture.replica());
  try {
    await bootstrap.stage([upsert(item('a'))]);
    const answer = await bootstrap.swap(at, lost);
    if (answer === 'swapped') return answer;
    await bootstrap.giveBack();
    return throughs(answer.belowFloor);
  } catch (error) {
    await bootstrap.giveBack();
    throw error;
  }
}
