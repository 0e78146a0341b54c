import { type Amendment, liveView, type Position, type Replica, type VersionedChange } from '@tidemark/core';
import { type Item, replicaContract, type VersionedItem } from '@tidemark/testkit';
import { run } from './collecting-runner';

type Versioned = Replica<VersionedChange<VersionedItem>>;

/** The suite over a live view, whose versioned store has one fault in it. */
const suite =
  (fault: (view: Versioned) => Versioned, version = (item: VersionedItem) => item.version) =>
  (runner: Parameters<typeof replicaContract>[0]) =>
    replicaContract(runner, {
      name: 'faulty',
      shared: false,
      open: async () => {
        const view = liveView<Item>({ key: ({ id }) => id });
        return { replica: () => view, rows: async () => new Map(view), close: async () => undefined };
      },
      features: {
        versioned: async () => {
          const view = liveView<VersionedItem>({ key: ({ id }) => id, version });
          const replica = fault(view);
          return { replica: () => replica, rows: async () => new Map(view), close: async () => undefined };
        },
      },
    });

const healthy = (view: Versioned): Versioned => ({
  shared: view.shared,
  load: () => view.load(),
  take: (seen, into) => view.take(seen, into),
  apply: (term, batches) => view.apply(term, batches),
  amend: (term, amendment) => view.amend(term, amendment),
  letters: (which) => view.letters(which),
  pause: (pipeline, paused) => view.pause(pipeline, paused),
});

const inApply =
  (change: (batch: Parameters<Versioned['apply']>[1][number]) => Parameters<Versioned['apply']>[1][number]) =>
  (view: Versioned): Versioned => ({
    ...healthy(view),
    apply: (term, batches) => view.apply(term, batches.map(change)),
  });

const inAmend =
  (change: (amendment: Amendment<VersionedChange<VersionedItem>>) => Amendment<VersionedChange<VersionedItem>>) =>
  (view: Versioned): Versioned => ({
    ...healthy(view),
    amend: (term, amendment) => view.amend(term, change(amendment)),
  });

const anyHistory = ({ source, offsets }: Position): Position => ({ source: { ...source, epochs: {} }, offsets });

const faults: readonly (readonly [string, RegExp, ReturnType<typeof suite>])[] = [
  ['rounds versions', /beyond 2\^53 compare exactly/, suite(healthy, ({ version }) => Number(version))],
  ['lets what comes later win', /whatever the order and the partition/, suite(healthy, () => 1)],
  [
    'forgets deletions',
    /whatever the order and the partition/,
    suite(
      inApply((batch) => ({
        ...batch,
        changes: batch.changes.map((one) => (one.op === 'remove' ? { ...one, version: -(10 ** 9) } : one)),
      })),
    ),
  ],
  [
    'prunes at once',
    /a tombstone is pruned once every partition/,
    suite(inApply((batch) => ({ ...batch, head: Number.MAX_SAFE_INTEGER }))),
  ],
  [
    'never prunes',
    /a closed partition holds no tombstone back/,
    suite(inApply((batch) => ({ ...batch, head: undefined }))),
  ],
  [
    'merges whatever was pruned since',
    /whose tombstone was pruned since does not come back/,
    suite(inAmend(({ changes }) => ({ changes }))),
  ],
  [
    'compares offsets of different histories',
    /offsets of another history cover nothing/,
    suite(
      inAmend(({ changes, merging }) => ({
        changes,
        merging: merging && { ...merging, position: anyHistory(merging.position) },
      })),
    ),
  ],
  [
    'merges only while nothing moves',
    /merging goes on while updates do/,
    suite((view) => ({
      ...healthy(view),
      amend: async (term, amendment) => {
        const stored = await view.load();
        const { merging } = amendment;
        if (stored.state === 'ready' && merging && !merging.position.offsets.covers(stored.position.offsets))
          return { below: stored.position };
        return view.amend(term, amendment);
      },
    })),
  ],
  ['merges nothing', /rows of a part are merged/, suite(inAmend(({ merging }) => ({ changes: [], merging })))],
  [
    'forgets tombstones with each swap',
    /a swap brings nothing back/,
    suite((view) => ({
      ...healthy(view),
      take: async (seen, into) => {
        const inner = await view.take(seen, into);
        return {
          term: inner.term,
          beat: () => inner.beat(),
          stage: (changes, token) => inner.stage(changes, token),
          discard: () => inner.discard(),
          giveBack: () => inner.giveBack(),
          swap: (position) => inner.swap(position, [{ topic: 'elsewhere', partition: '0' }]),
        };
      },
    })),
  ],
];

it.each(faults)('the suite sees a versioned replica that %s', async (_, scenario, faulty) => {
  expect(await run(suite(healthy), scenario)).toEqual({ ran: 1, failed: [] });
  expect((await run(faulty, scenario)).failed).toHaveLength(1);
});
