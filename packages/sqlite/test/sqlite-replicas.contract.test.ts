import { type Change } from '@tidemark/core';
import {
  type Item,
  replicaContract,
  type ReplicaFixture,
  type VersionedFixture,
  type VersionedItem,
} from '@tidemark/testkit';
import { sqliteReplica, sqliteTable } from '../src';
import { type TestDatabase, TestFile } from './database';

interface Fixture extends ReplicaFixture {
  readonly db: TestDatabase;
}

const fixture =
  (prepare: (db: TestDatabase) => void, replica: (db: TestDatabase) => ReturnType<Fixture['replica']>) =>
  async (): Promise<Fixture> => {
    const file = new TestFile();
    const db = file.connect();
    prepare(db);
    return {
      db,
      replica: () => replica(file.connect()),
      rows: async () => {
        if (db.prepare("select 1 from sqlite_master where name = 'item'").get() === undefined) return new Map();
        const rows = db.prepare('select id, text from item').all() as Item[];
        return new Map(rows.map(({ id, text }) => [id, { id, text }]));
      },
      close: async () => file.close(),
    };
  };

async function versioned(): Promise<VersionedFixture> {
  const file = new TestFile();
  const db = file.connect();
  return {
    replica: () =>
      sqliteTable<VersionedItem>(db, {
        table: 'item',
        key: 'id',
        version: 'version',
        columns: { id: 'text', text: 'text', version: 'integer' },
      }),
    rows: async () => {
      // as text: numbers of 64 bits come back exactly
      const rows = db.prepare('select id, text, cast(version as text) as version from item').all();
      return new Map(
        (rows as { id: string; text: string; version: string }[]).map(({ id, text, version }) => [
          id,
          { id, text, version: BigInt(version) },
        ]),
      );
    },
    close: async () => file.close(),
  };
}

replicaContract<Fixture>(
  { describe, it },
  {
    name: 'sqliteTable',
    shared: true,
    open: fixture(
      () => undefined,
      (db) => sqliteTable<Item>(db, { table: 'item', key: 'id', columns: { id: 'text', text: 'text' } }),
    ),
    features: {
      versioned,
      strangeRow: ({ db }, { id, text }) => {
        db.exec('create table item (id text primary key, text text)');
        db.prepare('insert into item values (?, ?)').run(id, text);
      },
    },
  },
);

replicaContract<Fixture>(
  { describe, it },
  {
    name: 'sqliteReplica',
    shared: true,
    open: fixture(
      (db) => db.exec('create table item (id text primary key, text text)'),
      (db) =>
        sqliteReplica<Change<Item>>(db, {
          name: 'items',
          clear: (tx) => tx.exec('delete from item'),
          apply: (tx, change) => {
            if (change.op === 'remove') tx.prepare('delete from item where id = ?').run(change.key);
            else tx.prepare('insert or replace into item values (?, ?)').run(change.row.id, change.row.text);
          },
        }),
    ),
  },
);
