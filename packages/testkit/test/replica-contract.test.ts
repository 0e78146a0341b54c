import { type Applied, type Bootstrap, type Change, liveView, type Replica } from '@tidemark/core';
import { type Item, replicaContract } from '@tidemark/testkit';
import { run } from './collecting-runner';

type View = Replica<Change<Item>>;

/** A replica with one fault in it. */
type Fault = (view: View) => View;

const suite = (fault: Fault) => (runner: Parameters<typeof replicaContract>[0]) =>
  replicaContract(runner, {
    name: 'faulty',
    shared: false,
    open: async () => {
      const view = liveView<Item>({ key: ({ id }) => id });
      const replica = fault(view);
      return { replica: () => replica, rows: async () => new Map(view), close: async () => undefined };
    },
  });

const healthy: Fault = (view) => ({
  shared: view.shared,
  load: () => view.load(),
  take: (seen, into) => view.take(seen, into),
  apply: (term, batches) => view.apply(term, batches),
});

const inApply =
  (apply: (view: View, ...args: Parameters<View['apply']>) => ReturnType<View['apply']>): Fault =>
  (view) => ({ ...healthy(view), apply: (term, batches) => apply(view, term, batches) });

const inBootstrap =
  (change: (bootstrap: Bootstrap<Change<Item>>, view: View) => Partial<Bootstrap<Change<Item>>>): Fault =>
  (view) => ({
    ...healthy(view),
    take: async (seen, into) => {
      const inner = await view.take(seen, into);
      const plain: Bootstrap<Change<Item>> = {
        term: inner.term,
        beat: () => inner.beat(),
        stage: (changes, token) => inner.stage(changes, token),
        discard: () => inner.discard(),
        swap: (position, lost) => inner.swap(position, lost),
        giveBack: () => inner.giveBack(),
      };
      return { ...plain, ...change(inner, view) };
    },
  });

const faults: readonly (readonly [string, RegExp, Fault])[] = [
  [
    'does not fence terms',
    /ready: refuses apply of every other term/,
    inApply(async (view, _, batches) => view.apply((await view.load()).term, batches)),
  ],
  [
    'answers instead of fencing',
    /empty: refuses apply/,
    inApply((view, term, batches) => view.apply(term, batches).catch(() => batches.map((): Applied => 'applied'))),
  ],
  [
    'applies whatever the position',
    /nobody skips a gap/,
    inApply(async (view, term, batches) => {
      const stored = await view.load();
      const at = stored.state === 'ready' ? stored.position.offsets : undefined;
      return view.apply(
        term,
        batches.map((batch) => ({ ...batch, after: at?.through(batch.partition) ?? batch.after })),
      );
    }),
  ],
  [
    'lets one moved batch fail the others',
    /never fails the others/,
    inApply(async (view, term, batches): Promise<readonly Applied[]> => {
      const stored = await view.load();
      const at = stored.state === 'ready' ? stored.position.offsets : undefined;
      const blocked = batches.some(({ partition, after }) => at?.through(partition) !== after);
      return blocked
        ? batches.map(({ partition }) => ({ moved: at?.get(partition) ?? { through: 'beginning' as never } }))
        : view.apply(term, batches);
    }),
  ],
  [
    'moves partitions one by one',
    /one transaction/,
    inApply(async (view, term, batches) => {
      const answers: Applied[] = [];
      for (const batch of batches) answers.push(...(await view.apply(term, [batch])));
      return answers;
    }),
  ],
  [
    'forgets witnesses',
    /keeps the witness/,
    inApply((view, term, batches) =>
      view.apply(
        term,
        batches.map((b) => ({ ...b, through: { through: b.through.through } })),
      ),
    ),
  ],
  [
    'rounds offsets',
    /exact beyond 2\^53/,
    inApply((view, term, batches) =>
      view.apply(
        term,
        batches.map((b) => ({ ...b, through: { through: String(Number(b.through.through)) as never } })),
      ),
    ),
  ],
  [
    'has no floor',
    /refuses a snapshot below/,
    inBootstrap(({ swap }, view) => ({
      swap: async (position, lost) => {
        const stored = await view.load();
        const all = 'position' in stored && stored.position ? [...stored.position.offsets] : [];
        return swap(position, [...lost, ...all]);
      },
    })),
  ],
  [
    'keeps lost partitions in the floor',
    /lost partitions leave/,
    inBootstrap(({ swap }) => ({ swap: (position) => swap(position, []) })),
  ],
  ['adds to the old rows', /discard empties/, inBootstrap(() => ({ discard: async () => undefined }))],
  ['has a heart that stands still', /heartbeat rises/, inBootstrap(() => ({ beat: async () => undefined }))],
  ['keeps the term for ever', /giveBack: empty again/, inBootstrap(() => ({ giveBack: async () => undefined }))],
  [
    'lets everybody take',
    /take succeeds only on what was seen/,
    (view) => ({ ...healthy(view), take: async (_, into) => view.take(await view.load(), into) }),
  ],
  [
    'writes staged rows at once',
    /readers see nothing/,
    inBootstrap(({ stage, swap }, view) => ({
      stage: async (changes, token) => {
        await stage(changes, token);
        const stored = await view.load();
        if ('position' in stored && stored.position) await swap(stored.position, []);
      },
    })),
  ],
  ['says that it is shared', /empty: says so/, (view) => ({ ...healthy(view), shared: true })],
];

it.each(faults)('the suite sees a replica that %s', async (_, scenario, fault) => {
  expect(await run(suite(healthy), scenario)).toEqual({ ran: 1, failed: [] });
  expect((await run(suite(fault), scenario)).failed).toHaveLength(1);
});
