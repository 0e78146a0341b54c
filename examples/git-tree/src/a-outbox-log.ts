import { headThenRows, type Log } from '@tidemark/core';
import { sqliteLog } from '@tidemark/sqlite';
import { behindOutbox, type Database, readApart } from '@tidemark-examples/support';
import { files } from './a-store';
import { recordsOf, type UpdatesLog } from './a-updates-log';

/** A broker's log, to which an outbox in A's database is relayed: as in media-assignments, y-outbox-log.ts. */
export function outboxLog(db: Database, reader: () => Database, log: Log<'files'>): UpdatesLog {
  const outbox = sqliteLog(db, { reader, topics: { files: { partitions: 4 } } });
  return {
    announce: (updates) => void outbox.append('files', recordsOf(updates)),
    snapshots: headThenRows(log, { files: () => readApart(reader, files) }),
    ...behindOutbox(outbox, log),
  };
}
