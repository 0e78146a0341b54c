import { beginning, FencedOut, type Replica } from '@tidemark/core';
import { sqliteLog, sqliteReplica } from '../src';
import { type TestDatabase, TestFile } from './database';
import { position } from './positions';
import { Worker } from './worker';

jest.setTimeout(60_000);

interface Add {
  readonly partition: string;
  readonly add: number;
}

let file: TestFile;
let db: TestDatabase;
let workers: Worker[];
beforeEach(() => {
  file = new TestFile();
  db = file.connect();
  db.exec(
    'create table total (partition text primary key, n integer); create table written (id integer primary key, value text)',
  );
  workers = [];
});
afterEach(async () => {
  for (const worker of workers) await worker.kill();
  file.close();
});

const start = (...of: ConstructorParameters<typeof Worker>): Worker => {
  const worker = new Worker(...of);
  workers.push(worker);
  return worker;
};
const kill = async (worker: Worker): Promise<void> => {
  workers = workers.filter((other) => other !== worker);
  await worker.kill();
};
const replica = (): Replica<Add> =>
  sqliteReplica<Add>(db, {
    name: 'total',
    clear: (tx) => tx.exec('delete from total'),
    apply: (tx, { partition, add }) =>
      void tx
        .prepare('insert into total values (?, ?) on conflict do update set n = n + excluded.n')
        .run(partition, add),
  });
const totals = (): Record<string, number> => {
  const rows = db.prepare('select partition, n from total').all() as { partition: string; n: number }[];
  return Object.fromEntries(rows.map(({ partition, n }) => [partition, n]));
};

it('I2: two processes on one file, killed over and over, apply each record exactly once', async () => {
  const follower = async (): Promise<Worker> => {
    const worker = start('follow', file.path);
    await worker.said('following');
    return worker;
  };
  let [a, b] = await Promise.all([follower(), follower()]);
  for (let round = 0; round < 6; round++) {
    await kill(a);
    if (round % 3 === 2) {
      await kill(b);
      b = await follower();
    }
    [a, b] = [b, await follower()];
  }
  await kill(a);
  await kill(b);
  const stored = await replica().load();
  if (stored.state !== 'ready') throw new Error(`not ready but ${stored.state}`);
  const marks = [...stored.position.offsets];
  expect(totals()).toEqual(Object.fromEntries(marks.map(({ partition, through }) => [partition, Number(through)])));
  expect(totals()['0']).toBeGreaterThan(100);
});

it('I6: a bootstrapper killed while staging shows nothing, and its staging is resumed through the token', async () => {
  const worker = start('stage', file.path);
  await worker.said('staged');
  const seen = await replica().load();
  expect(seen).toMatchObject({ state: 'bootstrapping', term: 1 });
  await kill(worker);
  expect(totals()).toEqual({});
  const bootstrap = await replica().take(seen, { pipeline: 'p' });
  expect(bootstrap.resume).toBe('after-0');
  await bootstrap.stage([{ partition: '1', add: 4 }]);
  await bootstrap.swap(position(0), []);
  expect(totals()).toEqual({ '0': 3, '1': 4 });
});

it('I6: killed in the middle of the swap, the old rows and the old position stay', async () => {
  const first = await replica().take(await replica().load(), { pipeline: 'p' });
  await first.stage([{ partition: '0', add: 7 }]);
  await first.swap(position(5), []);
  const worker = start('swap', file.path);
  await worker.said('swapping');
  expect(totals()).toEqual({ '0': 7 });
  await kill(worker);
  expect(totals()).toEqual({ '0': 7 });
  const stored = await replica().load();
  expect(stored).toMatchObject({ state: 'bootstrapping', term: 2, position: position(5) });
  await expect(replica().apply(1, [])).rejects.toBeInstanceOf(FencedOut);
  const bootstrap = await replica().take(stored, { pipeline: 'p' });
  await bootstrap.giveBack();
  expect(await replica().load()).toMatchObject({ state: 'ready', term: 3, position: position(5) });
});

it('I1: a writer killed over and over leaves a record for each row, and no other', async () => {
  for (let round = 0; round < 5; round++) {
    const pair = [start('append', file.path), start('append', file.path)];
    await Promise.all(pair.map((worker) => worker.said('appending')));
    for (const worker of pair) await kill(worker);
  }
  const log = sqliteLog(db, { reader: () => file.connect(), topics: { rows: { partitions: 2 } } });
  const signal = new AbortController().signal;
  const source = log.snapshot({ rows: (_, reader) => reader.prepare('select value from written').iterate() });
  const snapshot = await source.open({ signal });
  const rows: string[] = [];
  for await (const chunk of snapshot.chunks)
    rows.push(...(chunk.rows as { value: string }[]).map(({ value }) => value));
  const records: string[] = [];
  for (const { topic, partition, through } of snapshot.position.offsets) {
    for (let at = beginning; at !== through;) {
      const page = await log.page({ topic, partition }, at, { wait: false, signal });
      if ('lost' in page) throw new Error(page.lost);
      records.push(...page.records.map(({ value }) => Buffer.from(value!).toString()));
      at = page.through;
    }
  }
  await log[Symbol.asyncDispose]();
  expect(rows.length).toBeGreaterThan(100);
  expect(records.sort()).toEqual(rows.sort());
});
