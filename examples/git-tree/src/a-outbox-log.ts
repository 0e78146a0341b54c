import { headThenRows, type Log } from '@tidemark/core';
import { sqliteLog } from '@tidemark/sqlite';
import { type Database, relay } from '@tidemark-examples/support';
import { files } from './a-store';
import { recordsOf, type UpdatesLog } from './a-updates-log';
import { type FileState } from './file-state';

/** A broker's log, to which an outbox in A's database is relayed: as in media-assignments, y-outbox-log.ts. */
export function outboxLog(db: Database, reader: () => Database, log: Log<'files'>): UpdatesLog {
  const outbox = sqliteLog(db, { reader, topics: { files: { partitions: 4 } } });
  const relaying = relay(outbox, log);
  return {
    announce: (updates) => void outbox.append('files', recordsOf(updates)),
    snapshots: headThenRows(log, { files: () => filesNow(reader) }),
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
function* filesNow(reader: () => Database): Generator<FileState, void, undefined> {
  const db = reader();
  try {
    yield* files(db);
  } finally {
    db.close();
  }
}
