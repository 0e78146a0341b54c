import { decimal, FencedOut, HandlerFailed, type PositionStore } from '@tidemark/core';
import { sqlitePositions } from '../src';
import { type TestDatabase, TestFile } from './database';
import { advance, position, source } from './positions';

let file: TestFile;
let db: TestDatabase;
let store: PositionStore;
beforeEach(() => {
  file = new TestFile();
  db = file.connect();
  store = sqlitePositions(db, { name: 'a' });
});
afterEach(() => {
  file.close();
});

it('is empty at first, and leaves the file alone', async () => {
  expect(await store.load()).toBeUndefined();
  expect(db.prepare('select count(*) as n from sqlite_master').get()).toMatchObject({ n: 0 });
});

it('keeps what reset and save wrote, for other connections too', async () => {
  await store.reset(position(1, 2), 's1');
  await store.save('s1', [advance(0, 1, 3), advance(2, undefined, 0)]);
  const stored = await sqlitePositions(file.connect(), { name: 'a' }).load();
  expect(stored).toEqual({ snapshotId: 's1', position: position(3, 2, 0) });
});

it('a reset replaces source and marks', async () => {
  await store.reset(position(1, 2), 's1');
  const other = { ...position(9), source: { ...source, epochs: { orders: 'e2' } } };
  await store.reset(other, 's2');
  expect(await store.load()).toEqual({ snapshotId: 's2', position: other });
});

it('I11: a save for another snapshot, or from elsewhere, changes nothing', async () => {
  await expect(store.save('s1', [])).rejects.toBeInstanceOf(FencedOut);
  await store.reset(position(1, 2), 's1');
  await expect(store.save('s0', [advance(0, 1, 3)])).rejects.toBeInstanceOf(FencedOut);
  await expect(store.save('s1', [advance(0, 1, 3), advance(1, 1, 3)])).rejects.toBeInstanceOf(FencedOut);
  expect(await store.load()).toMatchObject({ position: position(1, 2) });
});

it('knows nothing of a store with another name', async () => {
  const other = sqlitePositions(db, { name: 'b' });
  await store.reset(position(1), 's1');
  expect(await other.load()).toBeUndefined();
  await other.reset(position(5), 's2');
  expect(await store.load()).toMatchObject({ position: position(1) });
});

it('refuses text that SQLite would cut', async () => {
  expect(() => sqlitePositions(db, { name: 'a\0' })).toThrow('NUL');
  const odd = { source, offsets: position().offsets.with({ topic: 'a\0b', partition: '0' }, { through: decimal(1) }) };
  await expect(store.reset(odd, 's1')).rejects.toThrow('NUL');
  expect(await store.load()).toBeUndefined();
});

it('I5: keeps what could not be handled with the position that passes it, or neither', async () => {
  await store.reset(position(1), 's1');
  const record = { key: Buffer.from('k'), value: null, headers: new Map(), timestamp: 7, offset: decimal(2) };
  const letter = { record, error: new HandlerFailed('no') };
  const letters = (): unknown => db.prepare('select owner, topic, offset, code from tidemark_dead_letter').all();
  await expect(store.save('s0', [{ ...advance(0, 1, 2), rejected: [letter] }])).rejects.toBeInstanceOf(FencedOut);
  expect(letters()).toEqual([]);
  await store.save('s1', [{ ...advance(0, 1, 2), rejected: [letter] }]);
  expect(letters()).toMatchObject([{ owner: 'positions:a', topic: 'orders', offset: '2', code: 'HANDLER_FAILED' }]);
});
