import { type Position, type SnapshotSource } from '@tidemark/core';
import { type HttpHandler, serveFeed } from '@tidemark/http';
import { sqliteLog } from '@tidemark/sqlite';
import { type Database } from '@tidemark-examples/support';
import { type Announce, files } from './a-store';
import { FileUpdate } from './file-state';

/** A's log, as the rest of A sees it. */
export interface UpdatesLog {
  readonly announce: Announce;
  readonly snapshots: SnapshotSource;
  readonly feed: HttpHandler;
  readonly head: () => Promise<Position>;
  /** Drops all records that are in the log now. */
  readonly trim: () => void;
  readonly close: () => Promise<void>;
}

/** The one module of A's that names a log. */
export function updatesLog(db: Database, reader: () => Database): UpdatesLog {
  const log = sqliteLog(db, { reader, topics: { files: { partitions: 4 } } });
  return {
    announce: (updates) =>
      void log.append(
        'files',
        updates.map((update) => ({ key: update.path, value: JSON.stringify(FileUpdate.encode(update)) })),
      ),
    snapshots: log.snapshot({ files: (_, from) => files(from) }),
    feed: serveFeed(log),
    head: () => log.locate('head', new AbortController().signal),
    trim: () => log.trim('files', { keep: 0 }),
    close: async () => {
      await log[Symbol.asyncDispose]();
    },
  };
}
