import { type Change, type VersionedChange } from '@tidemark/core';
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

const versioned = (replica: (db: TestDatabase) => ReturnType<VersionedFixture['replica']>) => async () => {
  const file = new TestFile();
  const db = file.connect();
  const fixture: VersionedFixture = {
    replica: () => replica(db),
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
  return fixture;
};

const versionedTable = (db: TestDatabase) =>
  sqliteTable<VersionedItem>(db, {
    table: 'item',
    key: 'id',
    version: 'version',
    columns: { id: 'text', text: 'text', version: 'integer' },
  });

function versionedReplica(db: TestDatabase) {
  db.exec('create table if not exists item (id text primary key, text text, version integer)');
  return sqliteReplica<VersionedChange<VersionedItem>>(db, {
    name: 'items',
    clear: (tx) => tx.exec('delete from item'),
    apply: (tx, change) => {
      if (change.op === 'remove') tx.prepare('delete from item where id = ?').run(change.key);
      else {
        const { id, text, version } = change.row;
        tx.prepare('insert or replace into item values (?, ?, ?)').run(id, text, version);
      }
    },
    version: (change) =>
      change.op === 'remove'
        ? { key: change.key, version: change.version, removed: true }
        : { key: change.row.id, version: change.row.version },
  });
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
      versioned: versioned(versionedTable),
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
    features: { versioned: versioned(versionedReplica) },
  },
);
