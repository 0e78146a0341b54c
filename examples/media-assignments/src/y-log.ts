import { type Position, type SnapshotSource } from '@tidemark/core';
import { type HttpHandler, serveFeed } from '@tidemark/http';
import { sqliteLog } from '@tidemark/sqlite';
import { type Database } from '@tidemark-examples/support';
import { AssignmentUpdate } from './assignment';
import { type Announce } from './y-store';
import { assignments } from './y-rows';

/** Y's log, as the rest of Y sees it. */
export interface UpdatesLog {
  readonly announce: Announce;
  /** Y's current state with its exact place in the log; the scope is a query: `media=m1`. */
  readonly snapshots: SnapshotSource;
  /** The updates topic, for followers. */
  readonly feed: HttpHandler;
  readonly head: () => Promise<Position>;
  /** Drops all records that are in the log now. */
  readonly trim: () => void;
  readonly close: () => Promise<void>;
}

/** The one module of Y's that names a log: a log inside Y's own database, whose records commit with the rows. */
export function updatesLog(db: Database, reader: () => Database): UpdatesLog {
  const log = sqliteLog(db, { reader, topics: { assignments: { partitions: 4 } } });
  return {
    announce: (key, update) =>
      log.append('assignments', [{ key, value: JSON.stringify(AssignmentUpdate.encode(update)) }]),
    snapshots: log.snapshot({ assignments: (query, from) => assignments(from, query.get('media')) }),
    feed: serveFeed(log),
    head: () => log.locate('head', new AbortController().signal),
    trim: () => log.trim('assignments', { keep: 0 }),
    close: async () => {
      await log[Symbol.asyncDispose]();
    },
  };
}
