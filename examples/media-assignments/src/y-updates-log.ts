import { type NewRecord, type Position, type SnapshotSource } from '@tidemark/core';
import { type HttpHandler } from '@tidemark/http';
import { AssignmentUpdate } from './assignment';
import { type Announce } from './y-store';

/** Y's log, as the rest of Y sees it. */
export interface UpdatesLog {
  readonly announce: Announce;
  /** Y's current state with its place in the log; the scope is a query: `media=m1`. */
  readonly snapshots: SnapshotSource;
  /** The updates topic over HTTP; absent where followers read it from a broker. */
  readonly feed?: HttpHandler | undefined;
  /** Where the log ends, with everything in it that was announced before. */
  readonly head: () => Promise<Position>;
  /** Drops all records that are in the log now; absent where that is a broker's business. */
  readonly trim?: (() => void) | undefined;
  readonly close: () => Promise<void>;
}

/** An update as it lies in the log. */
export const recordOf = (key: string, update: AssignmentUpdate): NewRecord => ({
  key,
  value: JSON.stringify(AssignmentUpdate.encode(update)),
});
