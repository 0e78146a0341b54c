import { type NewRecord, type Position, type SnapshotSource } from '@tidemark/core';
import { type HttpHandler } from '@tidemark/http';
import { type Announce } from './a-store';
import { FileUpdate } from './file-state';

/** A's log, as the rest of A sees it. */
export interface UpdatesLog {
  readonly announce: Announce;
  readonly snapshots: SnapshotSource;
  /** The updates topic over HTTP; absent where followers read it from a broker. */
  readonly feed?: HttpHandler | undefined;
  /** Where the log ends, with everything in it that was announced before. */
  readonly head: () => Promise<Position>;
  /** Drops all records that are in the log now; absent where that is a broker's business. */
  readonly trim?: (() => void) | undefined;
  readonly close: () => Promise<void>;
}

/** Updates as they lie in the log. */
export const recordsOf = (updates: readonly FileUpdate[]): NewRecord[] =>
  updates.map((update) => ({ key: update.path, value: JSON.stringify(FileUpdate.encode(update)) }));
