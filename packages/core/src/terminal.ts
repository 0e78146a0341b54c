import { type DeadLetter } from './dead-letter';
import { type Partition } from './partition';
import { type LogRecord } from './record';
import { type Replica } from './replica';

/** What becomes of a record that can't be decoded or translated. */
export type Poison = 'fail' | 'skip' | 'deadLetter';

/** What a terminal adds to a plan: `Change` is what its replica takes, `M` what the pipeline tells. */
export interface Terminal<Change, M = Change> {
  readonly replica: Replica<Change>;
  readonly onPoison: Poison;
  /** Partitions don't wait for each other's effects. */
  readonly independent?: boolean | undefined;
  /** The change of a message and its record (`undefined`: a row); the message itself unless given. */
  readonly wrap?: ((message: unknown, record: LogRecord | undefined) => Change) | undefined;
  readonly unwrap: (changes: readonly Change[]) => readonly M[];
  readonly connect?: ((hooks: SessionHooks) => void) | undefined;
}

/** What a session lends to its terminal. */
export interface SessionHooks {
  /** Nothing new should begin. */
  readonly stopping: AbortSignal;
  /** Nobody waits any more. */
  readonly ended: AbortSignal;
  /** A record whose effect failed for good. */
  poison(partition: Partition, letter: DeadLetter): void;
}
