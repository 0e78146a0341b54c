import { remove, upsert } from '@tidemark/core';
import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { p0, p1, position, positionOf, refused, type VersionedFixture } from './replica-fixture';
import { apply, batch, bootstrapped, type Change, put, sequence, shown, take } from './versioned-fixture';

/** Newer wins, whatever the order (I3). */
export function versionedScenarios(
  scenario: (name: string, body: (fixture: VersionedFixture) => Promise<void>) => void,
): void {
  scenario('I3: whatever the order and the partition, the newest state of a key is what stays', async (fixture) => {
    await bootstrapped(fixture, position('0', '0'));
    const expected: string[] = [];
    for (const [h, history] of ['uuru', 'urur', 'rruu', 'uuuu', 'ruur'].entries())
      for (const [o, order] of permutations(Array.from(history, (_, version) => version)).entries()) {
        const id = `${h}-${o}`;
        const all = Array.from(history, (op, version) => (op === 'u' ? put(id, version) : remove(id, version)));
        for (const version of order) await apply(fixture, (o + version) % 2 === 0 ? p0 : p1, [all[version] as Change]);
        if (history.endsWith('u')) expected.push(`${id}@${history.length - 1}`);
      }
    deepStrictEqual(await shown(fixture), expected.sort());
  });

  scenario('I3: within one batch too; at one version a removal wins over an upsert', async (fixture) => {
    await bootstrapped(fixture, position('0'));
    await apply(fixture, p0, [put('a', 2), put('a', 1), remove('b', 3), put('b', 2), put('c', 4), remove('c', 3)]);
    await apply(fixture, p0, [put('d', 1), remove('d', 1), remove('e', 1), put('e', 1)]);
    deepStrictEqual(await shown(fixture), ['a@2', 'c@4']);
  });

  scenario('an update that comes again changes nothing', async (fixture) => {
    await bootstrapped(fixture, position('0'));
    for (let again = 0; again < 2; again++) await apply(fixture, p0, [put('a', 1), put('b', 1), remove('b', 2)]);
    deepStrictEqual(await shown(fixture), ['a@1']);
  });

  scenario('I3: versions beyond 2^53 compare exactly', async (fixture) => {
    const big = 2n ** 53n;
    await bootstrapped(fixture, position('0'), put('a', big + 1n), put('b', big));
    await apply(fixture, p0, [put('a', big), put('b', big + 1n), remove('c', big + 1n), put('c', big)]);
    await apply(fixture, p0, [put('d', -1), put('d', -2n), remove('e', 2n ** 62n), put('e', 2n ** 62n - 1n)]);
    deepStrictEqual(await shown(fixture), [`a@${big + 1n}`, `b@${big + 1n}`, 'd@-1']);
  });

  scenario(
    'I3: staged changes too: the newest of a key wins, and a tombstone holds against older rows',
    async (fixture) => {
      await bootstrapped(fixture, position('1'), put('a', 2), put('a', 1), put('b', 1), remove('b', 2), remove('c', 5));
      await bootstrapped(fixture, position('2'), remove('d', 3), put('d', 2), put('a', 3), put('a', 2));
      await apply(fixture, p0, [put('c', 4), put('d', 3), put('e', 1)]);
      deepStrictEqual(await shown(fixture), ['a@3', 'e@1']);
    },
  );

  scenario('I3: a swap brings nothing back that was deleted before, and guards what has vanished', async (fixture) => {
    await bootstrapped(fixture, position('1', '1'), put('vanishing', 4), put('stays', 1));
    await apply(fixture, p0, [remove('gone', 5), remove('back', 5)]);
    await bootstrapped(fixture, position('9', '9'), put('gone', 5), put('back', 6), put('stays', 1));
    deepStrictEqual(await shown(fixture), ['back@6', 'stays@1']);
    await apply(fixture, p1, [put('gone', 4), put('vanishing', 4), put('back', 5)]);
    deepStrictEqual(await shown(fixture), ['back@6', 'stays@1']);
    await apply(fixture, p1, [put('gone', 6), put('vanishing', 5)]);
    deepStrictEqual(await shown(fixture), ['back@6', 'gone@6', 'stays@1', 'vanishing@5']);
  });

  scenario('the snapshot’s rows are taken, newer or not, and all of it where history was lost', async (fixture) => {
    await bootstrapped(fixture, position('1', '1'), put('a', 9), put('b', 9));
    await apply(fixture, p0, [remove('b', 10)]);
    await bootstrapped(fixture, position('5', '5'), put('a', 8));
    deepStrictEqual(await shown(fixture), ['a@8']);
    const bootstrap = await take(fixture);
    await bootstrap.stage([put('a', 1), put('b', 1)]);
    strictEqual(await bootstrap.swap(position('2', '5'), [p0]), 'swapped');
    deepStrictEqual(await shown(fixture), ['a@1', 'b@1']);
  });

  scenario(
    'I3: a tombstone is pruned once every partition was at a head that came after it, not before',
    async (fixture) => {
      await bootstrapped(fixture, position('0', '0'));
      await apply(fixture, p0, [remove('first', 2)]);
      const first = await sequence(fixture);
      await apply(fixture, p0, [remove('second', 2)]);
      ok((await sequence(fixture)) > first, 'the sequence rises with each tombstone');
      await apply(fixture, p0, [], first);
      await apply(fixture, p1, [put('first', 1)], 0);
      deepStrictEqual(await shown(fixture), [], 'partition 1 was not there yet');
      await apply(fixture, p1, [], first);
      await apply(fixture, p1, [put('first', 1), put('second', 1)]);
      deepStrictEqual(await shown(fixture), ['first@1'], 'pruned; the second is younger than both heads');
      ok((await sequence(fixture)) > first, 'the sequence never falls');
    },
  );

  scenario('I3: heads from before a swap, and those of a batch that has moved, prove nothing', async (fixture) => {
    await bootstrapped(fixture, position('0', '0'));
    await apply(fixture, p0, [remove('a', 2)]);
    const after = await sequence(fixture);
    await apply(fixture, p1, [], after);
    await bootstrapped(fixture, position('5', '5'));
    await apply(fixture, p0, [], after);
    const stale = { ...batch(p1, '4', '5', []), head: after };
    const { term } = await fixture.replica().load();
    ok((await fixture.replica().apply(term, [stale]))[0] !== 'applied');
    await apply(fixture, p1, [put('a', 1)]);
    deepStrictEqual(await shown(fixture), []);
  });

  scenario('a closed partition holds no tombstone back', async (fixture) => {
    const term = await bootstrapped(fixture, position('0', '0'));
    await apply(fixture, p0, [remove('a', 2)]);
    deepStrictEqual(await fixture.replica().apply(term, [batch(p1, '0', 'closed', [])]), ['applied']);
    await apply(fixture, p0, [], await sequence(fixture));
    await apply(fixture, p0, [put('a', 1)]);
    deepStrictEqual(await shown(fixture), ['a@1']);
  });

  scenario('many tombstones are pruned in time', async (fixture) => {
    await bootstrapped(fixture, position('0'));
    const ids = Array.from({ length: 3_000 }, (_, i) => `row-${i}`);
    await apply(
      fixture,
      p0,
      ids.map((id) => remove(id, 2)),
    );
    const after = await sequence(fixture);
    for (let i = 0; i < 5; i++) await apply(fixture, p0, [], after);
    await apply(
      fixture,
      p0,
      ids.map((id) => put(id, 1)),
    );
    strictEqual((await fixture.rows()).size, ids.length);
  });

  scenario('refuses a change without a version that it can compare, before anything is written', async (fixture) => {
    const term = await bootstrapped(fixture, position('0'));
    const wrong: readonly (readonly [string, unknown])[] = [
      ['a removal without a version', remove('a')],
      ['a row without one', upsert({ id: 'a', text: '' })],
      ['a fraction', put('a', 1.5)],
      ['a number that is not exact', put('a', 2 ** 53)],
    ];
    for (const [what, change] of wrong) {
      const changes = [put('z', 1), change as Change];
      const refusedApply = fixture.replica().apply(term, [batch(p0, '0', '1', changes)]);
      await refused(refusedApply, 'INVALID_CONFIGURATION', what);
    }
    strictEqual((await fixture.rows()).size, 0);
    deepStrictEqual(positionOf(await fixture.replica().load()).offsets.through(p0), '0');
    for (const [what, change] of wrong) {
      const amendment = { changes: [put('z', 1), change as Change] };
      await refused(fixture.replica().amend(term, amendment), 'INVALID_CONFIGURATION', what);
    }
    strictEqual((await fixture.rows()).size, 0);
    const bootstrap = await take(fixture);
    for (const [what, change] of wrong)
      await refused(bootstrap.stage([change as Change]), 'INVALID_CONFIGURATION', what);
  });
}

const permutations = (all: readonly number[]): number[][] =>
  all.length === 0
    ? [[]]
    : all.flatMap((one) => permutations(all.filter((other) => other !== one)).map((rest) => [one, ...rest]));
