import { decimal, type NewRecord } from '@tidemark/core';
import { transportContract, type TransportFixture } from '@tidemark/testkit';
import { type SqliteLog, sqliteLog } from '../src';
import { type TestDatabase, TestFile } from './database';

interface Fixture extends TransportFixture<'orders'> {
  readonly db: TestDatabase;
  readonly log: SqliteLog<'orders'>;
  open(partitions: number): SqliteLog<'orders'>;
}

const week = 604_800_000;

const open = async (): Promise<Fixture> => {
  const file = new TestFile();
  const db = file.connect();
  const logs: SqliteLog<'orders'>[] = [];
  const another = (partitions: number, writer = file.connect()): SqliteLog<'orders'> => {
    const log = sqliteLog(writer, {
      reader: () => file.connect(),
      topics: { orders: { partitions, retain: { ageMs: week } } },
    });
    logs.push(log);
    return log;
  };
  const log = another(2, db);
  return {
    db,
    log,
    open: (partitions) => another(partitions),
    client: () =>
      another((db.prepare('select partitions from tidemark_log_topic').get() as { partitions: number }).partitions),
    publish: (records: readonly NewRecord[]) => log.publish('orders', records),
    close: async () => {
      for (const opened of logs) await opened[Symbol.asyncDispose]();
      file.close();
    },
  };
};

transportContract<'orders', Fixture>(
  { describe, it },
  {
    name: 'sqliteLog',
    topic: 'orders',
    reads: 'all',
    open,
    features: {
      trim: ({ log }) => log.trim('orders', { before: decimal(1_000_000) }),
      recreate: ({ log }) => log.recreate('orders'),
      recreateWhileReading: ({ log }) => log.recreate('orders'),
      shorten: ({ db }) =>
        db.exec(`update tidemark_log_partition set next = next - 1;
          delete from tidemark_log_record where offset >= (select next from tidemark_log_partition where id = partition_id)`),
      rewrite: ({ db }) =>
        db.exec(`update tidemark_log_record set value = cast('another' as blob)
          where offset = (select next - 1 from tidemark_log_partition where id = partition_id)`),
      grow: ({ open }) => open(4),
      tellsRetention: () => week,
      outage: ({ db }) => {
        db.exec('alter table tidemark_log_partition rename to out');
        return () => db.exec('alter table out rename to tidemark_log_partition');
      },
      publisher: ({ log }) => log,
      locator: ({ log }) => log,
    },
  },
);
