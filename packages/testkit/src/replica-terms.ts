import { TakeLost } from '@tidemark/core';
import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import {
  batch,
  binding,
  bootstrapped,
  contents,
  item,
  p0,
  position,
  positionOf,
  refused,
  type ReplicaContract,
  type ReplicaFixture,
  type ReplicaScenario,
  shown,
  take,
  throughs,
} from './replica-fixture';

/** Who may write: the table of states and calls. */
export function termScenarios<F extends ReplicaFixture>(
  scenario: ReplicaScenario<F>,
  { shared, features = {} }: ReplicaContract<F>,
): void {
  scenario('empty: says so to every handle, and whether it is shared', async (fixture) => {
    const stored = await fixture.replica().load();
    strictEqual(stored.state, 'empty');
    deepStrictEqual(await fixture.replica().load(), stored);
    strictEqual(fixture.replica().shared, shared);
    strictEqual((await fixture.rows()).size, 0);
  });

  scenario('I11: empty: refuses apply of every term', async (fixture) => {
    const { term } = await fixture.replica().load();
    for (const other of [term - 1, term, term + 1])
      await refused(fixture.replica().apply(other, [batch(p0, 'beginning', '1', item('a'))]), 'FENCED_OUT', 'apply');
    strictEqual((await fixture.replica().load()).state, 'empty');
    strictEqual((await fixture.rows()).size, 0);
  });

  scenario('empty: take starts a bootstrap under the next term, bound to the pipeline', async (fixture) => {
    const replica = fixture.replica();
    const before = await replica.load();
    const { term } = await replica.take(before, binding);
    strictEqual(term, before.term + 1);
    const stored = await fixture.replica().load();
    strictEqual(stored.state, 'bootstrapping');
    strictEqual(stored.term, term);
    strictEqual(stored.pipeline, binding.pipeline);
    strictEqual(stored.version, binding.version);
    ok(!('position' in stored) || stored.position === undefined, 'no position yet');
  });

  scenario('I11: bootstrapping: refuses apply of every term', async (fixture) => {
    const replica = fixture.replica();
    const first = await bootstrapped(replica, position('5'), item('a'));
    const { term } = await take(replica);
    for (const other of [first, term, term + 1])
      await refused(replica.apply(other, [batch(p0, '5', '6', item('b'))]), 'FENCED_OUT', `apply of term ${other}`);
    deepStrictEqual(await contents(fixture), shown(item('a')));
    deepStrictEqual(throughs(positionOf(await replica.load())), ['5', 'beginning']);
  });

  scenario('bootstrapping: the heartbeat rises with each beat, for others to see', async (fixture) => {
    const bootstrap = await take(fixture.replica());
    const beats: number[] = [];
    for (let i = 0; i < 3; i++) {
      const stored = await fixture.replica().load();
      ok(stored.state === 'bootstrapping');
      beats.push(stored.heartbeat);
      await bootstrap.beat();
    }
    ok(
      beats.every((beat, i) => i === 0 || beat > (beats[i - 1] ?? beat)),
      `rising: ${beats.join(', ')}`,
    );
  });

  scenario('bootstrapping: take succeeds only while the heartbeat stands where it was seen', async (fixture) => {
    const [one, other] = [fixture.replica(), fixture.replica()];
    const bootstrap = await take(one);
    const seen = await other.load();
    await bootstrap.beat();
    await refused(other.take(seen, binding), 'TAKE_LOST', 'take after a beat');
    await bootstrap.stage([]);
    const taken = await other.take(await other.load(), binding);
    strictEqual(taken.term, bootstrap.term + 1);
  });

  scenario('I11: an old bootstrap is fenced out of everything once another has taken over', async (fixture) => {
    const [one, other] = [fixture.replica(), fixture.replica()];
    const zombie = await take(one);
    const bootstrap = await take(other);
    await expectFenced(zombie);
    const stored = await other.load();
    strictEqual(stored.state, 'bootstrapping');
    strictEqual(stored.term, bootstrap.term);
    await bootstrap.discard();
    await bootstrap.stage([{ op: 'upsert', row: item('b') }]);
    strictEqual(await bootstrap.swap(position('2'), []), 'swapped');
    await expectFenced(zombie);
    deepStrictEqual(await contents(fixture), shown(item('b')));
    deepStrictEqual(throughs(positionOf(await other.load())), ['2', 'beginning']);
  });

  scenario('I11: ready: a finished bootstrap can do nothing more', async (fixture) => {
    const replica = fixture.replica();
    const bootstrap = await take(replica);
    strictEqual(await bootstrap.swap(position('3'), []), 'swapped');
    await expectFenced(bootstrap);
    deepStrictEqual(throughs(positionOf(await replica.load())), ['3', 'beginning']);
    strictEqual((await replica.load()).state, 'ready');
  });

  scenario('ready: load gives term and position, and the bootstrapper’s term applies', async (fixture) => {
    const term = await bootstrapped(fixture.replica(), position('3', '4'), item('a'));
    const stored = await fixture.replica().load();
    strictEqual(stored.state, 'ready');
    strictEqual(stored.term, term);
    deepStrictEqual(throughs(positionOf(stored)), ['3', '4']);
    deepStrictEqual(await fixture.replica().apply(term, [batch(p0, '3', '5', item('b'))]), ['applied']);
  });

  scenario('I11: ready: refuses apply of every other term', async (fixture) => {
    const replica = fixture.replica();
    const first = await bootstrapped(replica, position('5'), item('a'));
    const second = await bootstrapped(fixture.replica(), position('5'), item('a'));
    for (const other of [first, first - 1, second + 1])
      await refused(replica.apply(other, [batch(p0, '5', '6', item('b'))]), 'FENCED_OUT', `apply of term ${other}`);
    deepStrictEqual(await contents(fixture), shown(item('a')));
    deepStrictEqual(throughs(positionOf(await replica.load())), ['5', 'beginning']);
  });

  scenario('ready: take succeeds only on what was seen, and keeps the old state serving', async (fixture) => {
    const replica = fixture.replica();
    const stale = await replica.load();
    const term = await bootstrapped(replica, position('5'), item('a'));
    await refused(replica.take(stale, binding), 'TAKE_LOST', 'take of what was seen empty');
    const bootstrap = await take(replica);
    strictEqual(bootstrap.term, term + 1);
    const stored = await replica.load();
    strictEqual(stored.state, 'bootstrapping');
    deepStrictEqual(throughs(positionOf(stored)), ['5', 'beginning']);
    deepStrictEqual(await contents(fixture), shown(item('a')));
  });

  scenario('I11: of many who take at once, one wins and the others lose', async (fixture) => {
    const handles = Array.from({ length: 6 }, () => fixture.replica());
    for (let round = 0; round < 3; round++) {
      const seen = await Promise.all(handles.map((handle) => handle.load()));
      const outcomes = await Promise.allSettled(handles.map((handle, i) => handle.take(seen[i] ?? failed(), binding)));
      strictEqual(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
      for (const outcome of outcomes)
        if (outcome.status === 'rejected') ok(outcome.reason instanceof TakeLost, String(outcome.reason));
    }
  });

  scenario('refuses another pipeline, and stays as it was', async (fixture) => {
    const replica = fixture.replica();
    await bootstrapped(replica, position('5'), item('a'));
    const before = await replica.load();
    await refused(
      fixture.replica().take(before, { pipeline: 'another' }),
      'REPLICA_BOUND_ELSEWHERE',
      'take for another pipeline',
    );
    strictEqual((await replica.load()).state, 'ready');
    strictEqual((await replica.load()).term, before.term);
  });

  scenario('giveBack: empty again where there was no position', async (fixture) => {
    const replica = fixture.replica();
    const bootstrap = await take(replica);
    await bootstrap.stage([{ op: 'upsert', row: item('a') }]);
    await bootstrap.giveBack();
    const stored = await replica.load();
    strictEqual(stored.state, 'empty');
    strictEqual((await fixture.rows()).size, 0);
    await expectFenced(bootstrap);
    await bootstrapped(replica, position('1'), item('b'));
    deepStrictEqual(await contents(fixture), shown(item('b')));
  });

  scenario(
    'giveBack: ready again with the old rows, position and version; applying needs the new term',
    async (fixture) => {
      const replica = fixture.replica();
      const old = await bootstrapped(replica, position('5'), item('a'));
      const bootstrap = await replica.take(await replica.load(), { ...binding, version: '2' });
      strictEqual((await replica.load()).version, '2');
      await bootstrap.stage([{ op: 'upsert', row: item('b') }]);
      await bootstrap.giveBack();
      const stored = await replica.load();
      strictEqual(stored.state, 'ready');
      strictEqual(stored.version, binding.version);
      deepStrictEqual(throughs(positionOf(stored)), ['5', 'beginning']);
      deepStrictEqual(await contents(fixture), shown(item('a')));
      ok(stored.term > old, 'the term stays raised');
      await refused(replica.apply(old, [batch(p0, '5', '6', item('c'))]), 'FENCED_OUT', 'apply of the old term');
      deepStrictEqual(await replica.apply(stored.term, [batch(p0, '5', '6', item('c'))]), ['applied']);
      deepStrictEqual(await contents(fixture), shown(item('a'), item('c')));
    },
  );

  scenario('I11: giveBack of an old term changes nothing', async (fixture) => {
    const zombie = await take(fixture.replica());
    const bootstrap = await take(fixture.replica());
    await zombie.giveBack().catch(() => undefined);
    strictEqual((await fixture.replica().load()).state, 'bootstrapping');
    strictEqual(await bootstrap.swap(position('1'), []), 'swapped');
    await zombie.giveBack().catch(() => undefined);
    await bootstrap.giveBack().catch(() => undefined);
    deepStrictEqual(throughs(positionOf(await fixture.replica().load())), ['1', 'beginning']);
    strictEqual((await fixture.replica().load()).state, 'ready');
  });

  if (features.strangeRow !== undefined) {
    const { strangeRow } = features;
    scenario('rows without a position are told apart from none, and a bootstrap replaces them', async (fixture) => {
      await strangeRow(fixture, item('strange'));
      const replica = fixture.replica();
      const { state, term } = await replica.load();
      strictEqual(state, 'unknownPosition');
      await refused(replica.apply(term, [batch(p0, 'beginning', '1', item('a'))]), 'FENCED_OUT', 'apply');
      await (await take(replica)).giveBack();
      deepStrictEqual(await contents(fixture), shown(item('strange')));
      await bootstrapped(replica, position('1'), item('a'));
      deepStrictEqual(await contents(fixture), shown(item('a')));
    });
  }
}

async function expectFenced(bootstrap: Awaited<ReturnType<typeof take>>): Promise<void> {
  await refused(bootstrap.beat(), 'FENCED_OUT', 'beat');
  await refused(bootstrap.stage([{ op: 'upsert', row: item('zombie') }]), 'FENCED_OUT', 'stage');
  await refused(bootstrap.discard(), 'FENCED_OUT', 'discard');
  await refused(bootstrap.swap(position('99', '99'), []), 'FENCED_OUT', 'swap');
}

const failed = (): never => {
  throw new Error('a handle without a load');
};
