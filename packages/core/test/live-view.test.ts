import fc from 'fast-check';
import {
  type Batch,
  type Change,
  closed,
  decimal,
  InvalidConfiguration,
  liveView,
  type LiveView,
  OffsetMap,
  type Partition,
  type Position,
  remove,
  upsert,
  type Version,
  type VersionedChange,
  type ViewChange,
} from '@tidemark/core';

interface Row {
  readonly id: string;
  readonly v: Version;
  readonly text?: string;
}

const source = { kind: 'test', order: 'decimal', epochs: {} } as const;
const p = (n: number): Partition => ({ topic: 't', partition: String(n) });
const at = (...through: number[]): Position => ({
  source,
  offsets: OffsetMap.from(
    'decimal',
    through.map((offset, n) => ({ ...p(n), through: decimal(offset) })),
  ),
});

const versioned = () => liveView<Row>({ key: (row) => row.id, version: (row) => row.v });

async function bootstrapped<C>(
  view: LiveView<string, Row, C>,
  position: Position,
  changes: readonly C[],
  options: { readonly lost?: readonly Partition[]; readonly version?: string } = {},
): Promise<number> {
  const bootstrap = await view.take(await view.load(), { pipeline: 'p', version: options.version });
  await bootstrap.stage(changes);
  expect(await bootstrap.swap(position, options.lost ?? [])).toBe('swapped');
  return bootstrap.term;
}

async function apply<C>(
  view: LiveView<string, Row, C>,
  changes: readonly C[],
  { partition = 0, head }: { readonly partition?: number; readonly head?: number } = {},
): Promise<void> {
  const stored = await view.load();
  if (stored.state !== 'ready') throw new Error(stored.state);
  const after = stored.position.offsets.through(p(partition));
  const through = { through: decimal(Number(after) + 1) };
  const batch: Batch<C> = { partition: p(partition), after, through, changes, rejected: [], head };
  expect(await view.apply(stored.term, [batch])).toEqual(['applied']);
}

const sequence = async (view: LiveView<string, Row, never>) => {
  const stored = await view.load();
  return stored.state === 'ready' ? stored.sequence : undefined;
};

const shown = (view: ReadonlyMap<string, Row>) => [...view.values()].map(({ id, v }) => `${id}${v}`).sort();

describe('a versioned live view', () => {
  it('I3: newer wins, in any order and by any partition', async () => {
    const change = fc.record({ id: fc.constantFrom('a', 'b'), gone: fc.boolean() });
    const history = fc.array(change, { minLength: 1, maxLength: 12 }).chain((all) => {
      const changes = all.map(({ id, gone }, v): VersionedChange<Row> => (gone ? remove(id, v) : upsert({ id, v })));
      const moved = fc.record({ order: fc.integer(), partition: fc.nat(1) });
      return fc.tuple(
        fc.constant(changes),
        fc.array(moved, { minLength: changes.length, maxLength: changes.length }),
        fc.nat(changes.length),
      );
    });
    await fc.assert(
      fc.asyncProperty(history, async ([changes, moves, staged]) => {
        const view = versioned();
        const shuffled = moves.map((move, i) => ({ ...move, change: changes[i]! })).sort((x, y) => x.order - y.order);
        await bootstrapped(
          view,
          at(0, 0),
          shuffled.slice(0, staged).map((one) => one.change),
        );
        for (const one of shuffled.slice(staged)) await apply(view, [one.change], one);
        const expected = new Map<string, Row>();
        for (const one of changes)
          if (one.op === 'upsert') expected.set(one.row.id, one.row);
          else expected.delete(one.key);
        expect(shown(view)).toEqual(shown(expected));
      }),
    );
  });

  it('I3: at one version a removal wins over an upsert, in either order', async () => {
    const pair: VersionedChange<Row>[] = [upsert({ id: 'a', v: 1 }), remove('a', 1)];
    for (const order of [pair, [...pair].reverse()]) {
      const view = versioned();
      await bootstrapped(view, at(0), []);
      await apply(view, order);
      expect(view.size).toBe(0);
    }
  });

  it('I3: numbers and bigints compare exactly beyond 2^53', async () => {
    const view = versioned();
    await bootstrapped(view, at(0), [upsert({ id: 'a', v: 2n ** 53n + 1n })]);
    await apply(view, [upsert({ id: 'a', v: 2n ** 53n }), upsert({ id: 'b', v: 2n ** 70n })]);
    await apply(view, [remove('b', 2n ** 70n - 1n), upsert({ id: 'a', v: 7 })]);
    expect(shown(view)).toEqual([`a${2n ** 53n + 1n}`, `b${2n ** 70n}`]);
  });

  it('I3: a swap keeps deletions: tombstones, and rows that the snapshot has not any more', async () => {
    const view = versioned();
    await bootstrapped(view, at(1, 1), [upsert({ id: 'vanishing', v: 4 })]);
    await apply(view, [remove('gone', 5), remove('back', 5)]);
    await bootstrapped(view, at(9, 9), [upsert({ id: 'gone', v: 5 }), upsert({ id: 'back', v: 6 })]);
    expect(shown(view)).toEqual(['back6']);
    await apply(view, [upsert({ id: 'gone', v: 3 }), upsert({ id: 'vanishing', v: 4 })], { partition: 1 });
    expect(shown(view)).toEqual(['back6']);
    await apply(view, [upsert({ id: 'gone', v: 6 }), upsert({ id: 'vanishing', v: 5 })]);
    expect(shown(view)).toEqual(['back6', 'gone6', 'vanishing5']);
  });

  it.each([
    ['of a history that is gone', { lost: [p(1)] }],
    ['of another pipeline version', { version: '2' }],
  ])('a swap takes the snapshot as it is where the tombstones are %s', async (_, options) => {
    const view = versioned();
    await bootstrapped(view, at(1, 1), [upsert({ id: 'a', v: 9 })]);
    await apply(view, [remove('b', 9)]);
    await bootstrapped(view, at(5, 5), [upsert({ id: 'a', v: 2 }), upsert({ id: 'b', v: 2 })], options);
    expect(shown(view)).toEqual(['a2', 'b2']);
  });

  it('I3: a tombstone is pruned once every open partition was at a head taken after it, not before', async () => {
    const view = versioned();
    await bootstrapped(view, at(0, 0), []);
    const late = upsert<Row>({ id: 'a', v: 1 });
    await apply(view, [remove('a', 2)], { partition: 0 });
    expect(await sequence(view)).toBe(1);
    await apply(view, [], { partition: 0, head: 1 });
    await apply(view, [late], { partition: 1, head: 0 });
    expect(shown(view)).toEqual([]);
    await apply(view, [], { partition: 1, head: 1 });
    await apply(view, [late], { partition: 1 });
    expect(shown(view)).toEqual(['a1']);
  });

  it('a closed partition holds no tombstone back', async () => {
    const view = versioned();
    const term = await bootstrapped(view, at(0, 0), []);
    await apply(view, [remove('a', 2)]);
    const last = { partition: p(1), after: decimal(0), through: { through: closed }, changes: [], rejected: [] };
    expect(await view.apply(term, [last])).toEqual(['applied']);
    await apply(view, [], { head: 1 });
    await apply(view, [upsert({ id: 'a', v: 1 })]);
    expect(shown(view)).toEqual(['a1']);
  });

  it('heads of before a swap prove nothing after it', async () => {
    const view = versioned();
    await bootstrapped(view, at(0, 0), []);
    await apply(view, [remove('a', 2)]);
    await apply(view, [], { partition: 1, head: 1 });
    await bootstrapped(view, at(5, 5), []);
    await apply(view, [], { partition: 0, head: 1 });
    await apply(view, [upsert({ id: 'a', v: 1 })]);
    expect(shown(view)).toEqual([]);
  });

  it.each([
    ['a removal without a version', remove('a') as VersionedChange<Row>],
    ['a fraction', upsert({ id: 'a', v: 0.5 })],
    ['a number that is not exact', upsert({ id: 'a', v: 2 ** 53 })],
    ['nothing', upsert({ id: 'a' } as Row)],
  ])('refuses %s before anything is written', async (_, change) => {
    const view = versioned();
    await bootstrapped(view, at(0), []);
    await expect(apply(view, [upsert({ id: 'z', v: 1 }), change])).rejects.toThrow(InvalidConfiguration);
    expect(view.size).toBe(0);
    const bootstrap = await view.take(await view.load(), { pipeline: 'p' });
    await expect(bootstrap.stage([change])).rejects.toThrow(InvalidConfiguration);
  });
});

describe('changes$', () => {
  const plain = () => liveView<Row>({ key: (row) => row.id });
  const heardFrom = <C>(view: LiveView<string, Row, C>) => {
    const heard: string[] = [];
    const show = ({ change, origin }: ViewChange<Row>) =>
      `${origin} ${change.op} ${change.op === 'upsert' ? `${change.row.id}${change.row.v}` : change.key}`;
    const subscription = view.changes$.subscribe((one) => heard.push(show(one)));
    return { heard, subscription };
  };

  it('tells the first snapshot, updates that have an effect, and a later snapshot as what differs', async () => {
    const view = plain();
    const { heard, subscription } = heardFrom(view);
    await bootstrapped(view, at(0), [upsert({ id: 'a', v: 1 }), upsert({ id: 'b', v: 1 })]);
    await apply<Change<Row>>(view, [upsert({ id: 'c', v: 1 }), remove('b'), remove('never')]);
    await bootstrapped(view, at(5), [upsert({ id: 'a', v: 1 }), upsert({ id: 'd', v: 1 }), upsert({ id: 'd', v: 2 })]);
    expect(heard.splice(0)).toEqual([
      'snapshot upsert a1',
      'snapshot upsert b1',
      'update upsert c1',
      'update remove b',
      'resync remove c',
      'resync upsert d2',
    ]);
    subscription.unsubscribe();
    await apply<Change<Row>>(view, [remove('a')]);
    expect(heard).toEqual([]);
  });

  it('tells nothing of older versions', async () => {
    const view = versioned();
    const { heard } = heardFrom(view);
    await bootstrapped(view, at(0), [upsert({ id: 'a', v: 5 })]);
    await apply(view, [upsert({ id: 'a', v: 4 }), remove('a', 3), remove('b', 9), upsert({ id: 'b', v: 8 })]);
    await apply(view, [upsert({ id: 'a', v: 6 }), remove('a', 7)]);
    expect(heard).toEqual(['snapshot upsert a5', 'update upsert a6', 'update remove a']);
  });

  it('tells at the end of the transaction, when rows and position stand', async () => {
    const view = plain();
    const seen: unknown[] = [];
    view.changes$.subscribe(() => seen.push(shown(view)));
    const term = await bootstrapped(view, at(0, 0), []);
    const batches = [0, 1].map((n) => ({
      partition: p(n),
      after: decimal(0),
      through: { through: decimal(1) },
      changes: [upsert({ id: `r${n}`, v: 1 })],
      rejected: [],
    }));
    const applying = view.apply(term, batches);
    expect(seen).toEqual([
      ['r01', 'r11'],
      ['r01', 'r11'],
    ]);
    await applying;
  });

  it('rebuilds the view, whatever happened', async () => {
    const rows = fc.array(fc.record({ id: fc.constantFrom('a', 'b', 'c'), v: fc.nat(3) }), { maxLength: 6 });
    const doing = fc.array(fc.record({ swap: fc.boolean(), rows, gone: fc.subarray(['a', 'b', 'c']) }));
    await fc.assert(
      fc.asyncProperty(doing, async (steps) => {
        const view = plain();
        const mirror = new Map<string, Row>();
        view.changes$.subscribe(({ change }) => {
          if (change.op === 'upsert') mirror.set(change.row.id, change.row);
          else expect(mirror.delete(change.key)).toBe(true);
        });
        await bootstrapped(view, at(0), []);
        for (const [i, step] of steps.entries()) {
          const changes = [...step.rows.map((row) => upsert<Row>(row)), ...step.gone.map((id) => remove(id))];
          if (step.swap) await bootstrapped<Change<Row>>(view, at(1_000 * (i + 1)), changes);
          else await apply<Change<Row>>(view, changes);
        }
        expect(new Map(mirror)).toEqual(new Map(view));
      }),
    );
  });
});
