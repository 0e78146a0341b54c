import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { decimal, OffsetMap, type Partition, type Position, type Stored } from '@tidemark/core';
import {
  floor,
  gone,
  type HandoffEvent,
  type HandoffOptions,
  type HandoffState,
  initialHandoff,
  type LostPartition,
  next,
  type Phase,
  servingTerm,
} from '../src/handoff';

const p0: Partition = { topic: 't', partition: '0' };
const p1: Partition = { topic: 't', partition: '1' };
const at = (zero: string, one: string): Position => ({
  source: { kind: 'toy', order: 'decimal', epochs: {} },
  offsets: OffsetMap.from('decimal', [
    { ...p0, through: decimal(zero) },
    { ...p1, through: decimal(one) },
  ]),
});

const options: HandoffOptions = {
  pipeline: 'p',
  version: '1',
  onMustRefetch: 'resnapshot',
  onUnknownPosition: 'fail',
  takeoverMs: 10,
  snapshotAttempts: 3,
};
const ours = { pipeline: 'p', version: '1' };
const empty: Stored = { term: 0, state: 'empty' };
const ready: Stored & { state: 'ready' } = { term: 3, state: 'ready', position: at('5', '5'), ...ours };
const bootstrapping = { term: 4, state: 'bootstrapping', heartbeat: 7, ...ours } as const;

const memory = { everFollowed: false, attempt: 0, rounds: 0, tries: 0, spent: 0, lost: [], reason: undefined } as const;
const expired: LostPartition = { partition: p0, reason: 'expired' };
const changed: LostPartition = { partition: p1, reason: 'changed' };

type At = Phase['at'];
type EventType = HandoffEvent['type'];

/** Representative states: each in every way that the rules tell apart. A state that is missing here doesn't compile. */
const states: { readonly [S in At]: readonly (HandoffState & { readonly at: S })[] } = {
  loading: [
    { ...memory, at: 'loading', serving: undefined },
    { ...memory, at: 'loading', serving: 3, everFollowed: true, lost: [expired] },
  ],
  waiting: [{ ...memory, at: 'waiting', term: 4, heartbeat: 7, since: 0 }],
  verifying: [
    { ...memory, at: 'verifying', serving: undefined, seen: ready },
    { ...memory, at: 'verifying', serving: 3, seen: ready, lost: [expired] },
    { ...memory, at: 'verifying', serving: 3, seen: ready, rounds: 1 },
  ],
  following: [{ ...memory, at: 'following', serving: 3, everFollowed: true }],
  opening: [
    { ...memory, at: 'opening', serving: undefined, seen: empty, held: undefined },
    { ...memory, at: 'opening', serving: 3, seen: ready, held: undefined, lost: [expired], reason: 'expired' },
    { ...memory, at: 'opening', serving: undefined, seen: ready, held: 4 },
    { ...memory, at: 'opening', serving: undefined, seen: ready, held: 4, tries: 2 },
  ],
  taking: [{ ...memory, at: 'taking', seen: ready, snapshot: at('9', '9') }],
  judging: [
    { ...memory, at: 'judging', seen: ready, held: 4, snapshot: at('9', '9') },
    { ...memory, at: 'judging', seen: ready, held: 4, snapshot: undefined },
  ],
  staging: [
    { ...memory, at: 'staging', seen: ready, held: 4, snapshot: at('9', '9') },
    { ...memory, at: 'staging', seen: ready, held: 4, snapshot: at('9', '9'), tries: 2 },
  ],
  swapping: [
    { ...memory, at: 'swapping', seen: ready, held: 4, snapshot: at('9', '9') },
    { ...memory, at: 'swapping', seen: ready, held: 4, snapshot: at('9', '9'), tries: 2 },
  ],
  givingBack: [
    { ...memory, at: 'givingBack', seen: ready, held: 4, then: { at: 'resting' }, reason: 'expired' },
    { ...memory, at: 'givingBack', seen: empty, held: 1, then: { at: 'stopped' } },
    { ...memory, at: 'givingBack', seen: empty, held: 1, then: { at: 'failed', error: 'e' } },
  ],
  resting: [{ ...memory, at: 'resting', serving: 3, attempt: 1 }],
  failed: [{ ...memory, at: 'failed', error: 'e' }],
  stopped: [{ ...memory, at: 'stopped' }],
};

const events: { readonly [E in EventType]: readonly (HandoffEvent & { readonly type: E })[] } = {
  loaded: [
    empty,
    ready,
    bootstrapping,
    { ...bootstrapping, heartbeat: 8 },
    { term: 0, state: 'unknownPosition' } as const,
    { ...ready, version: '2' },
    { ...ready, scope: 'a=1' },
    { ...ready, pipeline: 'other' },
  ].flatMap((stored) => [
    { type: 'loaded', stored, now: 5 },
    { type: 'loaded', stored, now: 10 },
  ]),
  verified: [
    { type: 'verified', partitions: [{ partition: p0, verdict: 'ok', why: '' }] },
    { type: 'verified', partitions: [{ partition: p1, verdict: 'changed', why: '' }] },
  ],
  opened: [{ type: 'opened', snapshot: at('9', '9') }],
  taken: [
    { type: 'taken', term: 4 },
    { type: 'taken', term: 4, reopen: true },
  ],
  takeLost: [{ type: 'takeLost' }],
  staged: [{ type: 'staged' }],
  broken: [
    { type: 'broken', error: 'e' },
    { type: 'broken', error: 'e', further: true },
  ],
  swapped: [{ type: 'swapped' }],
  belowFloor: [{ type: 'belowFloor' }],
  gaveBack: [{ type: 'gaveBack' }],
  woke: [{ type: 'woke' }],
  caughtUp: [{ type: 'caughtUp' }],
  fenced: [{ type: 'fenced' }],
  lost: [{ type: 'lost', lost: expired }],
  failed: [{ type: 'failed', error: 'e' }],
  stop: [{ type: 'stop' }],
};

const allStates = Object.values(states).flat() as HandoffState[];
const allEvents = Object.values(events).flat() as HandoffEvent[];

function outcome(state: HandoffState, event: HandoffEvent): string {
  const after = next(state, event, options);
  if (after === state) return '–';
  if (after.at === 'failed' && after.error instanceof Error && after.error.name === 'BrokenInvariant') return '✗';
  return after.at;
}

/** The table of docs/spec/handoff.md, cell by cell. */
function written(): Map<string, Map<string, string[]>> {
  const text = readFileSync(join(__dirname, '../../../docs/spec/handoff.md'), 'utf8');
  const rows = text
    .slice(text.indexOf('<!-- table -->'), text.indexOf('<!-- /table -->'))
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll('`', '')),
    );
  const [head, , ...body] = rows;
  return new Map(
    body.map(([event, ...cells]) => [event!, new Map(cells.map((cell, i) => [head![i + 1]!, cell.split(', ')]))]),
  );
}

describe('the handoff', () => {
  it('does in every state and at every event what its written spec says', () => {
    const spec = written();
    for (const [event, samples] of Object.entries(events))
      for (const [state, ways] of Object.entries(states)) {
        const found = new Set(ways.flatMap((way) => samples.map((sample) => outcome(way, sample))));
        expect([event, state, [...found].sort()]).toEqual([
          event,
          state,
          [...(spec.get(event)?.get(state) ?? [])].sort(),
        ]);
      }
    expect(spec.size).toBe(Object.keys(events).length);
  });

  it('never leaves an end', () => {
    for (const event of allEvents)
      for (const end of [...states.failed, ...states.stopped]) {
        const after = next(end, event, options);
        if (after !== end) expect(after.at).toBe('failed'); // an impossible answer, loudly
      }
  });

  it('I11: serves no term while one is held, and none that was fenced', () => {
    for (const state of allStates)
      for (const event of allEvents) {
        const after = next(state, event, options);
        if ('held' in after && after.held !== undefined) expect(servingTerm(after)).toBeUndefined();
        if (event.type === 'fenced') expect(servingTerm(after)).toBeUndefined();
      }
  });

  it('gives a held term back before it ends', () => {
    for (const state of allStates)
      for (const event of allEvents) {
        const after = next(state, event, options);
        const held = 'held' in state && state.held !== undefined && state.at !== 'givingBack';
        if (held && event.type !== 'fenced') expect(['resting', 'stopped']).not.toContain(after.at);
        if (held && (event.type === 'stop' || event.type === 'failed')) expect(after.at).toBe('givingBack');
      }
  });

  it('I8: the floor leaves out what is gone, and keeps what has merely expired', () => {
    const state: HandoffState = {
      ...memory,
      at: 'opening',
      serving: 3,
      seen: ready,
      held: undefined,
      lost: [expired, changed],
    };
    expect(gone(state.lost)).toEqual([p1]);
    expect([...(floor(state)?.offsets ?? [])].map(({ partition, through }) => [partition, through])).toEqual([
      ['0', '5'],
    ]);
  });

  it('I6, I8: follows a new term only after its own swap, and never from an unverified position', () => {
    for (const state of allStates)
      for (const event of allEvents) {
        const after = next(state, event, options);
        if (after.at !== 'following' || state.at === 'following') continue;
        expect([state.at, event.type]).toEqual(
          state.at === 'swapping' ? ['swapping', 'swapped'] : ['verifying', 'verified'],
        );
        expect(after.lost).toEqual([]);
      }
  });

  it('pauses before each new snapshot but the first since it was caught up, longer each time', () => {
    const lost: HandoffEvent = { type: 'verified', partitions: [{ partition: p0, verdict: 'expired', why: '' }] };
    const verifying = (rounds: number, attempt = 0): HandoffState => ({
      ...memory,
      at: 'verifying',
      serving: 3,
      seen: ready,
      rounds,
      attempt,
    });
    expect(next(verifying(0), lost, options).at).toBe('opening');
    expect(next(verifying(2), lost, options)).toMatchObject({ at: 'resting', attempt: 2, serving: 3 });
    expect(next(verifying(2, 2), lost, options).at).toBe('opening');
    const swapped = next({ ...states.swapping[0]!, rounds: 2 }, { type: 'swapped' }, options);
    expect(swapped).toMatchObject({ at: 'following', rounds: 3 });
    expect(next(swapped, { type: 'caughtUp' }, options)).toMatchObject({ at: 'following', rounds: 0 });
  });

  it('takes over only when the heartbeat has stood still for the whole time', () => {
    const waiting = (stored: Stored, now: number) =>
      next({ ...memory, at: 'waiting', term: 4, heartbeat: 7, since: 0 }, { type: 'loaded', stored, now }, options);
    expect(waiting(bootstrapping, 9).at).toBe('waiting');
    expect(waiting(bootstrapping, 10).at).toBe('opening');
    expect(waiting({ ...bootstrapping, heartbeat: 8 }, 10)).toMatchObject({ at: 'waiting', heartbeat: 8, since: 10 });
    expect(waiting({ ...bootstrapping, term: 5 }, 10)).toMatchObject({ at: 'waiting', term: 5, since: 10 });
  });

  it('I8: forgets what it had found lost when somebody else bootstraps', () => {
    const loading: HandoffState = { ...memory, at: 'loading', serving: undefined, lost: [changed] };
    const waiting = next(loading, { type: 'loaded', stored: bootstrapping, now: 0 }, options);
    expect(waiting).toMatchObject({ at: 'waiting', lost: [] });
    expect(next(waiting, { type: 'loaded', stored: bootstrapping, now: 10 }, options)).toMatchObject({ lost: [] });
  });

  it('an instance that has followed stops when it meets another version; a start re-snapshots', () => {
    const other: HandoffEvent = { type: 'loaded', stored: { ...ready, version: '2' }, now: 0 };
    expect(next({ ...initialHandoff, everFollowed: true }, other, options)).toMatchObject({
      at: 'failed',
      error: { code: 'PIPELINE_SUPERSEDED' },
    });
    expect(next(initialHandoff, other, options)).toMatchObject({
      at: 'opening',
      reason: 'pipelineChanged',
      serving: undefined,
    });
  });

  it('one expiry leads to one re-snapshot: after somebody else has swapped, what was lost is looked at afresh', () => {
    const state: HandoffState = { ...memory, at: 'loading', serving: 3, everFollowed: true, lost: [expired] };
    const after = next(state, { type: 'loaded', stored: { ...ready, term: 5 }, now: 0 }, options);
    expect(after).toMatchObject({ at: 'verifying', lost: [], serving: undefined });
  });

  it("fails with the reason where onMustRefetch is 'fail'", () => {
    const after = next(
      { ...memory, at: 'verifying', serving: undefined, seen: ready },
      { type: 'verified', partitions: [{ partition: p0, verdict: 'expired', why: '' }] },
      { ...options, onMustRefetch: 'fail' },
    );
    expect(after).toMatchObject({ at: 'failed', error: { code: 'MUST_REFETCH', reason: 'expired' } });
  });

  it('is total: no sequence of events makes it throw, and none but an end is final', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...allEvents), { maxLength: 40 }), (sequence) => {
        let state: HandoffState = initialHandoff;
        for (const event of sequence) state = next(state, event, options);
        expect(Object.keys(states)).toContain(state.at);
      }),
      { numRuns: 2_000 },
    );
  });
});
