import { Unavailable } from '@tidemark/core';
import { sqliteLeases } from '../src';
import { TestFile } from './database';

const lease = (owner: string | undefined, counter: number, key = 'a') => ({ key, owner, counter });

let file: TestFile;
beforeEach(() => {
  file = new TestFile();
});
afterEach(() => {
  file.close();
});

it('stores of different names in one file know nothing of each other', async () => {
  const db = file.connect();
  const [one, other] = [sqliteLeases(db, { name: 'one' }), sqliteLeases(db)];
  await one.write([{ next: lease('x', 1), seen: undefined }]);
  expect(await other.list()).toEqual([]);
  expect(await other.remove(lease('x', 1))).toBe(false);
  expect(await other.write([{ next: lease('y', 1), seen: undefined }])).toEqual([true]);
  expect(await one.list()).toEqual([lease('x', 1)]);
});

it('reading leaves the file alone', async () => {
  const db = file.connect();
  expect(await sqliteLeases(db).list()).toEqual([]);
  expect(db.prepare('select count(*) as n from sqlite_master').get()).toMatchObject({ n: 0 });
});

it('a locked file is unavailable, and nothing of the round was written', async () => {
  const leases = sqliteLeases(file.connect({ timeout: 10 }));
  await leases.write([{ next: lease('x', 1), seen: undefined }]);
  const other = file.connect();
  other.exec('begin immediate');
  const writes = [
    { next: lease('x', 2), seen: lease('x', 1) },
    { next: lease('x', 1, 'b'), seen: undefined },
  ];
  await expect(leases.write(writes)).rejects.toBeInstanceOf(Unavailable);
  other.exec('rollback');
  expect(await leases.list()).toEqual([lease('x', 1)]);
  expect(await leases.write(writes)).toEqual([true, true]);
});

it('the table is made again after a failed first write', async () => {
  const leases = sqliteLeases(file.connect({ timeout: 10 }));
  const other = file.connect();
  other.exec('begin immediate');
  await expect(leases.write([{ next: lease('x', 1), seen: undefined }])).rejects.toBeInstanceOf(Unavailable);
  other.exec('rollback');
  expect(await leases.write([{ next: lease('x', 1), seen: undefined }])).toEqual([true]);
});

it('refuses text that SQLite would cut', async () => {
  expect(() => sqliteLeases(file.connect(), { name: 'a\0' })).toThrow('NUL');
  const leases = sqliteLeases(file.connect());
  await expect(leases.write([{ next: lease('x', 1, 'a\0b'), seen: undefined }])).rejects.toThrow('NUL');
  await expect(leases.write([{ next: lease('x\0', 1), seen: undefined }])).rejects.toThrow('NUL');
  expect(await leases.list()).toEqual([]);
});
