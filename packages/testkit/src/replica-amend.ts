import { remove, upsert } from '@tidemark/core';
import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import {
  batch,
  bootstrapped,
  contents,
  item,
  p0,
  position,
  positionOf,
  refused,
  type ReplicaFixture,
  type ReplicaScenario,
  shown,
  take,
  throughs,
} from './replica-fixture';

/** Changes beside the stream. */
export function amendScenarios<F extends ReplicaFixture>(scenario: ReplicaScenario<F>): void {
  scenario('I5: an amendment changes rows and leaves the position', async (fixture) => {
    const replica = fixture.replica();
    const term = await bootstrapped(replica, position('1', '1'), item('a'), item('b'));
    const changes = [upsert(item('a', 'amended')), remove('b'), upsert(item('c'))];
    strictEqual(await replica.amend(term, { changes }), 'amended');
    deepStrictEqual(await contents(fixture), shown(item('a', 'amended'), item('c')));
    deepStrictEqual(throughs(positionOf(await fixture.replica().load())), ['1', '1']);
    deepStrictEqual(await replica.apply(term, [batch(p0, '1', '2', item('d'))]), ['applied']);
    deepStrictEqual(await contents(fixture), shown(item('a', 'amended'), item('c'), item('d')));
  });

  scenario('I11: refuses an amendment while empty, while bootstrapping, and of every other term', async (fixture) => {
    const replica = fixture.replica();
    const amendment = { changes: [upsert(item('zombie'))] };
    const attempt = async (term: number, what: string) =>
      refused(fixture.replica().amend(term, amendment), 'FENCED_OUT', what);
    const { term: none } = await replica.load();
    await attempt(none, 'empty');
    const term = await bootstrapped(replica, position('1'), item('a'));
    const bootstrap = await take(replica);
    await attempt(term, 'bootstrapping, the old term');
    await attempt(bootstrap.term, 'bootstrapping, its own term');
    await bootstrap.stage([upsert(item('a', 'new'))]);
    strictEqual(await bootstrap.swap(position('2'), []), 'swapped');
    await attempt(term, 'ready, the old term');
    await attempt(bootstrap.term + 1, 'ready, a term to come');
    deepStrictEqual(await contents(fixture), shown(item('a', 'new')));
  });

  scenario('I2: an amendment for a letter that is not there changes nothing', async (fixture) => {
    const term = await bootstrapped(fixture.replica(), position('1'), item('a'));
    const changes = [upsert(item('a', 'again'))];
    for (const letter of ['7', 'no such letter'])
      strictEqual(await fixture.replica().amend(term, { changes, letter }), 'gone');
    strictEqual((await fixture.replica().letters({ id: 'no such letter' })).length, 0);
    deepStrictEqual(await contents(fixture), shown(item('a')));
  });

  scenario('I8: refuses to merge rows of a part where what comes later wins', async (fixture) => {
    const replica = fixture.replica();
    const term = await bootstrapped(replica, position('1'), item('a'));
    const { sequence, pruned } = await replica.load();
    deepStrictEqual([sequence, pruned], [undefined, undefined]);
    const merging = { position: position('9'), pruned: 0 };
    const amendment = { changes: [upsert(item('a', 'of a part'))], merging };
    await refused(replica.amend(term, amendment), 'INVALID_CONFIGURATION', 'merging without versions');
    deepStrictEqual(await contents(fixture), shown(item('a')));
  });
}
