import { applyTo, liveView, snapshotThenSubscribe, translate, upsert } from '@tidemark/core';
import * as t from 'io-ts';
import { type Published, simulate, SimulationFailed, type SimulateOptions } from '../src';

const Stock = t.type({ id: t.string, left: t.number });
type Stock = t.TypeOf<typeof Stock>;

const stockOf = (published: readonly Published[]): ReadonlyMap<string, Stock> =>
  new Map(published.map(({ key, value }) => [key, JSON.parse(value ?? 'null') as Stock]));

/** An application's test: B keeps a view of A's stock. `rowsToo`: does its handler know what to do with snapshot rows? */
const application = (rowsToo: boolean): SimulateOptions<'stock', ReadonlyMap<string, Stock>> => ({
  seeds: 30,
  instances: 1,
  faults: ['crash', 'freeze', 'log', 'snapshot', 'trim', 'recreate'],
  topics: { stock: { partitions: 2 } },
  rows: { stock: (published) => [...stockOf(published).values()] },
  write: async ({ log, runtime, random }) => {
    for (let left = 12; left > 0; left--) {
      const id = random() < 0.5 ? 'apples' : 'pears';
      await log.publish('stock', [{ key: id, value: JSON.stringify({ id, left }) }]);
      await runtime.sleep(random() * 1_000, new AbortController().signal);
    }
  },
  start: ({ snapshot, log, runtime, times, replica }) => {
    const view = liveView<Stock>({ key: ({ id }) => id });
    const decode = { stock: { row: Stock, update: Stock } };
    const pipeline = snapshotThenSubscribe({ name: 'stock', snapshot, transport: log, runtime, times, decode }).pipe(
      translate((m) => (m.kind === 'update' || rowsToo ? upsert(m.value) : [])),
      applyTo(replica(view)),
    );
    return { pipeline, state: () => new Map(view) };
  },
  expect: (view, published) => {
    expect(new Map(view)).toEqual(stockOf(published));
  },
});

it('a handler that is right passes, run after run', async () => {
  const seeds: number[] = [];
  await simulate({ ...application(true), onRun: ({ seed }) => seeds.push(seed) });
  expect(seeds).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
});

it('a handler that forgets the rows of snapshots is found, by a seed that finds it again', async () => {
  const failed = await simulate(application(false)).catch((error: unknown) => error);
  if (!(failed instanceof SimulationFailed)) throw new Error('it went unnoticed');
  expect(failed.message).toContain(`seed ${failed.seed}: in the end`);
  const again = await simulate({ ...application(false), firstSeed: failed.seed, seeds: 1 }).catch((e: unknown) => e);
  expect(again).toMatchObject({ seed: failed.seed, trace: failed.trace });
});
