import { type PagedLog } from '@tidemark/core';
import { httpFeed, serveFeed } from '@tidemark/http';
import { sqliteLeases, sqliteLog } from '@tidemark/sqlite';
import { join } from 'node:path';
import { type Broker, embeddedFaults, type LogFromOutside, partitions } from '../broker';
import { type Database, openFile } from '../things';

const logOf = (directory: string, db: Database) =>
  sqliteLog(db, {
    reader: () => openFile(join(directory, 'a.db')),
    topics: { things: { partitions, retain: { records: 5_000 } } },
  });

/** The log in A's own file, over HTTP. Leases are in B's. */
export const embedded: Broker = {
  faults: embeddedFaults,

  publish({ directory }, db, rows) {
    const log = logOf(directory, db);
    return {
      append: (records) => void log.append('things', records),
      snapshot: log.snapshot(rows),
      feed: serveFeed(log as PagedLog, { longPollMs: 400 }),
      drained: () => Promise.resolve(),
      close: () => log[Symbol.asyncDispose](),
    };
  },

  follow({ url }, db, { owner, silentMs }) {
    const share = owner === undefined ? undefined : { leases: sqliteLeases(db), owner, expiryMs: 1_000, renewMs: 150 };
    return httpFeed(`${url}/feed`, { topics: ['things'], share, answerMs: silentMs, liveMs: silentMs });
  },

  look({ directory }): LogFromOutside {
    const db = openFile(join(directory, 'a.db'));
    const log = logOf(directory, db);
    return {
      head: () => log.locate('head', new AbortController().signal),
      trim: (keep) => log.trim('things', { keep }),
      recreate: () => log.recreate('things'),
      close: async () => {
        await log[Symbol.asyncDispose]();
        db.close();
      },
    };
  },
};
