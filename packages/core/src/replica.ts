import { type DeadLetter, type KeptLetter, type WhichLetters } from './dead-letter';
import { type Offset } from './offset';
import { type Mark, type Partition } from './partition';
import { type Position } from './position';
import { type SnapshotToken } from './snapshot';

/**
 * B's own model of A's state: rows and position in ONE transaction (I2, I5), bound to one pipeline. What protects the data is
 * its term and state, compared and set inside each write; leases and groups only spread the work. NOT its job: deciding
 * when to bootstrap, waiting, retrying, decoding, withholding the stream from a paused replica.
 *
 * | state | `take(seen)` | `apply(term)` `amend(term)` | `beat` `stage` `swap` |
 * |---|---|---|---|
 * | empty | → bootstrapping, term + 1 | FencedOut | FencedOut |
 * | bootstrapping | `seen` still true → term + 1 | FencedOut | own term; swap → ready |
 * | ready | `seen` still true → bootstrapping, term + 1 | own term | FencedOut |
 */
export interface Replica<in Change> {
  /**
   * False: it lives in this process, so a shared reader group would fill it partially, and neither dead letters nor a pause
   * would outlive it: it keeps none.
   */
  readonly shared: boolean;
  /** Never blocks, never changes anything. */
  load(): Promise<Stored>;
  /**
   * Compares-and-sets term, state, version and heartbeat as `seen` (not the position: it moves while others apply); rejects with
   * `TakeLost` when they aren't true any more.
   */
  take(seen: Stored, into: Binding): Promise<Bootstrap<Change>>;
  /**
   * One transaction for all batches; term, state and each `after` are compared first. Rejects with `FencedOut` when the term
   * or the state is refused; otherwise answers batch by batch, and a moved one never fails the others.
   */
  apply(term: number, batches: readonly Batch<Change>[]): Promise<readonly Applied[]>;
  /** Changes beside the stream, in one transaction; the position stays. Rejects with `FencedOut` as `apply` does. */
  amend(term: number, amendment: Amendment<Change>): Promise<Amended>;
  /** The dead letters that `apply` has kept. */
  letters(which: WhichLetters): Promise<readonly KeptLetter[]>;
  /**
   * Stores that the stream is to be withheld, or no longer, for `Stored.paused` to tell, whatever the state and the term. Rejects with
   * `ReplicaBoundElsewhere`, and with `InvalidConfiguration` where it can't be kept.
   */
  pause(pipeline: string, paused: boolean): Promise<void>;
}

/** What a replica is bound to when it is taken. */
export interface Binding {
  readonly pipeline: string;
  readonly version?: string | undefined;
  readonly scope?: string | undefined;
}

/**
 * How a replica stands. `pipeline` is the one it is bound to. `version` and `scope` are those of the rows; while
 * `bootstrapping`, the bootstrapper's (and the old ones again after `giveBack`).
 */
export type Stored = {
  readonly term: number;
  readonly pipeline?: string | undefined;
  readonly version?: string | undefined;
  readonly scope?: string | undefined;
  /** The stream is to be withheld: `Replica.pause` said so. */
  readonly paused?: boolean | undefined;
  /**
   * Of a replica that lets newer versions win: how many tombstones it has ever written. It tells old tombstones from new
   * ones, so that they can be pruned; absent where none are kept.
   */
  readonly sequence?: number | undefined;
  /** Beside `sequence`: tombstones through this number may be gone. It never falls. */
  readonly pruned?: number | undefined;
} & (
  | { readonly state: 'empty' }
  /** Rows that no pipeline has written, and no position. */
  | { readonly state: 'unknownPosition' }
  /**
   * `heartbeat` rises while the bootstrapper lives; `position` is the one from before, if there was one; `resume` is where its
   * staging could be gone on with, if it died now.
   */
  | {
      readonly state: 'bootstrapping';
      readonly heartbeat: number;
      readonly position?: Position | undefined;
      readonly resume?: SnapshotToken | undefined;
    }
  | { readonly state: 'ready'; readonly position: Position }
);

/** From `after` (exclusive) through `through`: one step of one partition. */
export interface Advance {
  readonly partition: Partition;
  readonly after: Offset;
  readonly through: Mark;
}

export interface Batch<out Change> extends Advance {
  readonly changes: readonly Change[];
  /** Stored with the changes, in the same transaction. */
  readonly rejected: readonly DeadLetter[];
  /**
   * Present when the partition was at its head, which was found out only after the replica's `sequence` had stood at this
   * number and the position had named every partition of the log. Once every partition of the position has told `head` ≥ n
   * under the present term, tombstone n can be pruned (I3). Closed partitions have nothing to tell.
   */
  readonly head?: number | undefined;
}

/** `moved`: this partition isn't at the batch's `after` any more; where it stands now. */
export type Applied = 'applied' | { readonly moved: Mark };

/** What is changed beside the stream. */
export interface Amendment<out Change> {
  readonly changes: readonly Change[];
  /** The dead letter that the changes settle: it is removed with them. */
  readonly letter?: string | undefined;
  /** They are rows of a part of A's state; refused with `InvalidConfiguration` where newer versions don't win. */
  readonly merging?: Merging | undefined;
}

/**
 * A snapshot whose rows are merged (I8). One that it still has, of a key that was deleted since, would come back if the tombstone
 * had been pruned: so it covers the position that is stored now, or no tombstone was pruned since it was asked for.
 */
export interface Merging {
  readonly position: Position;
  /** `Stored.pruned` as it was with a stored position that the snapshot covers. */
  readonly pruned: number;
}

/** `gone`: the letter isn't there any more. `below`: the position stored now, which the snapshot doesn't cover. Nothing was changed. */
export type Amended = 'amended' | 'gone' | { readonly below: Position };

/** The right to replace everything, held under one term. Each call rejects with `FencedOut` once the term is another's. */
export interface Bootstrap<in Change> {
  readonly term: number;
  /** Where a predecessor's staging stopped, if that could be taken over. */
  readonly resume?: SnapshotToken | undefined;
  /** Raises the heartbeat, so that others keep waiting. */
  beat(): Promise<void>;
  /** Adds to the staging, invisible to readers (I6). `token`: a successor may go on here, without what is staged after it. */
  stage(changes: readonly Change[], token?: SnapshotToken): Promise<void>;
  /** Empties the staging: another snapshot begins. */
  discard(): Promise<void>;
  /**
   * One transaction: checks term, state and the count of staged changes, checks that `position` covers the stored position
   * less `lost` (I8), replaces rows and position, ends the bootstrap. Below the floor nothing changes and the floor is told.
   */
  swap(position: Position, lost: readonly Partition[]): Promise<'swapped' | { readonly belowFloor: Position }>;
  /** Gives the term back with the old state intact: `ready` if a position is stored, else `empty`. */
  giveBack(): Promise<void>;
}
