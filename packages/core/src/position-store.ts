import { type DeadLetter, type KeptLetter, type WhichLetters } from './dead-letter';
import { type Position } from './position';
import { type Advance } from './replica';

/**
 * Positions kept outside a replica (Kafka group offsets, a KV bucket, a lease table): at-least-once. `load` answers
 * only when every partition that `reset` wrote has a mark and all carry the same snapshot id; otherwise (`undefined`) B was
 * never synchronised.
 */
export interface PositionStore {
  load(): Promise<StoredPosition | undefined>;
  /** After the snapshot's effects: replaces everything. */
  reset(position: Position, snapshotId: string): Promise<void>;
  /**
   * After the effects, all in one step. Rejects with `FencedOut` when the snapshot id or an `after` isn't what is stored, and
   * with `InvalidConfiguration` when it is given dead letters and can't keep any.
   */
  save(snapshotId: string, advances: readonly Settled[]): Promise<void>;
  /** The dead letters that `save` has kept. */
  letters(which: WhichLetters): Promise<readonly KeptLetter[]>;
  /** Removes a dead letter; false: there is none of this id any more. */
  forget(letter: string): Promise<boolean>;
}

/** One step of one partition, with what couldn't be handled in it. */
export interface Settled extends Advance {
  readonly rejected?: readonly DeadLetter[] | undefined;
}

export interface StoredPosition {
  readonly position: Position;
  /** Of the snapshot that the position began with: `save` compares it. */
  readonly snapshotId: string;
}
