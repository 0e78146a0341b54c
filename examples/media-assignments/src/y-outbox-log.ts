import { headThenRows, type Log } from '@tidemark/core';
import { sqliteLog } from '@tidemark/sqlite';
import { behindOutbox, type Database, readApart } from '@tidemark-examples/support';
import { assignments } from './y-rows';
import { recordOf, type UpdatesLog } from './y-updates-log';

/**
 * A broker's log. An update commits with its row into an outbox in Y's database, and is relayed from there. A snapshot locates the
 * broker's head first and reads the rows afterwards: they have all that was published by then, and maybe some later updates too,
 * which followers get again. That's why updates have a version.
 */
export function outboxLog(db: Database, reader: () => Database, log: Log<'assignments'>): UpdatesLog {
  const outbox = sqliteLog(db, { reader, topics: { assignments: { partitions: 4 } } });
  return {
    announce: (key, update) => {
      outbox.append('assignments', [recordOf(key, update)]);
      return undefined; // the broker gives it a position later
    },
    snapshots: headThenRows(log, {
      assignments: (query) => readApart(reader, (db) => assignments(db, query.get('media'))),
    }),
    ...behindOutbox(outbox, log),
  };
}
