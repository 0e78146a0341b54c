import { headThenRows, type Log } from '@tidemark/core';
import { sqliteLog } from '@tidemark/sqlite';
import { type Database, relay } from '@tidemark-examples/support';
import { type Assignment } from './assignment';
import { assignments } from './y-rows';
import { recordOf, type UpdatesLog } from './y-updates-log';

/**
 * A broker's log. An update commits with its row into an outbox in Y's database, and is relayed from there. A snapshot locates the
 * broker's head first and reads the rows afterwards: they have all that was published by then, and maybe some later updates too,
 * which followers get again. That's why updates have a version.
 */
export function outboxLog(db: Database, reader: () => Database, log: Log<'assignments'>): UpdatesLog {
  const outbox = sqliteLog(db, { reader, topics: { assignments: { partitions: 4 } } });
  const relaying = relay(outbox, log);
  return {
    announce: (key, update) => {
      outbox.append('assignments', [recordOf(key, update)]);
      return undefined; // the broker gives it a position later
    },
    snapshots: headThenRows(log, { assignments: (query) => rowsNow(reader, query.get('media')) }),
    head: async () => {
      await relaying.drained();
      return log.locate('head', new AbortController().signal);
    },
    close: async () => {
      await relaying.stop();
      await outbox[Symbol.asyncDispose]();
      await log[Symbol.asyncDispose]();
    },
  };
}

/** By a connection of its own, which sees what is committed when the first row is read, and nothing later. */
function* rowsNow(reader: () => Database, media: string | null): Generator<Assignment, void, undefined> {
  const db = reader();
  try {
    yield* assignments(db, media);
  } finally {
    db.close();
  }
}
