import { remove, upsert } from '@tidemark/core';
import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { p0, p1, position, positionOf, type VersionedFixture } from './replica-fixture';
import { apply, bootstrapped, pruned, put, sequence, shown } from './versioned-fixture';

/** Changes beside the stream where newer versions win: rows of a part of A's state among them. */
export function mergingScenarios(
  scenario: (name: string, body: (fixture: VersionedFixture) => Promise<void>) => void,
): void {
  scenario('I3, I8: rows of a part are merged: newer wins, and the position stays', async (fixture) => {
    const at = position('1', '1');
    const all = [put('older', 1), put('same', 3), put('newer', 5), put('elsewhere', 1)];
    const term = await bootstrapped(fixture, at, ...all);
    await apply(fixture, p0, [remove('gone', 4), remove('back', 4)]);
    const mended = upsert({ id: 'same', text: 'mended', version: 3 });
    const changes = [put('older', 2), mended, put('newer', 4), put('gone', 3), put('back', 5), remove('buried', 9)];
    const merging = { position: position('2', '1'), pruned: await pruned(fixture) };
    strictEqual(await fixture.replica().amend(term, { changes, merging }), 'amended');
    deepStrictEqual(await shown(fixture), ['back@5', 'elsewhere@1', 'newer@5', 'older@2', 'same@3']);
    strictEqual((await fixture.rows()).get('same')?.text, 'mended');
    const { offsets } = positionOf(await fixture.replica().load());
    deepStrictEqual([offsets.through(p0), offsets.through(p1)], ['2', '1']);
    await apply(fixture, p1, [put('buried', 8), put('older', 1)]);
    deepStrictEqual(await shown(fixture), ['back@5', 'elsewhere@1', 'newer@5', 'older@2', 'same@3']);
  });

  scenario('I8: merging goes on while updates do, as long as no tombstone is pruned', async (fixture) => {
    const term = await bootstrapped(fixture, position('0', '0'), put('a', 1));
    const merging = { position: position('0', '0'), pruned: await pruned(fixture) };
    await apply(fixture, p0, [remove('a', 2), put('b', 3)]);
    const changes = [put('a', 1), put('b', 2), put('c', 1)];
    strictEqual(await fixture.replica().amend(term, { changes, merging }), 'amended');
    deepStrictEqual(await shown(fixture), ['b@3', 'c@1']);
  });

  scenario('I8: a row whose tombstone was pruned since does not come back', async (fixture) => {
    const term = await bootstrapped(fixture, position('0', '0'), put('a', 1));
    const merging = { position: position('0', '0'), pruned: await pruned(fixture) };
    await apply(fixture, p0, [remove('a', 2)]);
    const after = await sequence(fixture);
    await apply(fixture, p0, [], after);
    await apply(fixture, p1, [], after);
    const replica = fixture.replica();
    const answer = await replica.amend(term, { changes: [put('c', 1), put('a', 1)], merging });
    ok(typeof answer === 'object', 'refused');
    deepStrictEqual([answer.below.offsets.through(p0), answer.below.offsets.through(p1)], ['2', '1']);
    deepStrictEqual(await shown(fixture), [], 'nothing of it was written');
    const covering = { position: position('2', '1'), pruned: merging.pruned };
    strictEqual(await replica.amend(term, { changes: [put('c', 1)], merging: covering }), 'amended');
    const fresh = { position: position('0', '0'), pruned: await pruned(fixture) };
    strictEqual(await replica.amend(term, { changes: [put('d', 1)], merging: fresh }), 'amended');
    deepStrictEqual(await shown(fixture), ['c@1', 'd@1']);
  });

  scenario('I7, I8: offsets of another history cover nothing', async (fixture) => {
    const term = await bootstrapped(fixture, position('0'));
    await apply(fixture, p0, [remove('a', 2)]);
    const before = await pruned(fixture);
    await apply(fixture, p0, [], await sequence(fixture));
    const again = position('99', '99', { kind: 'suite', order: 'decimal', cluster: 'c1', epochs: { items: 'e2' } });
    const amendment = { changes: [put('a', 1)], merging: { position: again, pruned: before } };
    ok(typeof (await fixture.replica().amend(term, amendment)) === 'object');
    deepStrictEqual(await shown(fixture), []);
  });

  scenario('I3: changes beside the stream leave tombstones that are counted and hold', async (fixture) => {
    const term = await bootstrapped(fixture, position('0'), put('a', 1));
    const before = await sequence(fixture);
    strictEqual(await fixture.replica().amend(term, { changes: [remove('a', 3)] }), 'amended');
    ok((await sequence(fixture)) > before);
    await apply(fixture, p0, [put('a', 2)]);
    deepStrictEqual(await shown(fixture), []);
  });
}
