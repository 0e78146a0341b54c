import { remove, upsert } from '@tidemark/core';
import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import {
  batch,
  bootstrapped,
  contents,
  item,
  p0,
  position,
  positionOf,
  type ReplicaContract,
  type ReplicaFixture,
  type ReplicaScenario,
  shown,
  take,
  throughs,
} from './replica-fixture';

/** Staging and the swap. */
export function bootstrapScenarios<F extends ReplicaFixture>(
  scenario: ReplicaScenario<F>,
  { shared }: ReplicaContract<F>,
): void {
  scenario('I6: readers see nothing of what is staged, and all of it after the swap', async (fixture) => {
    const replica = fixture.replica();
    await bootstrapped(replica, position('1'), item('a', 'old'), item('gone'));
    const bootstrap = await take(replica);
    await bootstrap.stage([upsert(item('a', 'new'))]);
    await bootstrap.stage([upsert(item('b'))]);
    deepStrictEqual(await contents(fixture), shown(item('a', 'old'), item('gone')));
    strictEqual(await bootstrap.swap(position('2'), []), 'swapped');
    deepStrictEqual(await contents(fixture), shown(item('a', 'new'), item('b')));
    const stored = await fixture.replica().load();
    strictEqual(stored.state, 'ready');
    deepStrictEqual(throughs(positionOf(stored)), ['2', 'beginning']);
  });

  scenario('I6: rows that the snapshot does not have any more vanish with the swap', async (fixture) => {
    const replica = fixture.replica();
    await bootstrapped(replica, position('1'), ...Array.from({ length: 50 }, (_, i) => item(`row-${i}`)));
    await bootstrapped(replica, position('2'), item('row-7', 'only'));
    deepStrictEqual(await contents(fixture), shown(item('row-7', 'only')));
  });

  scenario('an empty snapshot empties the replica', async (fixture) => {
    const replica = fixture.replica();
    await bootstrapped(replica, position('1'), item('a'));
    strictEqual(await (await take(replica)).swap(position('2'), []), 'swapped');
    strictEqual((await fixture.rows()).size, 0);
    strictEqual((await replica.load()).state, 'ready');
  });

  scenario('staged changes apply in their order: later ones win, removes remove', async (fixture) => {
    const bootstrap = await take(fixture.replica());
    await bootstrap.stage([upsert(item('a', 'first')), upsert(item('b')), upsert(item('c'))]);
    await bootstrap.stage([upsert(item('a', 'second')), remove('b'), remove('never-there')]);
    strictEqual(await bootstrap.swap(position('1'), []), 'swapped');
    deepStrictEqual(await contents(fixture), shown(item('a', 'second'), item('c')));
  });

  scenario('discard empties the staging, and another snapshot can begin', async (fixture) => {
    const bootstrap = await take(fixture.replica());
    await bootstrap.stage([upsert(item('cut-off'))], 'token-1');
    await bootstrap.discard();
    await bootstrap.stage([upsert(item('whole'))]);
    strictEqual(await bootstrap.swap(position('1'), []), 'swapped');
    deepStrictEqual(await contents(fixture), shown(item('whole')));
  });

  scenario('a large snapshot is staged in many steps, beats between them', async (fixture) => {
    const bootstrap = await take(fixture.replica());
    for (let chunk = 0; chunk < 10; chunk++) {
      await bootstrap.stage(Array.from({ length: 500 }, (_, i) => upsert(item(`row-${chunk * 500 + i}`))));
      await bootstrap.beat();
    }
    strictEqual(await bootstrap.swap(position('1'), []), 'swapped');
    strictEqual((await fixture.rows()).size, 5000);
  });

  scenario('I6: at every moment around a swap readers see one whole state', async (fixture) => {
    const replica = fixture.replica();
    const size = 300;
    const generation = (text: string) => Array.from({ length: size }, (_, i) => item(`row-${i}`, text));
    await bootstrapped(replica, position('1'), ...generation('old'));
    const bootstrap = await take(replica);
    await bootstrap.stage(generation('new').map((row) => upsert(row)));
    const swapping = { done: false };
    const swap = bootstrap.swap(position('2'), []).finally(() => (swapping.done = true));
    const seen: ReadonlyMap<string, { text: string }>[] = [];
    do seen.push(await fixture.rows());
    while (!swapping.done);
    strictEqual(await swap, 'swapped');
    seen.push(await fixture.rows());
    for (const rows of seen) {
      strictEqual(rows.size, size);
      strictEqual(new Set([...rows.values()].map(({ text }) => text)).size, 1, 'one generation');
    }
  });

  scenario('I6: who takes over goes on with all that was staged, or with nothing of it', async (fixture) => {
    const first = await take(fixture.replica());
    await first.stage([upsert(item('a')), upsert(item('b'))], 'token-1');
    await first.stage([upsert(item('c'))], 'token-2');
    const second = await take(fixture.replica());
    await second.stage([upsert(item('d'))], 'token-3');
    ok(
      second.resume === undefined || second.resume === 'token-2',
      `resume at the last token: ${String(second.resume)}`,
    );
    strictEqual(await second.swap(position('1'), []), 'swapped');
    const resumed = [item('a'), item('b'), item('c'), item('d')];
    deepStrictEqual(await contents(fixture), second.resume === undefined ? shown(item('d')) : shown(...resumed));
  });

  scenario('what was staged before a giveBack never comes back', async (fixture) => {
    const replica = fixture.replica();
    const first = await take(replica);
    await first.stage([upsert(item('stale'))], 'token-1');
    await first.giveBack();
    const second = await take(replica);
    strictEqual(second.resume, undefined);
    await second.stage([upsert(item('fresh'))]);
    strictEqual(await second.swap(position('1'), []), 'swapped');
    deepStrictEqual(await contents(fixture), shown(item('fresh')));
  });

  scenario('I5: updates go on from the snapshot’s position, and only from there', async (fixture) => {
    const replica = fixture.replica();
    const term = await bootstrapped(replica, position('10'), item('a', 'snapshot'));
    const [early] = await replica.apply(term, [batch(p0, '9', '10', item('a', 'older'))]);
    deepStrictEqual(early !== 'applied' && early?.moved.through, '10');
    deepStrictEqual(await replica.apply(term, [batch(p0, '10', '11', item('a', 'newer'))]), ['applied']);
    deepStrictEqual(await contents(fixture), shown(item('a', 'newer')));
  });

  if (shared)
    scenario('another handle sees a bootstrap’s outcome at once', async (fixture) => {
      const [one, other] = [fixture.replica(), fixture.replica()];
      const term = await bootstrapped(one, position('1'), item('a'));
      deepStrictEqual(await other.apply(term, [batch(p0, '1', '2', item('b'))]), ['applied']);
      deepStrictEqual(throughs(positionOf(await one.load())), ['2', 'beginning']);
      deepStrictEqual(await contents(fixture), shown(item('a'), item('b')));
    });
}
