import { applyTo, type Pipeline, snapshotThenSubscribe, translate } from '@tidemark/core';
import * as t from 'io-ts';
import { copyFileSync } from 'node:fs';
import { type SqliteDatabase, sqliteLog, sqliteReplica } from '../src';
import { TestFile } from './database';

/* What happens to a database beside crashes, to a whole pipeline: additive effects, so that a double or a loss shows. */

const Step = t.type({ id: t.string, n: t.number, text: t.string });

let a: TestFile;
let b: TestFile;
let running: Pipeline<t.TypeOf<typeof Step>>[] = [];
beforeEach(() => {
  [a, b] = [new TestFile(), new TestFile()];
  running = [];
});
afterEach(async () => {
  await Promise.all(running.map((pipeline) => pipeline.stop()));
  a.close();
  b.close();
});

/** A: sums by id, and a log of what was added. */
function serviceA() {
  const db = a.connect();
  db.exec('create table total (id text primary key, n integer)');
  const log = sqliteLog(db, { reader: () => a.connect({ readOnly: true }), topics: { steps: { partitions: 2 } } });
  const add = (id: string, n: number, text = '') => {
    db.exec('begin immediate');
    db.prepare('insert into total values (?, ?) on conflict (id) do update set n = n + excluded.n').run(id, n);
    log.append('steps', [{ key: id, value: JSON.stringify({ id, n, text }) }]);
    db.exec('commit');
  };
  const select = "select id, n, '' as text from total";
  return {
    log,
    add,
    snapshot: log.snapshot({ steps: (_, reader) => reader.prepare(select).iterate() as Iterable<object> }),
    totals: () => totalsOf(db, 'total'),
  };
}

/** B: adds up what it hears, and keeps every text. */
function serviceB({ log, snapshot }: ReturnType<typeof serviceA>) {
  const db = b.connect();
  db.exec(
    'create table if not exists sum (id text primary key, n integer); create table if not exists said (text text)',
  );
  const pipeline = snapshotThenSubscribe({
    name: 'sums',
    snapshot,
    transport: log,
    decode: { steps: { row: Step, update: Step } },
    times: { watchMs: 20, retryMs: 50 },
  }).pipe(
    translate((m) => m.value),
    applyTo(
      sqliteReplica<t.TypeOf<typeof Step>>(db, {
        name: 'sums',
        clear: (tx) => tx.exec('delete from sum; delete from said'),
        apply: (tx, { id, n, text }) => {
          tx.prepare('insert into sum values (?, ?) on conflict (id) do update set n = n + excluded.n').run(id, n);
          tx.prepare('insert into said values (?)').run(text);
        },
      }),
    ),
  );
  running.push(pipeline);
  return { db, pipeline, totals: () => totalsOf(db, 'sum') };
}

const totalsOf = (db: SqliteDatabase, table: string) =>
  new Map((db.prepare(`select id, n from ${table}`).all() as { id: string; n: number }[]).map(({ id, n }) => [id, n]));

const deadline = { timeoutMs: 10_000 };

it('I1, I2, I5: a disk that is full is told, nothing is acknowledged, and it goes on once there is room', async () => {
  const from = serviceA();
  from.add('x', 1);
  const { db, pipeline, totals } = serviceB(from);
  const told: string[] = [];
  let full: () => void = () => undefined;
  const isFull = new Promise<void>((resolve) => (full = resolve));
  pipeline.subscribe((event) => {
    if (event.type !== 'trouble') return;
    told.push(event.error.message);
    full();
  });
  await pipeline.caughtUp(deadline);
  const before = await pipeline.position();
  const { page_count: pages } = db.prepare('pragma page_count').get() as { page_count: number };
  db.exec(`pragma max_page_count = ${pages}`);
  for (let i = 0; i < 20; i++) from.add('y', i, 'z'.repeat(10_000));
  await isFull;
  expect(told[0]).toContain('the disk is full');
  expect(totals()).toEqual(new Map([['x', 1]]));
  expect(await pipeline.position()).toEqual(before);
  db.exec('pragma max_page_count = 1000000');
  await pipeline.waitFor(await from.log.locate('head', new AbortController().signal), deadline);
  expect(totals()).toEqual(from.totals());
});

it('I1, I2: a database that was restored from a backup goes on from its own position', async () => {
  const from = serviceA();
  for (let i = 0; i < 10; i++) from.add(`k${i % 3}`, i);
  const first = serviceB(from);
  first.pipeline.subscribe();
  await first.pipeline.caughtUp(deadline);
  from.add('k0', 100);
  await first.pipeline.waitFor(await from.log.locate('head', new AbortController().signal), deadline);
  await first.pipeline.stop();
  first.db.exec('pragma wal_checkpoint(truncate)');
  const backup = `${b.path}.backup`;
  copyFileSync(b.path, backup);

  const second = serviceB(from);
  second.pipeline.subscribe();
  for (let i = 0; i < 10; i++) from.add(`k${i % 3}`, 1_000 + i);
  await second.pipeline.waitFor(await from.log.locate('head', new AbortController().signal), deadline);
  expect(second.totals()).toEqual(from.totals());
  await second.pipeline.stop();
  second.db.exec('pragma wal_checkpoint(truncate)');
  first.db.close();
  second.db.close();
  copyFileSync(backup, b.path);

  from.add('k1', 10_000);
  const third = serviceB(from);
  const snapshots: string[] = [];
  third.pipeline.subscribe(({ type }) => {
    if (type === 'snapshotStart') snapshots.push(type);
  });
  await third.pipeline.waitFor(await from.log.locate('head', new AbortController().signal), deadline);
  expect(third.totals()).toEqual(from.totals());
  expect(snapshots).toEqual([]);
});
