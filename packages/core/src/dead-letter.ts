import { type SyncError } from './errors';
import { type Partition } from './partition';
import { type LogRecord } from './record';

/** A record that couldn't be decoded, translated or handled, on its way to where it is kept. */
export interface DeadLetter {
  readonly record: LogRecord;
  readonly error: SyncError;
}

/** A dead letter as it is kept, until it is replayed or discarded. */
export interface KeptLetter {
  /** Opaque, and never given twice in one store. */
  readonly id: string;
  readonly partition: Partition;
  readonly record: LogRecord;
  /** The code and text of its error. */
  readonly code: string;
  readonly message: string;
}

/** As many as asked for, the oldest first; or the one of this id, if there is one. */
export type WhichLetters = { readonly limit: number } | { readonly id: string };
