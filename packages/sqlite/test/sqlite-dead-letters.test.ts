import { decimal, HandlerFailed, type LogRecord } from '@tidemark/core';
import { sqliteDeadLetters, sqlitePositions } from '../src';
import { type TestDatabase, TestFile } from './database';
import { advance, partition, position } from './positions';

let file: TestFile;
let db: TestDatabase;
beforeEach(() => {
  file = new TestFile();
  db = file.connect();
});
afterEach(() => {
  file.close();
});

const record = (offset: number, over: Partial<LogRecord> = {}): LogRecord => ({
  key: Buffer.from('k'),
  value: Buffer.from([0, 255]),
  headers: new Map([['h', Buffer.from([1, 2])]]),
  timestamp: 1_700_000_000_000,
  offset: decimal(offset),
  ...over,
});

async function letters(name: string, ...records: LogRecord[]) {
  const store = sqlitePositions(db, { name });
  await store.reset(position(1), 's1');
  const rejected = records.map((one) => ({ record: one, error: new HandlerFailed(`no ${one.offset}`) }));
  await store.save('s1', [{ ...advance(0, 1, 9), rejected }]);
}

it('lists none where there never was one, and leaves the file alone', () => {
  expect(sqliteDeadLetters(db).list()).toEqual([]);
  expect(() => sqliteDeadLetters(db).remove('1')).not.toThrow();
  expect(db.prepare('select count(*) as n from sqlite_master').get()).toMatchObject({ n: 0 });
});

it('gives back the very record, with where it stood and what was wrong', async () => {
  await letters('a', record(2), record(3, { key: null, value: null, headers: new Map() }));
  const [first, second] = sqliteDeadLetters(db).list();
  expect(first).toMatchObject({
    owner: 'positions:a',
    partition: partition(0),
    code: 'HANDLER_FAILED',
    message: 'no 2',
  });
  expect(first?.record.offset).toBe('2');
  expect(Buffer.from(first!.record.value!)).toEqual(Buffer.from([0, 255]));
  expect(Buffer.from(first!.record.headers.get('h')!)).toEqual(Buffer.from([1, 2]));
  expect(second?.record).toMatchObject({ key: null, value: null, timestamp: 1_700_000_000_000 });
});

it('tells owners apart, the oldest first, as many as asked for', async () => {
  await letters('a', record(2), record(3), record(4));
  await letters('b', record(5));
  const dead = sqliteDeadLetters(db);
  expect(dead.list({ owner: 'positions:a', limit: 2 }).map(({ record: { offset } }) => offset)).toEqual(['2', '3']);
  expect(dead.list({ owner: 'positions:b' }).map(({ record: { offset } }) => offset)).toEqual(['5']);
});

it('is removed in the transaction that deals with it, or not at all', async () => {
  await letters('a', record(2));
  const dead = sqliteDeadLetters(db);
  const [letter] = dead.list();
  db.exec('begin');
  dead.remove(letter!.id);
  db.exec('rollback');
  expect(dead.list()).toHaveLength(1);
  db.exec('begin');
  dead.remove(letter!.id);
  db.exec('commit');
  expect(dead.list()).toEqual([]);
});
