import { BrokenInvariant } from './errors';
import { floorOf } from './floor';
import { boundElsewhere, mustRefetch, superseded, unknownPosition } from './handoff-errors';
import { type Partition, partitionKey } from './partition';
import { type Position } from './position';
import { type Stored } from './replica';
import { type RefetchReason } from './sync-event';
import { type LossReason, type PartitionVerdict } from './transport';

/**
 * The handoff from snapshot to log as a pure, total function: `next(state, event)`. Each state says what is being done now;
 * its answer, or something from outside, is the next event. The written spec is docs/spec/handoff.md.
 */
export type HandoffState = Phase & Memory;

export type Phase =
  /** Asking the replica how it stands. */
  | { readonly at: 'loading'; readonly serving: Serving }
  /** Somebody else bootstraps: looking again until their heartbeat stands still for `takeoverMs`. */
  | { readonly at: 'waiting'; readonly term: number; readonly heartbeat: number; readonly since: number }
  /** Asking the transport whether the stored position can be followed. */
  | { readonly at: 'verifying'; readonly serving: Serving; readonly seen: Stored & { readonly state: 'ready' } }
  /** All is well: deliveries are applied under `serving`. */
  | { readonly at: 'following'; readonly serving: number }
  /** Asking A for a snapshot; the term is held already, or will be taken once A has answered. */
  | { readonly at: 'opening'; readonly serving: Serving; readonly seen: Stored; readonly held: Serving }
  /** Comparing-and-setting the replica's term. */
  | { readonly at: 'taking'; readonly seen: Stored; readonly snapshot: Position }
  /** The term is ours: asking the transport about all partitions. `snapshot`: one is open already. */
  | {
      readonly at: 'judging';
      readonly seen: Stored;
      readonly held: number;
      readonly snapshot: Position | undefined;
    }
  /** Rows flow into the staging. */
  | { readonly at: 'staging'; readonly seen: Stored; readonly held: number; readonly snapshot: Position }
  /** One transaction: rows and position. */
  | { readonly at: 'swapping'; readonly seen: Stored; readonly held: number; readonly snapshot: Position }
  | { readonly at: 'givingBack'; readonly seen: Stored; readonly held: number; readonly then: Ending }
  /** A pause before trying again; intact partitions go on where there is a position. `long`: a term was held in vain. */
  | { readonly at: 'resting'; readonly serving: Serving; readonly long?: true | undefined }
  | { readonly at: 'failed'; readonly error: unknown }
  | { readonly at: 'stopped' };

/** The term under which deliveries are applied; `undefined`: none are. */
type Serving = number | undefined;

/** What follows when the term has been given back. */
type Ending =
  { readonly at: 'resting' } | { readonly at: 'stopped' } | { readonly at: 'failed'; readonly error: unknown };

/** What all states remember. */
interface Memory {
  /** This instance has followed: it may not change the pipeline's version any more. */
  readonly everFollowed: boolean;
  /** Snapshots asked for in vain since the last success: pauses grow with it. */
  readonly attempt: number;
  /** Snapshots taken over since this instance was last caught up: a pause comes before each but the first. */
  readonly rounds: number;
  /** Snapshots asked for in vain under the term held now, or without one: the budget. */
  readonly tries: number;
  /** Budgets spent since the last success. */
  readonly spent: number;
  /** Partitions that can't be followed, as found since the last success. */
  readonly lost: readonly LostPartition[];
  /** Why a snapshot is needed; `undefined`: never synchronised, or nothing is needed. */
  readonly reason: RefetchReason | undefined;
}

export interface LostPartition {
  readonly partition: Partition;
  readonly reason: LossReason;
}

export type HandoffEvent =
  | { readonly type: 'loaded'; readonly stored: Stored; readonly now: number }
  | { readonly type: 'verified'; readonly partitions: readonly PartitionVerdict[] }
  | { readonly type: 'opened'; readonly snapshot: Position }
  /** `reopen`: the snapshot that was open doesn't go with what is staged. */
  | { readonly type: 'taken'; readonly term: number; readonly reopen?: boolean | undefined }
  | { readonly type: 'takeLost' }
  | { readonly type: 'staged' }
  /**
   * A is away, its snapshot was cut off or isn't acceptable: asking again may help. `further`: rows were staged since it was
   * opened, and it can be asked for the rest.
   */
  | { readonly type: 'broken'; readonly error: unknown; readonly further?: boolean | undefined }
  | { readonly type: 'swapped' }
  /** The snapshot was taken before the position already reached. */
  | { readonly type: 'belowFloor' }
  | { readonly type: 'gaveBack' }
  | { readonly type: 'woke' }
  // from outside, at any time:
  /** The replica refused our term, or was seen under another one. */
  | { readonly type: 'fenced' }
  | { readonly type: 'lost'; readonly lost: LostPartition }
  /** Everything that is read here has been at the head of the log. */
  | { readonly type: 'caughtUp' }
  | { readonly type: 'failed'; readonly error: unknown }
  | { readonly type: 'stop' };

export interface HandoffOptions {
  readonly pipeline: string;
  readonly version?: string | undefined;
  readonly scope?: string | undefined;
  readonly onMustRefetch: 'resnapshot' | 'fail';
  readonly onUnknownPosition: 'resnapshot' | 'fail';
  /** How long a heartbeat must stand still, in milliseconds. */
  readonly takeoverMs: number;
  /** Snapshots asked for in vain before that is told, and a term that is held is given back. */
  readonly snapshotAttempts: number;
}

export const initialHandoff: HandoffState = {
  at: 'loading',
  serving: undefined,
  everFollowed: false,
  attempt: 0,
  rounds: 0,
  tries: 0,
  spent: 0,
  lost: [],
  reason: undefined,
};

/** Total: every state × every event. What can't happen ends in `failed` with a `BrokenInvariant`. */
export function next(state: HandoffState, event: HandoffEvent, options: HandoffOptions): HandoffState {
  const rule = table[state.at][event.type] as Rule<Phase['at'], HandoffEvent['type']> | Unruled;
  const { everFollowed, attempt, rounds, tries, spent, lost, reason } = state;
  const memory: Memory = { everFollowed, attempt, rounds, tries, spent, lost, reason };
  if (rule === 'ignored') return state;
  if (rule === 'impossible')
    return { ...memory, at: 'failed', error: new BrokenInvariant(`the handoff got "${event.type}" while ${state.at}`) };
  return { ...memory, ...rule(state, event, options) };
}

/** The term under which deliveries may be applied in this state. */
export const servingTerm = (state: HandoffState): number | undefined =>
  'serving' in state ? state.serving : undefined;

/** The position that A's next snapshot must cover, if there is one. */
export function floor(state: HandoffState): Position | undefined {
  if (!('seen' in state) || !('position' in state.seen) || state.seen.position === undefined) return undefined;
  return floorOf(state.seen.position, gone(state.lost));
}

/**
 * A whole budget of snapshots was asked for in vain while one is needed to go on: what is lost stands still, the old rows stay.
 * Before the first synchronisation there is nothing to be degraded.
 */
export const isDegraded = ({ at, spent, everFollowed, reason }: HandoffState): boolean =>
  spent > 0 && (everFollowed || reason !== undefined) && at !== 'failed' && at !== 'stopped';

/** Partitions whose history is gone: the floor doesn't hold there. An expired one's history is still the same. */
export const gone = (lost: readonly LostPartition[]): Partition[] =>
  lost.filter(({ reason }) => reason !== 'expired').map(({ partition }) => partition);

// ── the rules ────────────────────────────────────────────────────────────────

type At = Phase['at'];
type EventType = HandoffEvent['type'];
type State<S extends At> = Extract<Phase, { readonly at: S }> & Memory;
type Event<E extends EventType> = Extract<HandoffEvent, { readonly type: E }>;
type Next = Phase & Partial<Memory>;
type Rule<S extends At, E extends EventType> = (state: State<S>, event: Event<E>, options: HandoffOptions) => Next;
/** `ignored`: it changes nothing here. `impossible`: nothing that runs in this state can answer so. */
type Unruled = 'ignored' | 'impossible';
type Row<S extends At> = { readonly [E in EventType]: Rule<S, E> | Unruled };

const fail = (_: unknown, { error }: Event<'failed'>): Next => ({ at: 'failed', error });
const stop = (): Next => ({ at: 'stopped' });
const reload = (): Next => ({ at: 'loading', serving: undefined });
const noteLoss = <S extends Phase & Memory>(state: S, { lost }: Event<'lost'>): S => ({
  ...state,
  lost: withLost(state.lost, [lost]),
});
const giveBackThenFail = ({ seen, held }: Held, { error }: Event<'failed'>): Next => ({
  at: 'givingBack',
  seen,
  held,
  then: { at: 'failed', error },
});
const giveBackThenStop = ({ seen, held }: Held): Next => ({ at: 'givingBack', seen, held, then: { at: 'stopped' } });

interface Held {
  readonly seen: Stored;
  readonly held: number;
}

/** No answer of this kind can come: whatever asked has been ended. */
const noAnswers = {
  loaded: 'impossible',
  verified: 'impossible',
  opened: 'impossible',
  taken: 'impossible',
  takeLost: 'impossible',
  staged: 'impossible',
  broken: 'impossible',
  swapped: 'impossible',
  belowFloor: 'impossible',
  gaveBack: 'impossible',
  woke: 'impossible',
  // nothing is wrong with these; they only come too late, or too early, to mean anything
  caughtUp: 'ignored',
} as const satisfies Partial<Record<EventType, Unruled>>;

const over = { fenced: 'ignored', lost: 'ignored', failed: 'ignored', stop: 'ignored' } as const;

const table: { readonly [S in At]: Row<S> } = {
  loading: { ...noAnswers, loaded: look, fenced: reload, lost: noteLoss, failed: fail, stop },
  waiting: { ...noAnswers, loaded: lookAgain, fenced: 'ignored', lost: noteLoss, failed: fail, stop },
  verifying: { ...noAnswers, verified: followOrRefetch, fenced: reload, lost: noteLoss, failed: fail, stop },
  following: {
    ...noAnswers,
    caughtUp: (state) => ({ ...state, rounds: 0 }),
    fenced: reload,
    lost: ({ serving, lost }, event) => ({ at: 'loading', serving, lost: withLost(lost, [event.lost]) }),
    failed: fail,
    stop,
  },
  opening: {
    ...noAnswers,
    opened: ({ seen, held }, { snapshot }) =>
      held === undefined ? { at: 'taking', seen, snapshot } : { at: 'staging', seen, held, snapshot },
    belowFloor: refused,
    broken: (state, _, options) => askAgain(state, options),
    fenced: reload,
    lost: noteLoss,
    failed: ({ seen, held }, event) =>
      held === undefined ? fail(undefined, event) : giveBackThenFail({ seen, held }, event),
    stop: ({ seen, held }) => (held === undefined ? stop() : giveBackThenStop({ seen, held })),
  },
  taking: {
    ...noAnswers,
    taken: ({ seen, snapshot }, { term, reopen }) => ({
      at: 'judging',
      seen,
      held: term,
      snapshot: reopen === true ? undefined : snapshot,
      tries: 0,
    }),
    takeLost: reload,
    fenced: reload,
    lost: noteLoss,
    failed: fail,
    stop,
  },
  judging: {
    ...noAnswers,
    verified: ({ seen, held, snapshot, lost }, { partitions }) => {
      const judged = withLost(lost, lossesOf(partitions));
      return snapshot === undefined
        ? { at: 'opening', serving: undefined, seen, held, lost: judged }
        : { at: 'staging', seen, held, snapshot, lost: judged };
    },
    fenced: reload,
    lost: noteLoss,
    failed: giveBackThenFail,
    stop: giveBackThenStop,
  },
  staging: {
    ...noAnswers,
    staged: ({ seen, held, snapshot }) => ({ at: 'swapping', seen, held, snapshot }),
    // what was staged further isn't in vain: it counts for the pause, not for the budget
    broken: (state, { further }, options) =>
      further === true ? { ...reopen(state), attempt: state.attempt + 1, tries: 0 } : askAgain(state, options),
    fenced: reload,
    lost: noteLoss,
    failed: giveBackThenFail,
    stop: giveBackThenStop,
  },
  swapping: {
    ...noAnswers,
    swapped: ({ held, rounds }) => ({ ...follow(held), rounds: rounds + 1 }),
    belowFloor: refused,
    fenced: reload,
    lost: noteLoss,
    failed: giveBackThenFail,
    stop: giveBackThenStop,
  },
  givingBack: {
    ...noAnswers,
    gaveBack: ({ seen, held, then, reason }) =>
      then.at === 'resting' ? { at: 'resting', serving: mayServe(seen, reason) ? held : undefined, long: true } : then,
    fenced: ({ then }) => (then.at === 'resting' ? reload() : then),
    lost: noteLoss,
    failed: fail,
    stop: ({ seen, held }) => giveBackThenStop({ seen, held }),
  },
  resting: {
    ...noAnswers,
    woke: ({ serving }) => ({ at: 'loading', serving }),
    fenced: reload,
    lost: noteLoss,
    failed: fail,
    stop,
  },
  failed: { ...noAnswers, ...over },
  stopped: { ...noAnswers, ...over },
};

const follow = (term: number): Next => ({
  at: 'following',
  serving: term,
  everFollowed: true,
  attempt: 0,
  tries: 0,
  spent: 0,
  lost: [],
  reason: undefined,
});

/** The first table of the design's section 3. */
function look(state: State<'loading' | 'waiting'>, { stored, now }: Event<'loaded'>, options: HandoffOptions): Next {
  if (stored.pipeline !== undefined && stored.pipeline !== options.pipeline)
    return { at: 'failed', error: boundElsewhere(stored.pipeline, options.pipeline) };
  const changed =
    stored.pipeline !== undefined && (stored.version !== options.version || stored.scope !== options.scope);
  if (changed && state.everFollowed) return { at: 'failed', error: superseded(stored, options) };
  switch (stored.state) {
    case 'empty':
      return { at: 'opening', serving: undefined, seen: stored, held: undefined };
    case 'unknownPosition':
      return options.onUnknownPosition === 'resnapshot'
        ? { at: 'opening', serving: undefined, seen: stored, held: undefined, reason: 'unknownPosition' }
        : { at: 'failed', error: unknownPosition() };
    case 'bootstrapping':
      // what was found lost under another term says nothing about the position that this bootstrapper leaves
      return { at: 'waiting', term: stored.term, heartbeat: stored.heartbeat, since: now, lost: [] };
    case 'ready': {
      if (changed) return refetch(state, stored, 'pipelineChanged', [], undefined, options);
      const serving = 'serving' in state ? state.serving : undefined;
      // somebody has re-snapshotted since we found something lost: look with fresh eyes
      const lost = serving === stored.term ? state.lost : [];
      return { at: 'verifying', serving: serving === stored.term ? serving : undefined, seen: stored, lost };
    }
  }
}

function lookAgain(state: State<'waiting'>, event: Event<'loaded'>, options: HandoffOptions): Next {
  const { stored, now } = event;
  const unmoved =
    stored.state === 'bootstrapping' && stored.term === state.term && stored.heartbeat === state.heartbeat;
  if (!unmoved) return look(state, event, options);
  if (now - state.since < options.takeoverMs) return state;
  return { at: 'opening', serving: undefined, seen: stored, held: undefined };
}

function followOrRefetch(state: State<'verifying'>, { partitions }: Event<'verified'>, options: HandoffOptions): Next {
  const { seen, serving, lost } = state;
  const all = withLost(lost, lossesOf(partitions));
  const [first] = all;
  return first === undefined
    ? follow(seen.term)
    : refetch(state, seen, first.reason, all, serving ?? seen.term, options);
}

/** Intact partitions go on under the old term until the new one is taken, unless the rows are another version's. */
function refetch(
  { rounds, attempt }: Memory,
  seen: Stored,
  reason: RefetchReason,
  lost: readonly LostPartition[],
  serving: Serving,
  { onMustRefetch }: HandoffOptions,
): Next {
  if (onMustRefetch === 'fail') return { at: 'failed', error: mustRefetch(reason, lost) };
  // retention may be shorter than a snapshot takes: never a tight loop
  if (rounds > attempt) return { at: 'resting', serving, attempt: rounds, lost, reason };
  return { at: 'opening', serving, seen, held: undefined, lost, reason };
}

/** Within the budget under one term; without a term there is a pause and a fresh look, for as long as it takes. */
function askAgain(state: State<'opening' | 'staging' | 'swapping'>, { snapshotAttempts }: HandoffOptions): Next {
  const { seen, held } = state;
  const over = state.tries + 1 >= snapshotAttempts;
  const attempt = state.attempt + 1;
  const counted = over ? { attempt, tries: 0, spent: state.spent + 1 } : { attempt, tries: state.tries + 1 };
  if (held === undefined) return { at: 'resting', serving: 'serving' in state ? state.serving : undefined, ...counted };
  if (over) return { at: 'givingBack', seen, held, then: { at: 'resting' }, ...counted };
  return { ...reopen({ seen, held }), ...counted };
}

/** Another snapshot under the term that is held. */
const reopen = ({ seen, held }: Held): Next => ({ at: 'opening', serving: undefined, seen, held });

/** Below the floor. Under a held term all partitions are judged again first: more of them may be gone by now. */
function refused(state: State<'opening' | 'swapping'>, _: unknown, options: HandoffOptions): Next {
  const again = askAgain(state, options);
  const { seen, held } = state;
  return again.at === 'opening' && held !== undefined
    ? { ...again, at: 'judging', seen, held, snapshot: undefined }
    : again;
}

/** After the term was given back: did we find rows of our own version, with a position, before we took it? */
const mayServe = (seen: Stored, reason: RefetchReason | undefined): boolean =>
  seen.state === 'ready' && reason !== 'pipelineChanged';

/** What these verdicts say is lost. */
export const lossesOf = (partitions: readonly PartitionVerdict[]): LostPartition[] =>
  partitions.flatMap(({ partition, verdict }) => (verdict === 'ok' ? [] : [{ partition, reason: verdict }]));

export const withLost = (
  known: readonly LostPartition[],
  found: readonly LostPartition[],
): readonly LostPartition[] => {
  const lost = new Map([...known, ...found].map((one) => [partitionKey(one.partition), one]));
  return lost.size === known.length && found.length === 0 ? known : [...lost.values()];
};
