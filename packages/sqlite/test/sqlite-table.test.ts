import { type Change, InvalidConfiguration, remove, type Replica, upsert } from '@tidemark/core';
import fc from 'fast-check';
import { type ColumnType, sqliteTable } from '../src';
import { type TestDatabase, TestFile } from './database';
import { advance, position } from './positions';

let file: TestFile;
let db: TestDatabase;
beforeEach(() => {
  file = new TestFile();
  db = file.connect();
});
afterEach(() => {
  file.close();
});

type Row = Record<string, unknown>;
const load = async (replica: Replica<Change<Row>>, ...changes: Change<Row>[]): Promise<number> => {
  const bootstrap = await replica.take(await replica.load(), { pipeline: 'p' });
  await bootstrap.stage(changes);
  await bootstrap.swap(position(0), []);
  return bootstrap.term;
};
const all = (sql: string): unknown[] =>
  db
    .prepare(sql)
    .all()
    .map((row) => ({ ...(row as object) }));

describe('a table made on demand', () => {
  it('has typed columns, which hold exactly what was given', async () => {
    const columns: Record<string, ColumnType> = {
      id: 'text',
      count: 'integer',
      share: 'real',
      photo: 'blob',
      done: 'boolean',
      tags: 'json',
    };
    const replica = sqliteTable<Row>(db, { table: 't', key: 'id', columns });
    await load(
      replica,
      upsert({ id: 1, count: 2n ** 62n, share: 0.5, photo: Buffer.from([1, 0]), done: true, tags: ['a'] }),
    );
    await replica.apply(1, [{ ...advance(0, 0, 1), rejected: [], changes: [upsert({ id: 'b', tags: { a: null } })] }]);
    expect(all('select id, cast(count as text) as count, share, hex(photo) as photo, done, tags from t')).toEqual([
      { id: '1', count: String(2n ** 62n), share: 0.5, photo: '0100', done: 1, tags: '["a"]' },
      { id: 'b', count: null, share: null, photo: '', done: null, tags: '{"a":null}' },
    ]);
    expect(all("select name, type, pk from pragma_table_info('t')").slice(0, 2)).toEqual([
      { name: 'id', type: 'TEXT', pk: 1 },
      { name: 'count', type: 'INTEGER', pk: 0 },
    ]);
  });

  it('without columns holds the key and the row as JSON, also for a later process', async () => {
    await load(sqliteTable<Row>(db, { table: 't', key: 'id' }), upsert({ id: 7, 'nul\0': '\0', nested: { a: [1] } }));
    const later = sqliteTable<Row>(file.connect(), { table: 't', key: 'id' });
    await later.apply(1, [{ ...advance(0, 0, 1), rejected: [], changes: [upsert({ id: 'b' }), remove('7')] }]);
    expect(all('select id, row from t')).toEqual([{ id: 'b', row: '{"id":"b"}' }]);
  });

  it.each([
    ['a bigint', 1n],
    ['bytes', new Uint8Array(1)],
    ['a map', new Map()],
  ])('without columns refuses %s', async (_, value) => {
    const attempt = load(sqliteTable<Row>(db, { table: 't', key: 'id' }), upsert({ id: 'a', value }));
    await expect(attempt).rejects.toBeInstanceOf(InvalidConfiguration);
  });
});

describe('an existing table', () => {
  it('is used as it is; absent properties are null', async () => {
    db.exec(
      "create table t (note text, id integer primary key, extra) ; insert into t values ('old', 1, 5), ('gone', 2, 6)",
    );
    const replica = sqliteTable<Row>(db, { table: 'T', key: 'id' });
    await load(replica, upsert({ id: 1, note: 3 }));
    expect(all('select * from t')).toEqual([{ note: '3', id: 1, extra: null }]);
  });

  it('keeps columns that `columns` leaves out', async () => {
    db.exec("create table t (id text primary key, note text, mine text); insert into t values ('a', 'x', 'kept')");
    await load(
      sqliteTable<Row>(db, { table: 't', key: 'id', columns: { id: 'text', note: 'text' } }),
      upsert({ id: 'a', note: 'y' }),
    );
    expect(all('select * from t')).toEqual([{ id: 'a', note: 'y', mine: 'kept' }]);
  });

  it.each<[string, string, string, Record<string, ColumnType> | undefined]>([
    ['the key has no column', 'create table t (other text primary key)', 'id', undefined],
    ['a named column is missing', 'create table t (id text primary key)', 'id', { id: 'text', note: 'text' }],
    ['the key is not unique', 'create table t (id text, note text)', 'id', undefined],
    ['it is a view', 'create view t as select 1 as id', 'id', undefined],
    ['its key would be `row`', 'create table u (id text)', 'row', undefined],
  ])('is refused before any write where %s', async (_, sql, key, columns) => {
    db.exec(sql);
    const before = all('select name from sqlite_master');
    const replica = sqliteTable<Row>(db, { table: 't', key, columns });
    const attempt = Promise.resolve().then(async () => replica.take(await replica.load(), { pipeline: 'p' }));
    await expect(attempt).rejects.toBeInstanceOf(InvalidConfiguration);
    expect(all('select name from sqlite_master')).toEqual(before);
  });
});

describe('a row that does not fit is refused before any write', () => {
  const columns: Record<string, ColumnType> = {
    id: 'text',
    count: 'integer',
    share: 'real',
    photo: 'blob',
    done: 'boolean',
    tags: 'json',
  };
  it.each<[string, Row]>([
    ['no key', { count: 1 }],
    ['a null key', { id: null }],
    ['a property without a column', { id: 'a', other: 1 }],
    ['an inherited property as a column', { id: 'a', constructor: 1 }],
    ['text cut at NUL', { id: 'a\0b' }],
    ['an object as text', { id: {} }],
    ['a fraction as integer', { id: 'a', count: 1.5 }],
    ['an inexact integer', { id: 'a', count: 2 ** 53 }],
    ['more than 64 bits', { id: 'a', count: 2n ** 63n }],
    ['NaN', { id: 'a', share: NaN }],
    ['text as blob', { id: 'a', photo: 'x' }],
    ['a number as boolean', { id: 'a', done: 1 }],
    ['a bigint in JSON', { id: 'a', tags: [1n] }],
  ])('%s', async (_, row) => {
    const replica = sqliteTable<Row>(db, { table: 't', key: 'id', columns });
    await expect(load(replica, upsert(row))).rejects.toBeInstanceOf(InvalidConfiguration);
    expect(all('select count(*) as n from tidemark_staged')).toEqual([{ n: 0 }]);
  });

  it('the message names no value', async () => {
    const replica = sqliteTable<Row>(db, { table: 't', key: 'id', columns: { id: 'integer' } });
    await expect(load(replica, upsert({ id: 'secret' }))).rejects.toMatchObject({
      message: expect.not.stringContaining('secret') as string,
    });
  });

  it("the table's own constraints are not retried", async () => {
    db.exec('create table t (id text primary key, n integer check (n > 0))');
    const replica = sqliteTable<Row>(db, { table: 't', key: 'id' });
    await expect(load(replica, upsert({ id: 'a', n: 0 }))).rejects.toMatchObject({ retryable: false });
  });
});

describe('options', () => {
  it.each([
    ['an empty table name', { table: '', key: 'id' }],
    ['a NUL in it', { table: 'a\0', key: 'id' }],
    ["a name of Tidemark's", { table: 'Tidemark_mark', key: 'id' }],
    ["a name of SQLite's", { table: 'sqlite_master', key: 'id' }],
    ['an empty key', { table: 't', key: '' }],
    ['a key that is no column', { table: 't', key: 'id', columns: { x: 'text' as const } }],
  ])('%s is refused', (_, options) => {
    expect(() => sqliteTable<Row>(db, options)).toThrow(InvalidConfiguration);
  });
});

describe('injection', () => {
  const evil = [
    `x"; drop table victim; --`,
    `x'; drop table victim; --`,
    '"',
    "'",
    '`',
    '[x]',
    'a b',
    'select',
    'excluded',
    'target',
    '?',
    '$1',
  ];
  it.each(evil)('through table, key, column names and values has no effect: %s', async (name) => {
    db.exec("create table victim (a); insert into victim values ('here')");
    const columns: Record<string, ColumnType> = { [name]: 'text', [`${name}2`]: 'text' };
    const replica = sqliteTable<Row>(db, { table: name, key: name, columns });
    await load(replica, upsert({ [name]: name, [`${name}2`]: name }), upsert({ [name]: 'b' }), remove('b'));
    await replica.apply(1, [{ ...advance(0, 0, 1), rejected: [], changes: [upsert({ [name]: 'c' }), remove(name)] }]);
    expect(all('select * from victim')).toEqual([{ a: 'here' }]);
    expect(all(`select * from "${name.replaceAll('"', '""')}"`)).toEqual([{ [name]: 'c', [`${name}2`]: null }]);
  });

  it('any names and values round-trip', async () => {
    const text = fc.string({ minLength: 1, unit: 'grapheme' }).filter((s) => !/\0|^(tidemark_|sqlite_|row$)/i.test(s));
    await fc.assert(
      fc.asyncProperty(text, text, text, async (table, key, value) => {
        const own = new TestFile();
        try {
          const connection = own.connect();
          const replica = sqliteTable<Row>(connection, { table, key, columns: { [key]: 'text' } });
          await load(replica, upsert({ [key]: value }));
          const rows = connection.prepare(`select * from "${table.replaceAll('"', '""')}"`).all();
          expect(rows.map((row) => Object.values(row as Row))).toEqual([[value]]);
        } finally {
          own.close();
        }
      }),
      { numRuns: 30 },
    );
  });
});
