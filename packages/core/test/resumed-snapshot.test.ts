import * as fc from 'fast-check';
import { positionToJson, type Snapshot, type SnapshotSource, untold } from '@tidemark/core';
import { sealOf } from '../src/staged-place';
import { type Fate, Shelf } from './support/shelf';
import { listen, World } from './support/world';

/** Rows of the first snapshot: what the world starts with, less one, and one. */
const size = 10;

function started(...fates: readonly Fate[]) {
  const world = new World();
  for (let id = 0; id < size; id++) world.set(id, id);
  const shelf = new Shelf(world, fates);
  const view = world.view();
  const pipeline = world.pipeline(view, { snapshot: shelf, snapshotAttempts: 4 });
  const shown: { position: string; rows: unknown }[] = [];
  const told = listen(pipeline);
  pipeline.subscribe((event) => {
    if (event.type !== 'snapshotEnd') return;
    shown.push({ position: JSON.stringify(positionToJson(event.position)), rows: [...view.values()] });
  });
  return { world, shelf, view, pipeline, told, shown };
}

/** Waits for the end, and holds what readers saw at the swap against the snapshots that A took: it is one of them. */
async function finished({ world, shelf, view, pipeline, shown }: ReturnType<typeof started>) {
  await pipeline.caughtUp({ timeoutMs: 10_000 });
  const honest = shelf.all.map(({ position, rows }) => ({ position: JSON.stringify(positionToJson(position)), rows }));
  for (const one of shown) expect(honest).toContainEqual(one);
  expect(shown).toHaveLength(1);
  expect(new Map(view)).toEqual(world.state);
  await pipeline.stop();
}

it('I6: a snapshot that is cut off is gone on with, and no row is sent twice', async () => {
  const run = started({ cutAfter: 4 }, { cutAfter: 3 });
  await finished(run);
  const { shelf, told } = run;
  expect(shelf.requests.map(({ resume }) => resume)).toEqual([undefined, 's1:4', 's1:7']);
  expect(shelf.served).toEqual(Array.from({ length: size }, (_, i) => `s1:${i}`));
  expect(told.types().filter((type) => type.startsWith('snapshot'))).toEqual([
    'snapshotStart',
    ...Array.from({ length: size }, () => 'snapshotRows'),
    'snapshotEnd',
  ]);
  expect(told.events.find(({ type }) => type === 'snapshotEnd')).toMatchObject({ rows: size });
});

it('what comes further is not counted against the budget', async () => {
  const run = started(...Array.from({ length: size - 1 }, () => ({ cutAfter: 1 })));
  await finished(run);
  expect(run.shelf.all).toHaveLength(1);
  expect(run.shelf.requests).toHaveLength(size);
});

it('what comes no further is: then the term is given back, and all begins anew', async () => {
  const run = started({ cutAfter: 4 }, ...Array.from({ length: 4 }, () => ({ cutAfter: 0 })));
  await finished(run);
  expect(run.shelf.requests.map(({ resume }) => resume)).toEqual([
    undefined,
    ...Array.from({ length: 4 }, () => 's1:4'),
    undefined,
  ]);
  expect(run.shelf.all).toHaveLength(2);
});

it.each<[string, Fate]>([
  ['has forgotten the snapshot, and begins another', { forgets: true }],
  ['goes on with the end of another snapshot', { lies: 'newId' }],
  ['goes on under the same id, at another position', { lies: 'sameId' }],
  ['refuses the token', { refusesTokens: true }],
])('I6: where A %s, what was staged is dropped', async (_, fate) => {
  const run = started({ cutAfter: 4 }, fate);
  await finished(run);
  expect(run.told.types().filter((type) => type === 'snapshotStart')).toHaveLength(2);
});

it('I6: after damage nothing is gone on with', async () => {
  const run = started({ damaged: true });
  await finished(run);
  expect(run.shelf.requests.map(({ resume }) => resume)).toEqual([undefined, undefined]);
});

it('I6: a wrong count at the end is damage', async () => {
  const world = new World();
  for (let id = 0; id < size; id++) world.set(id, id);
  const honest = world.snapshot();
  let opened = 0;
  const snapshot: SnapshotSource = {
    open: async (request): Promise<Snapshot> => ({
      ...(await honest.open(request)),
      count: opened++ === 0 ? size + 1 : size,
    }),
  };
  const pipeline = world.pipeline(world.view(), { snapshot });
  const told = listen(pipeline);
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  await pipeline.stop();
  expect(opened).toBe(2);
  expect(told.types().filter((type) => type === 'snapshotEnd')).toHaveLength(1);
});

it('a snapshot that says it is resumed without having been asked is refused', async () => {
  const world = new World();
  const honest = world.snapshot();
  const snapshot: SnapshotSource = {
    open: async (request): Promise<Snapshot> => ({ ...(await honest.open(request)), resumed: true }),
  };
  const running = world.pipeline(world.view(), { snapshot }).run();
  await expect(running).rejects.toMatchObject({ code: 'SNAPSHOT_REJECTED', retryable: false });
});

it('a first bootstrap that died may be done again with offsets whose log is not told', async () => {
  const world = new World();
  world.set(1, 1);
  const honest = world.snapshot();
  const snapshot: SnapshotSource = {
    open: async (request): Promise<Snapshot> => {
      const taken = await honest.open(request);
      return { ...taken, position: { ...taken.position, source: { kind: untold, order: 'decimal', epochs: {} } } };
    },
  };
  const view = world.view();
  await view.take(await view.load(), { pipeline: 'things' }); // and is never heard of again
  const pipeline = world.pipeline(view, { snapshot });
  listen(pipeline);
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  expect(new Map(view)).toEqual(world.state);
  await pipeline.stop();
});

it('I6: whatever happens to a snapshot on its way, readers see one whole snapshot, and then the head', async () => {
  const fate = fc.oneof(
    { weight: 4, arbitrary: fc.nat(size).map((cutAfter): Fate => ({ cutAfter })) },
    fc.record<Fate>({
      cutAfter: fc.option(fc.nat(size), { nil: undefined }),
      damaged: fc.boolean(),
      forgets: fc.boolean(),
      refusesTokens: fc.boolean(),
      lies: fc.constantFrom(undefined, 'newId', 'sameId'),
    }),
  );
  await fc.assert(
    // ten at a time: they mostly wait
    fc.asyncProperty(fc.array(fc.array(fate, { maxLength: 6 }), { minLength: 10, maxLength: 10 }), (all) =>
      Promise.all(all.map((fates) => finished(started(...fates)))).then(() => undefined),
    ),
    { numRuns: 30 },
  );
}, 60_000);

describe('the seal of a snapshot', () => {
  const world = new World(3);
  for (let id = 0; id < 9; id++) world.set(id, id);
  const position = world.log.head();
  const chunks = (async function* () {})();
  const seal = (of: Partial<Snapshot>) => sealOf({ id: 's', position, chunks, ...of });

  it('is of its id, schema and position', () => {
    const { source, offsets } = position;
    const others: Partial<Snapshot>[] = [
      { id: 't' },
      { schema: 'v2' },
      { position: { source, offsets: offsets.filter(({ partition }) => partition !== '2') } },
      { position: { source: { ...source, cluster: 'other' }, offsets } },
      { position: { source: { ...source, epochs: {} }, offsets } },
    ];
    const seals = [seal({}), ...others.map(seal)];
    expect(new Set(seals).size).toBe(seals.length);
  });

  it('is the same however the position is ordered', () => {
    const { source, offsets } = position;
    let reversed = offsets.filter(() => false);
    for (const { through, witness, ...partition } of [...offsets].reverse())
      reversed = reversed.with(partition, { through, witness });
    expect(seal({ position: { source, offsets: reversed } })).toBe(seal({}));
  });
});
