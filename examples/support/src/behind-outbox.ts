import { type Log, type Position } from '@tidemark/core';
import { type SqliteLog } from '@tidemark/sqlite';
import { type Database } from './database';
import { relay } from './relay';

/** A broker's log to which an outbox in A's database is relayed. */
export interface BehindOutbox {
  /** Where it ends, with everything in it that is in the outbox now. */
  readonly head: () => Promise<Position>;
  readonly close: () => Promise<void>;
}

export function behindOutbox<Topic extends string>(outbox: SqliteLog<Topic>, log: Log<Topic>): BehindOutbox {
  const relaying = relay(outbox, log);
  return {
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

/** Rows by a connection of their own, which sees what is committed when the first one is read, and nothing later. */
export function* readApart<Row>(
  reader: () => Database,
  rows: (db: Database) => Iterable<Row>,
): Generator<Row, void, undefined> {
  const db = reader();
  try {
    yield* rows(db);
  } finally {
    db.close();
  }
}
