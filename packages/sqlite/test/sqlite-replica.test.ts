import { InvalidConfiguration, type Replica } from '@tidemark/core';
import { type SqliteDatabase, sqliteReplica } from '../src';
import { type TestDatabase, TestFile } from './database';
import { advance, position } from './positions';

type Message = unknown;
let file: TestFile;
let db: TestDatabase;
let got: unknown[];
let scopes: unknown[];
let fail: (message: Message) => unknown;
let replica: Replica<Message>;
beforeEach(() => {
  file = new TestFile();
  db = file.connect();
  db.exec('create table n (value)');
  got = [];
  scopes = [];
  fail = () => undefined;
  replica = sqliteReplica<Message, TestDatabase>(db, {
    name: 'own',
    clear(tx, scope) {
      scopes.push(scope);
      tx.exec('delete from n');
    },
    apply(tx, message) {
      got.push(message);
      tx.prepare('insert into n values (?)').run(String(message));
      return fail(message) as undefined;
    },
  });
});
afterEach(() => {
  file.close();
});

const values = (): unknown[] =>
  db
    .prepare('select value from n')
    .all()
    .map((row) => (row as { value: unknown }).value);
const take = async (scope?: string) => replica.take(await replica.load(), { pipeline: 'p', scope });
const step = (from: number, ...changes: Message[]) => ({ ...advance(0, from, from + 1), changes, rejected: [] });

it('I6: staged messages are replayed inside the swap, after clear, with the scope', async () => {
  const bootstrap = await take('media=1');
  db.exec("insert into n values ('old')");
  await bootstrap.stage(['a', 'b']);
  await bootstrap.stage(['c']);
  expect(values()).toEqual(['old']);
  await bootstrap.swap(position(1), []);
  expect(values()).toEqual(['a', 'b', 'c']);
  expect(scopes).toEqual(['media=1']);
});

it('staged messages come back as they were', async () => {
  const message = {
    bytes: new Uint8Array([0, 255]),
    big: 2n ** 70n,
    date: new Date(5),
    map: new Map([['__proto__', 'x']]),
    nul: 'a\0b',
    absent: undefined,
    nested: [{ deep: null }],
  };
  const bootstrap = await take();
  await bootstrap.stage([message]);
  await bootstrap.swap(position(1), []);
  expect(got).toEqual([message]);
});

it('what can not be serialised is refused before anything is staged', async () => {
  const bootstrap = await take();
  await expect(bootstrap.stage(['a', () => undefined])).rejects.toBeInstanceOf(InvalidConfiguration);
  await bootstrap.swap(position(1), []);
  expect(got).toEqual([]);
});

it('I2, I5: each message takes effect once, with the position', async () => {
  const { term } = await take().then(async (bootstrap) => (await bootstrap.swap(position(1), []), bootstrap));
  expect(await replica.apply(term, [step(1, 'a', 'b')])).toEqual(['applied']);
  expect(await replica.apply(term, [step(1, 'a', 'b')])).toMatchObject([{ moved: { through: '2' } }]);
  expect(values()).toEqual(['a', 'b']);
});

it("a handler that throws rolls back everything, in apply and in swap, and isn't tried again", async () => {
  const { term } = await take().then(async (bootstrap) => (await bootstrap.swap(position(1), []), bootstrap));
  fail = (message) => {
    if (message === 'bad') throw new RangeError('mine');
  };
  await expect(replica.apply(term, [step(1, 'a'), step(2, 'bad')])).rejects.toMatchObject({
    code: 'HANDLER_FAILED',
    retryable: false,
    cause: new RangeError('mine'),
  });
  expect(values()).toEqual([]);
  expect(await replica.load()).toMatchObject({ state: 'ready', position: position(1) });

  await replica.apply(term, [step(1, 'kept')]);
  const bootstrap = await take();
  await bootstrap.stage(['x', 'bad']);
  await expect(bootstrap.swap(position(5), [])).rejects.toMatchObject({ code: 'HANDLER_FAILED' });
  expect(values()).toEqual(['kept']);
  expect(await replica.load()).toMatchObject({ state: 'bootstrapping', position: position(2) });
});

it.each<[string, (message: Message) => unknown]>([
  ['is asynchronous', () => Promise.resolve()],
  ['ends the transaction', () => db.exec('rollback')],
])('a handler that %s is refused', async (_, misuse) => {
  const { term } = await take().then(async (bootstrap) => (await bootstrap.swap(position(1), []), bootstrap));
  fail = misuse;
  await expect(replica.apply(term, [step(1, 'a')])).rejects.toBeInstanceOf(InvalidConfiguration);
  expect(values()).toEqual([]);
  expect(await replica.load()).toMatchObject({ position: position(1) });
});

it('so it is by a driver that cannot tell whether a transaction is open', async () => {
  const { term } = await take().then(async (bootstrap) => (await bootstrap.swap(position(1), []), bootstrap));
  const blind: SqliteDatabase = {
    exec: (sql) => db.exec(sql),
    prepare: (sql) => db.prepare(sql),
    close: () => db.close(),
  };
  const same = sqliteReplica<Message>(blind, {
    name: 'own',
    clear: () => undefined,
    apply(tx, message) {
      tx.prepare('insert into n values (?)').run(String(message));
      if (message === 'rollback') tx.exec('rollback');
    },
  });
  await expect(same.apply(term, [step(1, 'rollback')])).rejects.toBeInstanceOf(InvalidConfiguration);
  expect(await replica.load()).toMatchObject({ position: position(1) });
  expect(await same.apply(term, [step(1, 'a')])).toEqual(['applied']);
  expect(values()).toEqual(['a']);
});

it('replicas in one file are told apart by name, and a name is needed', async () => {
  await (await take()).swap(position(1), []);
  const handlers = { clear: () => undefined, apply: () => undefined };
  expect(await sqliteReplica(db, { name: 'other', ...handlers }).load()).toMatchObject({ term: 0, state: 'empty' });
  expect(() => sqliteReplica(db, { name: '', ...handlers })).toThrow(InvalidConfiguration);
});
