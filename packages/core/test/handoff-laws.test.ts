import * as fc from 'fast-check';
import { decimal, OffsetMap, type Partition, type Position, type Stored } from '@tidemark/core';
import {
  type HandoffEvent,
  type HandoffOptions,
  type HandoffState,
  initialHandoff,
  isDegraded,
  next,
  servingTerm,
} from '../src/handoff';

/* Laws of the handoff, over whole histories: whatever is answered, and whatever comes from outside, in any order. */

const partitions: readonly Partition[] = ['0', '1'].map((partition) => ({ topic: 't', partition }));
const positions = Array.from({ length: 7 }, (_, through): Position => ({
  source: { kind: 'toy', order: 'decimal', epochs: {} },
  offsets: OffsetMap.from(
    'decimal',
    partitions.map((partition) => ({ ...partition, through: decimal(through) })),
  ),
}));
const at = (through: number): Position => positions[through]!;

const snapshotAttempts = 3;
const options = (choice: Pick<HandoffOptions, 'onMustRefetch' | 'onUnknownPosition'>): HandoffOptions => ({
  pipeline: 'p',
  version: '1',
  takeoverMs: 10,
  snapshotAttempts,
  ...choice,
});

/** Everything that could come next, by type; numbers vary what it says. Terms are few, so that they meet. */
function candidates(state: HandoffState, n: number, now: number): readonly HandoffEvent[] {
  const term = n % 5;
  const bound = { pipeline: n % 23 === 7 ? 'other' : 'p', version: n % 11 === 3 ? '2' : '1' };
  const stored: readonly Stored[] = [
    { term, state: 'empty' },
    { term, state: 'ready', position: at(n % 3), ...bound },
    { term, state: 'ready', position: at(n % 7), pipeline: 'p', version: '1' },
    { term, state: 'bootstrapping', heartbeat: n % 2, position: n % 2 ? at(1) : undefined, ...bound },
    { term, state: 'unknownPosition' },
  ];
  const verdict = (['ok', 'ok', 'expired', 'changed'] as const)[n % 4]!;
  const partition = partitions[n % 2]!;
  // a replica hands out the term after the one that it was seen under
  const held = 'seen' in state ? state.seen.term + 1 : 0;
  return [
    { type: 'loaded', stored: stored[n % stored.length]!, now },
    { type: 'verified', partitions: partitions.map((p) => ({ partition: p, verdict: 'ok', why: '' })) },
    { type: 'verified', partitions: [{ partition, verdict, why: '' }] },
    { type: 'opened', snapshot: at(n % 7) },
    { type: 'taken', term: held, reopen: n % 3 === 0 },
    { type: 'takeLost' },
    { type: 'staged' },
    { type: 'broken', error: 'e', further: n % 5 === 0 },
    { type: 'swapped' },
    { type: 'belowFloor' },
    { type: 'gaveBack' },
    { type: 'woke' },
    { type: 'caughtUp' },
    { type: 'fenced' },
    { type: 'lost', lost: { partition, reason: n % 2 === 0 ? 'expired' : 'changed' } },
    { type: 'failed', error: 'e' },
    { type: 'stop' },
  ];
}

interface Step {
  readonly before: HandoffState;
  readonly event: HandoffEvent;
  readonly after: HandoffState;
}

/** Can anything that runs in this state answer so? It is the same for all states and events of these names. */
function isPossible(state: HandoffState, event: HandoffEvent, how: HandoffOptions): boolean {
  const names = `${state.at} ${event.type}`;
  const known = possible.get(names);
  if (known !== undefined) return known;
  const after = next(state, event, how);
  const broken = after.at === 'failed' && after.error instanceof Error && after.error.name === 'BrokenInvariant';
  possible.set(names, !broken);
  return !broken;
}
const possible = new Map<string, boolean>();

/** What comes from outside comes seldom: in one of so many steps. */
const seldom = new Map<HandoffEvent['type'], number>([
  ['caughtUp', 2],
  ['fenced', 8],
  ['lost', 8],
  ['failed', 12],
  ['stop', 12],
]);

/** Answers that nothing could give in this state are left out. */
function history(choices: readonly number[], how: HandoffOptions): Step[] {
  const steps: Step[] = [];
  let state: HandoffState = initialHandoff;
  for (const [i, n] of choices.entries()) {
    const open = candidates(state, n >>> 12, i).filter(
      (event) => isPossible(state, event, how) && n % (seldom.get(event.type) ?? 1) === 0,
    );
    const event = open[(n >>> 6) % open.length];
    if (event === undefined) continue;
    const after = next(state, event, how);
    steps.push({ before: state, event, after });
    state = after;
  }
  return steps;
}

const histories = fc
  .tuple(
    fc.array(fc.nat(), { maxLength: 80, size: 'max' }),
    fc.record({
      onMustRefetch: fc.constantFrom('resnapshot' as const, 'resnapshot' as const, 'fail' as const),
      onUnknownPosition: fc.constantFrom('resnapshot' as const, 'fail' as const),
    }),
  )
  .map(([choices, choice]) => history(choices, options(choice)));

const law = (name: string, holds: (steps: readonly Step[]) => void) => {
  it(`law: ${name}`, () => {
    fc.assert(fc.property(histories, holds), { numRuns: 500 });
  });
};

const heldBy = (state: HandoffState): number | undefined => ('held' in state ? state.held : undefined);
const isOver = ({ at: where }: HandoffState): boolean => where === 'failed' || where === 'stopped';

it('the histories reach every state, budgets that are spent, and terms of others', () => {
  const reached = new Set<string>();
  for (const steps of fc.sample(histories, { numRuns: 300, seed: 1 }))
    for (const { after } of steps) reached.add(after.at).add(isDegraded(after) ? 'degraded' : 'well');
  expect([...reached].sort()).toEqual(
    [
      ...['loading', 'waiting', 'verifying', 'following', 'opening', 'taking', 'judging', 'staging', 'swapping'],
      ...['givingBack', 'resting', 'failed', 'stopped', 'degraded', 'well'],
    ].sort(),
  );
});

law('an end is never left, and everything after it is ignored', (steps) => {
  for (const { before, after } of steps) if (isOver(before)) expect(after).toBe(before);
});

law('I11: what is served was seen ready, or made so by us, and was not fenced since', (steps) => {
  let proven = new Set<number>();
  for (const { before, event, after } of steps) {
    if (event.type === 'fenced' && before.at !== 'waiting') proven = new Set();
    if (event.type === 'loaded' && event.stored.state === 'ready') proven.add(event.stored.term);
    if (event.type === 'swapped' || event.type === 'gaveBack') proven.add(heldBy(before) ?? NaN);
    const serving = servingTerm(after);
    if (serving !== undefined) expect([...proven]).toContain(serving);
  }
});

law(
  'I11: nothing is applied from the moment a term is asked for until it is swapped, given back or fenced',
  (steps) => {
    for (const { before, event, after } of steps) {
      if (after.at === 'taking' || heldBy(after) !== undefined) expect(servingTerm(after)).toBeUndefined();
      const held = heldBy(before);
      if (held === undefined || heldBy(after) === held) continue;
      // giving it back may fail for good: then nothing beats for it, and it is taken over
      const ways = ['swapped', 'gaveBack', 'fenced', ...(before.at === 'givingBack' ? ['failed'] : [])];
      expect(ways).toContain(event.type);
    }
  },
);

law('the budget: no term is held for longer than so many snapshots in vain, and each budget is told once', (steps) => {
  let vain = 0;
  for (const { before, event, after } of steps) {
    const told = after.spent - before.spent;
    if (event.type === 'taken' || event.type === 'swapped' || (event.type === 'verified' && after.at === 'following'))
      vain = 0;
    if (event.type === 'broken' || event.type === 'belowFloor') {
      const further = event.type === 'broken' && event.further === true && before.at === 'staging';
      vain = further ? 0 : vain + 1;
      expect(told).toBe(vain === snapshotAttempts ? 1 : 0);
      if (vain === snapshotAttempts) {
        vain = 0;
        expect(after.at).toBe(heldBy(before) === undefined ? 'resting' : 'givingBack');
      }
    } else expect(told).toBe(after.at === 'following' && before.at !== 'following' ? 0 - before.spent : 0);
    expect(after.tries).toBeLessThan(snapshotAttempts);
  }
});

law('never a tight loop: no snapshot is asked for after one in vain without a pause', (steps) => {
  let rested = true; // by a state; under a term that is held the pause comes with the asking, its length is `attempt`
  for (const { before, event, after } of steps) {
    if (event.type === 'broken' || event.type === 'belowFloor') rested = false;
    // a fence is somebody else's doing, who took the term meanwhile
    if ((before.at === 'resting' && event.type === 'woke') || event.type === 'fenced') rested = true;
    if (after.at === 'following') rested = true;
    if (after.at === 'opening' && before.at !== 'opening' && !rested)
      expect(after.held !== undefined && after.attempt > 0).toBe(true);
  }
});

law(
  'degraded means: there was a position or rows, a whole budget is spent, and nothing has succeeded since',
  (steps) => {
    let spent = 0;
    for (const { before, event, after } of steps) {
      if (after.spent > before.spent) spent++;
      if (after.at === 'following') spent = 0;
      expect(after.spent).toBe(spent);
      if (isDegraded(after)) expect(spent > 0 && (after.everFollowed || after.reason !== undefined)).toBe(true);
      else if (isDegraded(before)) expect(after.at === 'following' || isOver(after)).toBe(true);
      expect(event.type === 'caughtUp' && isDegraded(before) && after.at === 'following').toBe(false);
    }
  },
);

law(
  'I8: what was found lost is forgotten only by success, or when somebody else re-snapshots or has done so',
  (steps) => {
    for (const { before, event, after } of steps) {
      const known = before.lost.filter((one) => !after.lost.some(({ partition }) => partition === one.partition));
      if (known.length === 0) continue;
      const success = after.at === 'following';
      const othersTerm =
        event.type === 'loaded' &&
        (event.stored.state === 'bootstrapping' ||
          (event.stored.state === 'ready' && servingTerm(before) !== event.stored.term));
      const changed = after.reason === 'pipelineChanged';
      expect(success || othersTerm || changed).toBe(true);
    }
  },
);
