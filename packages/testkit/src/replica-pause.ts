import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import {
  batch,
  binding,
  bootstrapped,
  item,
  p0,
  position,
  positionOf,
  refused,
  type ReplicaContract,
  type ReplicaFixture,
  type ReplicaScenario,
  take,
  throughs,
} from './replica-fixture';

/** A pause that is stored, where it can be. */
export function pauseScenarios<F extends ReplicaFixture>(
  scenario: ReplicaScenario<F>,
  { shared }: ReplicaContract<F>,
): void {
  const { pipeline } = binding;

  if (!shared) {
    scenario('refuses a pause that would end with the process', async (fixture) => {
      const replica = fixture.replica();
      await refused(replica.pause(pipeline, true), 'INVALID_CONFIGURATION', 'pause while empty');
      await bootstrapped(replica, position('1'), item('a'));
      await refused(replica.pause(pipeline, true), 'INVALID_CONFIGURATION', 'pause while ready');
      ok((await replica.load()).paused !== true);
    });
    return;
  }

  scenario('a pause is told to every handle until it is taken back, whatever the state', async (fixture) => {
    const expectPaused = async (paused: boolean, what: string) =>
      strictEqual((await fixture.replica().load()).paused === true, paused, what);
    await fixture.replica().pause(pipeline, false);
    await expectPaused(false, 'never paused');
    await fixture.replica().pause(pipeline, true);
    await expectPaused(true, 'empty');
    const bootstrap = await take(fixture.replica());
    await expectPaused(true, 'bootstrapping');
    await bootstrap.beat();
    strictEqual(await bootstrap.swap(position('1'), []), 'swapped');
    await expectPaused(true, 'ready');
    await fixture.replica().apply(bootstrap.term, [batch(p0, '1', '2', item('a'))]);
    await (await take(fixture.replica())).giveBack();
    await expectPaused(true, 'given back');
    await fixture.replica().pause(pipeline, false);
    await expectPaused(false, 'resumed');
  });

  scenario('a pause changes nothing else', async (fixture) => {
    const replica = fixture.replica();
    const term = await bootstrapped(replica, position('1'), item('a'));
    const before = await replica.load();
    await replica.pause(pipeline, true);
    const after = await replica.load();
    strictEqual(after.paused, true);
    deepStrictEqual({ ...after, paused: false }, { ...before, paused: false });
    deepStrictEqual(await replica.apply(term, [batch(p0, '1', '2')]), ['applied'], 'withholding is not its job');
    deepStrictEqual(throughs(positionOf(await replica.load())), ['2', 'beginning']);
  });

  scenario('a pause before the first bootstrap leaves the replica empty, bound to its pipeline', async (fixture) => {
    await fixture.replica().pause(pipeline, true);
    const { state } = await fixture.replica().load();
    strictEqual(state, 'empty');
    await refused(fixture.replica().pause('another', true), 'REPLICA_BOUND_ELSEWHERE', 'pause of another pipeline');
    await bootstrapped(fixture.replica(), position('1'), item('a'));
    await refused(fixture.replica().pause('another', false), 'REPLICA_BOUND_ELSEWHERE', 'resume of another pipeline');
    ok((await fixture.replica().load()).paused);
  });
}
