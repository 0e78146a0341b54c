import { type SyncError } from './errors';
import { type Offset } from './offset';
import { type Partition } from './partition';
import { type Position } from './position';
import { type LossReason } from './transport';

/** Why a new snapshot is needed. */
export type RefetchReason = LossReason | 'pipelineChanged' | 'unknownPosition';

/**
 * What a synchronisation tells. `snapshotRows`, `updates` and `amended` carry messages; in a pipeline the latter two are committed
 * already, and a snapshot's rows become visible to the replica's readers at `snapshotEnd`, all at once.
 */
export type SyncEvent<M> =
  /** Rows told before it, of a snapshot that wasn't ended, are void. `resumed`: its first rows were staged by another run. */
  | { readonly type: 'snapshotStart'; readonly position: Position; readonly resumed?: boolean | undefined }
  | { readonly type: 'snapshotRows'; readonly messages: readonly M[] }
  | { readonly type: 'snapshotEnd'; readonly rows: number; readonly position: Position }
  | {
      readonly type: 'updates';
      readonly partition: Partition;
      readonly through: Offset;
      readonly messages: readonly M[];
    }
  /**
   * Committed beside the stream, the position unmoved: rows and tombstones of a `refresh` (those that were newer have taken
   * effect; asked for again, they come again), or a dead letter that was replayed.
   */
  | { readonly type: 'amended'; readonly by: 'refresh' | 'replay'; readonly messages: readonly M[] }
  /** The position moved and there was nothing to apply. */
  | { readonly type: 'progress'; readonly partition: Partition; readonly through: Offset }
  | { readonly type: 'caughtUp' | 'fellBehind' }
  | { readonly type: 'mustRefetch'; readonly reason: RefetchReason; readonly partitions: readonly Partition[] }
  | { readonly type: 'lost'; readonly partition: Partition; readonly reason: LossReason }
  /**
   * Less than a quarter of the log's retention is left until it passes us there; told once, and again only after it was better.
   * It is told while the pipeline is paused, too. See `PartitionLag.expiresInMs`.
   */
  | { readonly type: 'expiring'; readonly partition: Partition; readonly expiresInMs: number }
  | { readonly type: 'assigned' | 'revoked'; readonly partitions: readonly Partition[] }
  /** Something is being retried: A, the log or the replica can't be reached, or a snapshot was refused. */
  | { readonly type: 'trouble'; readonly error: Error }
  | {
      readonly type: 'poison';
      readonly partition: Partition;
      readonly offset: Offset;
      readonly outcome: 'skipped' | 'deadLettered';
      readonly error: SyncError;
    };
