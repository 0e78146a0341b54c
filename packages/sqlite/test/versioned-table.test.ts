import {
  decimal,
  InvalidConfiguration,
  OffsetMap,
  remove,
  type Replica,
  type VersionedChange,
  upsert,
} from '@tidemark/core';
import fc from 'fast-check';
import { sqliteTable, type SqliteTableOptions } from '../src';
import { type TestDatabase, TestFile } from './database';

interface Row {
  readonly id: string | number;
  readonly v: number | bigint;
}
type Change = VersionedChange<Row>;

const partition = { topic: 't', partition: '0' };
let file: TestFile;
let db: TestDatabase;
beforeEach(() => {
  file = new TestFile();
  db = file.connect();
});
afterEach(() => {
  file.close();
});

async function swapped(replica: Replica<Change>, through: number, changes: readonly Change[]): Promise<void> {
  const bootstrap = await replica.take(await replica.load(), { pipeline: 'p' });
  await bootstrap.stage(changes);
  const entry = { ...partition, through: decimal(through) };
  const position = {
    source: { kind: 'k', order: 'decimal', epochs: {} },
    offsets: OffsetMap.from('decimal', [entry]),
  } as const;
  expect(await bootstrap.swap(position, [])).toBe('swapped');
}

async function apply(replica: Replica<Change>, ...changes: Change[]): Promise<void> {
  const stored = await replica.load();
  if (stored.state !== 'ready') throw new Error(stored.state);
  const after = stored.position.offsets.through(partition);
  const through = { through: decimal(Number(after) + 1) };
  expect(await replica.apply(stored.term, [{ partition, after, through, changes, rejected: [] }])).toEqual(['applied']);
}

const shown = (table = 'item') =>
  (db.prepare(`select id, v from ${table} order by id`).all() as Row[]).map(({ id, v }) => `${id}@${v}`);

const versioned = { table: 'item', key: 'id', version: 'v' } as const;

it('I3: any history in any order leaves what the newest states say', async () => {
  const change = fc.record({ id: fc.constantFrom('a', 'b', 'c'), gone: fc.boolean() });
  const history = fc
    .array(change, { minLength: 1, maxLength: 10 })
    .chain((all) =>
      fc.tuple(fc.constant(all), fc.shuffledSubarray([...all.keys()], { minLength: all.length }), fc.nat(all.length)),
    );
  await fc.assert(
    fc.asyncProperty(history, async ([all, order, staged]) => {
      db.exec(
        'drop table if exists item; drop table if exists tidemark_replica; drop table if exists tidemark_tombstone',
      );
      const replica = sqliteTable<Row>(db, { ...versioned, columns: { id: 'text', v: 'integer' } });
      const changes = order.map((v): Change => (all[v]!.gone ? remove(all[v]!.id, v) : upsert({ id: all[v]!.id, v })));
      await swapped(replica, 0, changes.slice(0, staged));
      for (const one of changes.slice(staged)) await apply(replica, one);
      const expected = new Map<string, string>();
      for (const [v, { id, gone }] of all.entries())
        if (gone) expected.delete(id);
        else expected.set(id, `${id}@${v}`);
      expect(shown()).toEqual([...expected.values()].sort());
    }),
    { numRuns: 50 },
  );
});

it('keeps the version beside the JSON of a table without columns', async () => {
  const replica = sqliteTable<Row & { readonly tags: string[] }>(db, versioned);
  const put = (id: string, v: number) => upsert({ id, v, tags: [`t${v}`] });
  await swapped(replica as Replica<Change>, 0, [put('a', 2)]);
  await apply(replica as Replica<Change>, put('a', 1), put('b', 1), remove('c', 2), put('c', 1));
  expect(shown()).toEqual(['a@2', 'b@1']);
  expect(db.prepare("select row from item where id = 'a'").get()).toEqual({ row: '{"id":"a","v":2,"tags":["t2"]}' });
});

it('works in a table of yours, also when an earlier row has no version', async () => {
  db.exec('create table item (id text primary key, v bigint, note text)');
  const replica = sqliteTable<Row>(db, { ...versioned, columns: { id: 'text', v: 'integer' } });
  await swapped(replica, 0, []);
  db.exec("insert into item values ('a', null, 'mine')");
  await apply(replica, upsert({ id: 'a', v: -7 }), upsert({ id: 'a', v: -8 }));
  expect(db.prepare('select id, v, note from item').all()).toEqual([{ id: 'a', v: -7, note: 'mine' }]);
});

it('I3: a numeric key is one key, as text and as a number', async () => {
  db.exec('create table item (id integer primary key, v integer)');
  const replica = sqliteTable<Row>(db, versioned);
  await swapped(replica, 0, [upsert({ id: 7, v: 1 }), upsert({ id: 8, v: 1 })]);
  await apply(replica, remove('7', 2), upsert({ id: 7, v: 1 }), upsert({ id: 7n as never, v: 2 }));
  await swapped(replica, 5, [upsert({ id: 7, v: 2 })]);
  await apply(replica, upsert({ id: 8, v: 1 }));
  expect(shown()).toEqual([]);
});

it('I3: another connection, another process: the tombstones are in the file', async () => {
  const open = () => sqliteTable<Row>(file.connect(), { ...versioned, columns: { id: 'text', v: 'integer' } });
  await swapped(open(), 0, []);
  await apply(open(), remove('a', 2n ** 60n));
  await apply(open(), upsert({ id: 'a', v: 2n ** 60n - 1n }));
  expect(shown()).toEqual([]);
});

it('two tables in one file keep their tombstones apart', async () => {
  const [one, two] = ['one', 'two'].map((table) => sqliteTable<Row>(db, { ...versioned, table }));
  await swapped(one!, 0, []);
  await swapped(two!, 0, []);
  await apply(one!, remove('a', 5));
  await apply(two!, upsert({ id: 'a', v: 1 }));
  await swapped(two!, 5, [upsert({ id: 'a', v: 1 })]);
  expect([shown('one'), shown('two')]).toEqual([[], ['a@1']]);
});

it('without `version` no tombstone is kept', async () => {
  const plain = sqliteTable<Row>(db, { table: 'item', key: 'id' });
  await swapped(plain, 0, []);
  await apply(plain, remove('a', 5));
  expect(await plain.load()).not.toHaveProperty('sequence');
  expect(db.prepare("select name from sqlite_master where name = 'tidemark_tombstone'").all()).toEqual([]);
});

it.each<[string, SqliteTableOptions<Row>]>([
  ['the key as version', { table: 'item', key: 'v', version: 'v' }],
  ['a version that is not among the columns', { ...versioned, columns: { id: 'text' } }],
  ['a version that is no integer', { ...versioned, columns: { id: 'text', v: 'real' } }],
])('refuses %s', (_, options) => {
  expect(() => sqliteTable<Row>(db, options)).toThrow(InvalidConfiguration);
});

it.each([
  ['without the column', 'create table item (id text primary key)'],
  ['with a text there', 'create table item (id text primary key, v text)'],
])('refuses a table %s when it is taken', async (_, sql) => {
  db.exec(sql);
  const replica = sqliteTable<Row>(db, versioned);
  const stored = { term: 0, state: 'empty' } as const;
  await expect(replica.take(stored, { pipeline: 'p' })).rejects.toThrow(InvalidConfiguration);
});
