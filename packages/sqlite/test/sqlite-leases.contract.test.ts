import { leaseStoreContract, transportContract, type TransportFixture } from '@tidemark/testkit';
import { sqliteLeases, type SqliteLog, sqliteLog } from '../src';
import { TestFile } from './database';

leaseStoreContract(
  { describe, it },
  {
    name: 'sqliteLeases',
    open: async () => {
      const file = new TestFile();
      return {
        client: () => sqliteLeases(file.connect()),
        close: async () => {
          file.close();
        },
      };
    },
  },
);

const open = async (): Promise<TransportFixture<'orders'>> => {
  const file = new TestFile();
  const logs: SqliteLog<'orders'>[] = [];
  const client = (): SqliteLog<'orders'> => {
    const db = file.connect();
    const share = { leases: sqliteLeases(db), expiryMs: 600, renewMs: 50 };
    const log = sqliteLog(db, { reader: () => file.connect(), topics: { orders: { partitions: 3 } }, share });
    logs.push(log);
    return log;
  };
  const writer = client();
  return {
    client,
    publish: (records) => writer.publish('orders', records),
    close: async () => {
      for (const log of logs) await log[Symbol.asyncDispose]();
      file.close();
    },
  };
};

transportContract({ describe, it }, { name: 'sqliteLog, shared by leases', topic: 'orders', reads: 'share', open });
