import { serveFeed } from '@tidemark/http';
import { sqliteLog } from '@tidemark/sqlite';
import { type Database } from '@tidemark-examples/support';
import { assignments } from './y-rows';
import { recordOf, type UpdatesLog } from './y-updates-log';

/** A log inside Y's own database: rows and records commit together, and a snapshot's place in the log is exact. */
export function embeddedLog(db: Database, reader: () => Database): UpdatesLog {
  const log = sqliteLog(db, { reader, topics: { assignments: { partitions: 4 } } });
  return {
    announce: (key, update) => log.append('assignments', [recordOf(key, update)]),
    snapshots: log.snapshot({ assignments: (query, from) => assignments(from, query.get('media')) }),
    feed: serveFeed(log),
    head: () => log.locate('head', new AbortController().signal),
    trim: () => log.trim('assignments', { keep: 0 }),
    close: async () => {
      await log[Symbol.asyncDispose]();
    },
  };
}
