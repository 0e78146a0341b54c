import { applyTo, type LiveView, liveView, remove, snapshotThenSubscribe, translate, upsert } from '@tidemark/core';
import {
  type Published,
  type RowsAndTombstones,
  type SimulatedA,
  type SimulateOptions,
  usualFaults,
} from '@tidemark/testkit';
import * as t from 'io-ts';

/** What A keeps here: items that are changed, deleted and made again. An update is the item's whole state, or says it is gone. */
const Item = t.type({ key: t.string, version: t.number, amount: t.number });
type Item = t.TypeOf<typeof Item>;
const Update = t.intersection([Item, t.type({ gone: t.boolean })]);
type Update = t.TypeOf<typeof Update>;

type Items = ReadonlyMap<string, Item>;
export type ViewScenario = Omit<SimulateOptions<'items', Items>, 'seeds' | 'firstSeed' | 'onRun'>;

const decode = { items: { row: Item, update: Update, tombstone: t.string } };

/** What a view in memory can't stand: it is whole in each process, and begins anew with it. */
const faults = usualFaults.filter((fault) => fault !== 'share' && fault !== 'deploy');

/**
 * Items in a live view of each process, which dies with it. In every other world newer versions win, and the records of a key go
 * to any partition.
 */
export function viewScenario(seed: number): ViewScenario {
  const versioned = seed % 2 === 0;
  const open = (): LiveView<string, Item> =>
    versioned
      ? (liveView<Item>({ key: keyOf, version: ({ version }) => version }) as unknown as LiveView<string, Item>)
      : liveView<Item>({ key: keyOf });
  return {
    topics: { items: { partitions: 1 + (seed % 4) } },
    rows: { items: (published) => stateOf(published, versioned) },
    write,
    faults: faults.filter((fault) => versioned || fault !== 'scatter'),
    start: ({ snapshot, log, runtime, times, replica }) => {
      const view = open();
      const pipeline = snapshotThenSubscribe({
        name: 'items',
        snapshot,
        transport: log,
        runtime,
        times,
        decode,
      }).pipe(
        translate((m) =>
          m.kind === 'tombstone'
            ? remove(m.key, m.version)
            : m.kind === 'update' && m.value.gone
              ? remove(m.value.key, m.value.version)
              : upsert({ key: m.value.key, version: m.value.version, amount: m.value.amount }),
        ),
        applyTo(replica(view)),
      );
      return { pipeline, state: () => new Map(view) };
    },
    always: same,
    expect: same,
  };
}

const keyOf = ({ key }: Item): string => key;

async function write({ log, runtime, random }: SimulatedA<'items'>): Promise<void> {
  const never = new AbortController().signal;
  const versions = new Map<string, number>();
  const total = 4 + Math.floor(random() * 24);
  for (let written = 0; written < total;) {
    const some = Array.from({ length: 1 + Math.floor(random() * 4) }, () => {
      const key = `k${Math.floor(random() * 6)}`;
      const version = (versions.get(key) ?? 0) + 1;
      versions.set(key, version);
      const update: Update = { key, version, amount: ++written * 7, gone: random() < 0.25 };
      return { key, value: JSON.stringify(update) };
    });
    await log.publish('items', some);
    await runtime.sleep(random() * random() * 2_500, never);
  }
}

const updates = new WeakMap<Published, Update>();

/** Read once, as it is asked for at each look. */
function updateOf(published: Published): Update {
  const update = updates.get(published) ?? (JSON.parse(published.value ?? 'null') as Update);
  updates.set(published, update);
  return update;
}

const newest = (published: readonly Published[]): ReadonlyMap<string, Update> => {
  const found = new Map<string, Update>();
  for (const one of published) {
    const update = updateOf(one);
    if (update.version > (found.get(update.key)?.version ?? 0)) found.set(update.key, update);
  }
  return found;
};

function stateOf(published: readonly Published[], versioned: boolean): RowsAndTombstones {
  const all = [...newest(published).values()];
  const rows = all.filter(({ gone }) => !gone).map(({ key, version, amount }) => ({ key, version, amount }));
  const tombstones = all.filter(({ gone }) => gone).map(({ key, version }) => ({ key, version }));
  return { rows, tombstones: versioned ? tombstones : [] };
}

/** Throws where the view isn't what follows from what A has published. */
function same(items: Items, published: readonly Published[]): void {
  const expected = newest(published);
  for (const key of new Set([...items.keys(), ...expected.keys()])) {
    const should = expected.get(key);
    const [is, wanted] = [items.get(key)?.amount, should?.gone === false ? should.amount : undefined];
    if (is !== wanted) throw new Error(`item ${key} is ${shown(is)}; it should be ${shown(wanted)}`);
  }
}

const shown = (amount: number | undefined): string => (amount === undefined ? 'not there' : String(amount));
