import { type Amendment, type Applied, type Bootstrap, type Change, liveView, type Replica } from '@tidemark/core';
import { type Item, replicaContract } from '@tidemark/testkit';
import { run } from './collecting-runner';
import { keeping } from './keeping';

type View = Replica<Change<Item>>;

/** A replica with one fault in it. */
type Fault = (view: View) => View;

const suite =
  (fault: Fault, shared = false) =>
  (runner: Parameters<typeof replicaContract>[0]) =>
    replicaContract(runner, {
      name: 'faulty',
      shared,
      open: async () => {
        const view = liveView<Item>({ key: ({ id }) => id });
        const replica = fault(shared ? keeping(view) : view);
        return { replica: () => replica, rows: async () => new Map(view), close: async () => undefined };
      },
    });

const healthy: Fault = (view) => ({
  shared: view.shared,
  load: () => view.load(),
  take: (seen, into) => view.take(seen, into),
  apply: (term, batches) => view.apply(term, batches),
  amend: (term, amendment) => view.amend(term, amendment),
  letters: (which) => view.letters(which),
  pause: (pipeline, paused) => view.pause(pipeline, paused),
});

const inApply =
  (apply: (view: View, ...args: Parameters<View['apply']>) => ReturnType<View['apply']>): Fault =>
  (view) => ({ ...healthy(view), apply: (term, batches) => apply(view, term, batches) });

const inAmend =
  (amend: (view: View, term: number, amendment: Amendment<Change<Item>>) => ReturnType<View['amend']>): Fault =>
  (view) => ({ ...healthy(view), amend: (term, amendment) => amend(view, term, amendment) });

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
  [
    'amends under any term',
    /refuses an amendment while empty/,
    inAmend(async (view, _, amendment) => view.amend((await view.load()).term, amendment)),
  ],
  [
    'amends without a look at the letter',
    /for a letter that is not there/,
    inAmend((view, term, { changes, merging }) => view.amend(term, { changes, merging })),
  ],
  [
    'moves the position with an amendment',
    /an amendment changes rows and leaves the position/,
    inAmend(async (view, term, { changes }) => {
      const stored = await view.load();
      const at = stored.state === 'ready' ? [...stored.position.offsets] : [];
      const next = (through: string) => ({ through: String(Number(through) + 1) as never });
      const batches = at.map(({ through, ...partition }, i) => ({
        ...{ partition, after: through, through: next(through) },
        ...{ changes: i === 0 ? changes : [], rejected: [] },
      }));
      await view.apply(term, batches);
      return 'amended';
    }),
  ],
  [
    'merges rows without versions',
    /refuses to merge rows of a part/,
    inAmend((view, term, { changes, letter }) => view.amend(term, { changes, letter })),
  ],
  [
    'takes a pause that it will forget',
    /refuses a pause that would end/,
    (view) => ({ ...healthy(view), pause: async () => undefined }),
  ],
  ['says that it is shared', /empty: says so/, (view) => ({ ...healthy(view), shared: true })],
];

it.each(faults)('the suite sees a replica that %s', async (_, scenario, fault) => {
  expect(await run(suite(healthy), scenario)).toEqual({ ran: 1, failed: [] });
  expect((await run(suite(fault), scenario)).failed).toHaveLength(1);
});

const keepingFaults: readonly (readonly [string, RegExp, Fault])[] = [
  [
    'loses dead letters',
    /keeps dead letters in the same transaction/,
    inApply((view, term, batches) =>
      view.apply(
        term,
        batches.map((batch) => ({ ...batch, rejected: [] })),
      ),
    ),
  ],
  [
    'keeps the letters of moved batches',
    /keeps dead letters in the same transaction/,
    (view) => {
      const before: Awaited<ReturnType<View['letters']>>[number][] = [];
      return {
        ...healthy(view),
        apply: async (term, batches) => {
          for (const { partition, rejected } of batches)
            for (const { record, error } of rejected)
              before.push({ id: `${before.length}`, partition, record, code: error.code, message: error.message });
          return view.apply(term, batches);
        },
        letters: async () => before,
      };
    },
  ],
  [
    'forgets the headers of letters',
    /gives back the very record/,
    (view) => ({
      ...healthy(view),
      letters: async (which) =>
        (await view.letters(which)).map((one) => ({ ...one, record: { ...one.record, headers: new Map() } })),
    }),
  ],
  [
    'lists all letters, whichever are asked for',
    /lists the oldest first/,
    (view) => ({ ...healthy(view), letters: () => view.letters({ limit: 100 }) }),
  ],
  [
    'keeps a letter that was settled',
    /a letter and its effect are one transaction/,
    inAmend(async (view, term, { letter, ...rest }) =>
      letter === undefined || (await view.letters({ id: letter })).length > 0 ? view.amend(term, rest) : 'gone',
    ),
  ],
  [
    'removes a letter whose effect was refused',
    /a letter and its effect are one transaction/,
    inAmend(async (view, term, { letter, ...rest }) => {
      const settled = await view.amend((await view.load()).term, { changes: [], letter });
      return settled === 'amended' ? view.amend(term, rest) : settled;
    }),
  ],
  [
    'gives the ids of letters again',
    /its id is not given again/,
    (view) => {
      const numbered = async () => [...(await view.letters({ limit: 100 })).entries()];
      return {
        ...healthy(view),
        letters: async (which) => {
          const all = (await numbered()).map(([i, letter]) => ({ ...letter, id: `${i}` }));
          return 'id' in which ? all.filter(({ id }) => id === which.id) : all;
        },
        amend: async (term, { letter, ...rest }) => {
          const [, real] = (await numbered()).find(([i]) => `${i}` === letter) ?? [];
          return view.amend(term, { ...rest, letter: letter === undefined ? undefined : (real?.id ?? 'none') });
        },
      };
    },
  ],
  ['forgets a pause', /told to every handle/, (view) => ({ ...healthy(view), pause: async () => undefined })],
  [
    'never resumes',
    /told to every handle/,
    (view) => ({ ...healthy(view), pause: async (pipeline, on) => (on ? view.pause(pipeline, on) : undefined) }),
  ],
  [
    'lets any pipeline pause it',
    /before the first bootstrap leaves/,
    (view) => ({ ...healthy(view), pause: async (_, on) => view.pause('items', on) }),
  ],
  [
    'withholds by itself',
    /a pause changes nothing else/,
    inApply(async (view, term, batches) =>
      (await view.load()).paused === true
        ? batches.map((): Applied => ({ moved: { through: 'beginning' as never } }))
        : view.apply(term, batches),
    ),
  ],
];

it.each(keepingFaults)('the suite sees a shared replica that %s', async (_, scenario, fault) => {
  expect(await run(suite(healthy, true), scenario)).toEqual({ ran: 1, failed: [] });
  expect((await run(suite(fault, true), scenario)).failed).toHaveLength(1);
});

it('the healthy shared replica passes all of it', async () => {
  expect((await run(suite(healthy, true), /./)).failed).toEqual([]);
});
