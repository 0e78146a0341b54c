import {
  MustRefetch,
  PipelineSuperseded,
  ReplicaBoundElsewhere,
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
    `the position can't be followed any more (${reason}${lost.length === 0 ? '' : `: ${lost.map(({ partition }) => showPartition(partition)).join(', ')}`}); a new snapshot is needed, and onMustRefetch is 'fail'`,
  );

/** The error of a budget that ended below the floor. */
export const tooOld = (required: Position | undefined): SyncError =>
  new SnapshotTooOld(
    `A's snapshots don't cover the position already reached${required === undefined ? '' : ` (${[...required.offsets].map((e) => `${showPartition(e)} at ${e.through}`).join(', ')})`}; is it served by a stale replica?`,
  );
