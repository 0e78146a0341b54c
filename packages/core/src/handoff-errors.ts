import {
  MustRefetch,
  PipelineSuperseded,
  ReplicaBoundElsewhere,
  SnapshotBudgetSpent,
  SnapshotTooOld,
  type SyncError,
  UnknownPosition,
} from './errors';
import { type Partition, showPartition } from './partition';
import { type Position } from './position';
import { type RefetchReason } from './sync-event';

/* What the handoff says when it fails, or refuses. */

export const boundElsewhere = (theirs: string, ours: string): SyncError =>
  new ReplicaBoundElsewhere(
    `the replica belongs to pipeline "${theirs}", this is "${ours}"; give each its own replica`,
  );

export const superseded = (theirs: Definition, ours: Definition): SyncError =>
  new PipelineSuperseded(
    `the replica was taken over by ${showDefinition(theirs)} of the pipeline, this is ${showDefinition(ours)}; stop this instance`,
  );

/** What makes the rows a pipeline's: its version and its scope. */
interface Definition {
  readonly version?: string | undefined;
  readonly scope?: string | undefined;
}

const showDefinition = ({ version, scope }: Definition): string =>
  `version ${version ?? '(none)'}, scope ${scope ?? '(everything)'},`;

export const unknownPosition = (): SyncError =>
  new UnknownPosition(
    "the replica holds rows but no position, so nobody can tell which updates are in them; empty it, or set onUnknownPosition: 'resnapshot' to replace them",
  );

export const mustRefetch = (reason: RefetchReason, lost: readonly { readonly partition: Partition }[]): SyncError =>
  new MustRefetch(
    reason,
    `the position can't be followed any more (${reason}${lost.length === 0 ? '' : `: ${named(lost)}`}); a new snapshot is needed, and onMustRefetch is 'fail'`,
  );

/** What a spent budget leaves behind. */
interface Want {
  /** Budgets spent since the last success. */
  readonly spent: number;
  readonly lost: readonly { readonly partition: Partition; readonly reason: RefetchReason }[];
  readonly reason: RefetchReason | undefined;
}

export const budgetSpent = (attempts: number, want: Want, cause: unknown): SyncError =>
  new SnapshotBudgetSpent(
    `no snapshot could be taken over in ${attempts} ${attempts === 1 ? 'try' : 'tries'} (see cause), and one is needed because ${need(want)}; ${standing(want)}. It is asked for again after a pause: see that A answers, and with snapshots that cover the position reached`,
    { cause },
  );

/** For `health()`. */
export const degraded = (want: Want): string =>
  `degraded: ${standing(want)}; a snapshot is needed because ${need(want)}`;

function need({ reason }: Want): string {
  switch (reason) {
    case undefined:
      return 'there is none yet';
    case 'pipelineChanged':
      return 'the pipeline has another version or scope than the rows';
    case 'unknownPosition':
      return 'the rows have no position';
    case 'expired':
    case 'ahead':
    case 'changed':
    case 'unknown':
      return `the position can't be followed any more (${reason})`;
  }
}

/** At most ten are named. */
function standing({ lost }: Want): string {
  if (lost.length === 0) return 'nothing is applied meanwhile';
  const more = lost.length > 10 ? ` and ${lost.length - 10} more` : '';
  return `${named(lost.slice(0, 10))}${more} ${lost.length === 1 ? 'stands' : 'stand'} still`;
}

const named = (lost: readonly { readonly partition: Partition }[]): string =>
  lost.map(({ partition }) => showPartition(partition)).join(', ');

/** The error of a snapshot below the floor. */
export const tooOld = (required: Position | undefined): SyncError =>
  new SnapshotTooOld(
    `A's snapshots don't cover the position already reached${required === undefined ? '' : ` (${[...required.offsets].map((e) => `${showPartition(e)} at ${e.through}`).join(', ')})`}; is it served by a stale replica?`,
  );
