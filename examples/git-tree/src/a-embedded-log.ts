import { serveFeed } from '@tidemark/http';
import { sqliteLog } from '@tidemark/sqlite';
import { type Database } from '@tidemark-examples/support';
import { files } from './a-store';
import { recordsOf, type UpdatesLog } from './a-updates-log';

/** A log inside A's own database. */
export function embeddedLog(db: Database, reader: () => Database): UpdatesLog {
  const log = sqliteLog(db, { reader, topics: { files: { partitions: 4 } } });
  return {
    announce: (updates) => void log.append('files', recordsOf(updates)),
    snapshots: log.snapshot({ files: (_, from) => files(from) }),
    feed: serveFeed(log),
    head: () => log.locate('head', new AbortController().signal),
    trim: () => log.trim('files', { keep: 0 }),
    close: async () => {
      await log[Symbol.asyncDispose]();
    },
  };
}
