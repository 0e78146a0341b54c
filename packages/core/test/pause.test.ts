import { type Change, deliverTo, type Replica, type SnapshotSource } from '@tidemark/core';
import { asShared, eventually, gate, listen, type Thing, World } from './support/world';

/** A world with a shared replica, whose pause any number of pipelines see. */
function shared(world: World) {
  const view = world.view();
  const store = { paused: false, loads: 0 };
  const replica: Replica<Change<Thing>> = asShared(view, {
    load: async () => {
      store.loads++;
      return { ...(await view.load()), paused: store.paused };
    },
    pause: async (_, paused) => {
      store.paused = paused;
    },
  });
  return { view, store, replica };
}

const twoLooks = async (store: { loads: number }) => {
  const { loads } = store;
  await eventually(() => store.loads >= loads + 3);
};

it('a stored pause holds every instance of a shared replica, until it is taken back', async () => {
  const world = new World(1);
  const { view, store, replica } = shared(world);
  const [one, other] = [world.pipeline(replica), world.pipeline(replica)];
  const statuses: string[] = [];
  other.status$.subscribe((status) => statuses.push(status));
  for (const pipeline of [one, other]) listen(pipeline);
  await Promise.all([one, other].map((pipeline) => pipeline.caughtUp({ timeoutMs: 5_000 })));
  await one.pause({ persist: true });
  await eventually(() => statuses.at(-1) === 'paused');
  world.set(1, 1);
  await twoLooks(store);
  expect(view.size).toBe(0);
  await one.resume(); // its own pause, of which there is none
  await twoLooks(store);
  expect([view.size, statuses.at(-1)]).toEqual([0, 'paused']);
  await other.resume({ persist: true });
  await eventually(() => view.size === 1);
  await Promise.all([one, other].map((pipeline) => pipeline.caughtUp({ timeoutMs: 5_000 })));
  await Promise.all([one.stop(), other.stop()]);
});

it('an instance that starts paused says so, applies nothing, and takes no snapshot', async () => {
  const world = new World(1);
  world.set(1, 1);
  const { view, store, replica } = shared(world);
  let asked = 0;
  const honest = world.snapshot();
  const snapshot: SnapshotSource = { open: (request) => (asked++, honest.open(request)) };
  await world.pipeline(replica).pause({ persist: true });
  const pipeline = world.pipeline(replica, { snapshot });
  const told = listen(pipeline);
  await eventually(() => pipeline.health().why === 'opening');
  await twoLooks(store);
  expect([asked, view.size]).toEqual([0, 0]);
  expect(told.types()).not.toContain('snapshotStart');
  expect(pipeline.explain()).toContain('"things", paused');
  await pipeline.resume({ persist: true });
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  expect(view.size).toBe(1);
  await pipeline.stop();
});

it('can be stopped while it is paused at its start', async () => {
  const world = new World(1);
  const { store, replica } = shared(world);
  store.paused = true;
  const pipeline = world.pipeline(replica);
  listen(pipeline);
  await eventually(() => pipeline.health().why === 'opening');
  await pipeline.stop();
});

it('a snapshot that was being asked for is let go of; a bootstrap under way comes to its end', async () => {
  const world = new World(1);
  world.set(1, 1);
  const { view, store, replica } = shared(world);
  const [opening, staging, go] = [gate(), gate(), gate()];
  const signals: AbortSignal[] = [];
  const answered = gate();
  const honest = world.snapshot();
  const snapshot: SnapshotSource = {
    open: async (request) => {
      signals.push(request.signal);
      opening.open();
      await answered.passed;
      const taken = await honest.open(request);
      const chunks = async function* () {
        staging.open();
        await go.passed;
        yield* taken.chunks;
      };
      return { ...taken, chunks: chunks() };
    },
  };
  const pipeline = world.pipeline(replica, { snapshot });
  const told = listen(pipeline);
  await opening.passed;
  await pipeline.pause();
  answered.open();
  await eventually(() => signals[0]?.aborted === true);
  expect((await replica.load()).state).toBe('empty');
  await pipeline.resume();
  await staging.passed;
  await pipeline.pause();
  go.open();
  await eventually(() => told.types().includes('snapshotEnd'));
  world.set(2, 2);
  await twoLooks(store);
  expect([...view.keys()]).toEqual(['1']);
  await pipeline.resume();
  await eventually(() => view.size === 2);
  await pipeline.stop();
});

it('a load that began before the pause was stored does not end it', async () => {
  const world = new World(1);
  const { view, store, replica } = shared(world);
  const [entered, leave] = [gate(), gate()];
  let slow = false;
  const late = asShared(replica, {
    load: async () => {
      const stored = await replica.load();
      if (slow) {
        slow = false;
        entered.open();
        await leave.passed;
      }
      return stored;
    },
  });
  const pipeline = world.pipeline(late);
  listen(pipeline);
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  slow = true;
  await entered.passed;
  await pipeline.pause({ persist: true });
  world.set(1, 1);
  leave.open();
  await twoLooks(store);
  expect(view.size).toBe(0);
  await pipeline.stop();
});

it('cannot be stored with a replica of this process, or with positions', async () => {
  const world = new World(1);
  const inProcess = world.pipeline(world.view());
  const delivering = world.calls(
    deliverTo<Thing | { readonly gone: string }>(() => undefined, {
      positions: {
        load: async () => undefined,
        reset: async () => undefined,
        save: async () => undefined,
        letters: async () => [],
        forget: async () => false,
      },
    }),
  );
  for (const pipeline of [inProcess, delivering]) {
    await expect(pipeline.pause({ persist: true })).rejects.toMatchObject({ code: 'INVALID_CONFIGURATION' });
    expect(pipeline.health().why).toBe('idle');
  }
});

it('a stopped pipeline stays stopped, whoever pauses or resumes it', async () => {
  const pipeline = new World(1).pipeline(new World(1).view());
  await pipeline.stop();
  await pipeline.pause();
  await pipeline.resume();
  expect(pipeline.health().why).toBe('stopped');
});
