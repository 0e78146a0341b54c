import { DatabaseSync } from '@photostructure/sqlite';
import { applyTo, type PagedLog, type SnapshotSource, snapshotThenSubscribe, translate } from '@tidemark/core';
import { fileSnapshot, httpFeed, httpSnapshot, serveFeed, serveSnapshot, writeSnapshotFile } from '@tidemark/http';
import { sqliteLog, type SqliteLog, sqliteReplica } from '@tidemark/sqlite';
import * as t from 'io-ts';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../chaos/process';

type Database = InstanceType<typeof DatabaseSync>;

const Work = t.type({ id: t.string, media: t.string, percent: t.number });
type Work = t.TypeOf<typeof Work>;
const Update = t.union([Work, t.type({ gone: t.string })]);

/** Media assignments: a pipeline follows one media's part of the state. */
let directory: string;
let a: Database;
let log: SqliteLog<'work'>;
let server: Server;
let whole: SnapshotSource;
const closes: (() => unknown)[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemark-subset-'));
  a = connect('a.db');
  a.exec('create table work (id text primary key, media text not null, percent integer not null)');
  log = sqliteLog(a, { reader: () => connect('a.db'), topics: { work: { partitions: 2 } } });
  whole = log.snapshot({
    work: (query, reader) => {
      const media = query.get('media');
      return media === null
        ? reader.prepare('select * from work order by id').iterate()
        : reader.prepare('select * from work where media = ? order by id').iterate(media);
    },
  });
  const [snapshot, feed] = [serveSnapshot(whole), serveFeed(log as PagedLog, { longPollMs: 500 })];
  server = createServer((req, res) => (req.url?.startsWith('/snapshot') ? snapshot : feed).node(req, res));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  for (let i = 0; i < 40; i++) set({ id: `w${i}`, media: i % 2 === 0 ? '42' : '43', percent: i });
});
afterEach(async () => {
  for (const close of closes.splice(0).reverse()) await close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await log[Symbol.asyncDispose]();
  a.close();
  await rm(directory, { recursive: true, force: true });
});

function connect(name: string): Database {
  const db = new DatabaseSync(join(directory, name), { timeout: 5_000 });
  db.exec('pragma journal_mode = wal');
  return db;
}

function set(work: Work): void {
  a.exec('begin immediate');
  a.prepare('insert or replace into work values (?, ?, ?)').run(work.id, work.media, work.percent);
  log.append('work', [{ key: work.id, value: JSON.stringify(work) }]);
  a.exec('commit');
}

function remove(id: string): void {
  a.exec('begin immediate');
  a.prepare('delete from work where id = ?').run(id);
  log.append('work', [{ key: id, value: JSON.stringify({ gone: id }) }]);
  a.exec('commit');
}

const ofMedia = (media: string) => a.prepare('select * from work where media = ? order by id').all(media) as Work[];

/** B's table; several replicas, each of one media, may share it. */
function tableOf(name: string): Database {
  const db = connect(name);
  closes.push(() => db.close());
  db.exec('create table if not exists mine (id text primary key, media text not null, percent integer not null)');
  return db;
}

const rowsOf = (db: Database, media?: string): Work[] =>
  (media === undefined
    ? db.prepare('select * from mine order by id').all()
    : db.prepare('select * from mine where media = ? order by id').all(media)) as Work[];

/** Rows come within the scope; updates come of everything, and those outside of the scope are filtered: they may have left it. */
function pipelineOf(db: Database, media: string, options: { name?: string; snapshot?: SnapshotSource } = {}) {
  const { port } = server.address() as AddressInfo;
  const name = options.name ?? 'work';
  const pipeline = snapshotThenSubscribe({
    name,
    scope: `media=${media}`,
    snapshot: options.snapshot ?? httpSnapshot(`http://127.0.0.1:${port}/snapshot`),
    transport: httpFeed(`http://127.0.0.1:${port}`, { topics: ['work'] }),
    decode: { work: { row: Work, update: Update } },
    times: { takeoverMs: 800, beatMs: 100, watchMs: 20, aheadMs: 500, retryMs: 100 },
  }).pipe(
    translate(({ value }) =>
      'gone' in value ? { drop: value.gone } : value.media === media ? { keep: value } : { drop: value.id },
    ),
    applyTo(
      sqliteReplica<{ keep: Work } | { drop: string }, Database>(db, {
        name,
        clear: (tx, scope) => {
          const of = new URLSearchParams(scope).get('media');
          tx.prepare('delete from mine where media = ?').run(of);
        },
        apply: (tx, message) => {
          if ('keep' in message) {
            const { id, media: of, percent } = message.keep;
            tx.prepare('insert or replace into mine values (?, ?, ?)').run(id, of, percent);
          } else tx.prepare('delete from mine where id = ? and media = ?').run(message.drop, media);
        },
      }),
    ),
  );
  const told: { type: string; reason?: string }[] = [];
  let error: unknown;
  pipeline.subscribe({ next: (event) => told.push(event), error: (thrown: unknown) => (error = thrown) });
  closes.push(() => pipeline.stop());
  return { pipeline, told, error: () => error, count: (type: string) => told.filter((e) => e.type === type).length };
}

const same = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other);

it('one media’s part of the state, then its changes: what moves in comes, what moves out goes', async () => {
  const db = tableOf('b.db');
  const { pipeline } = pipelineOf(db, '42');
  await pipeline.caughtUp({ timeoutMs: 20_000 });
  expect(rowsOf(db)).toEqual(ofMedia('42'));
  expect(rowsOf(db)).toHaveLength(20);
  set({ id: 'w0', media: '42', percent: 77 });
  set({ id: 'w1', media: '43', percent: 78 });
  set({ id: 'w2', media: '43', percent: 79 }); // moves out
  set({ id: 'w3', media: '42', percent: 80 }); // moves in
  set({ id: 'new', media: '42', percent: 1 });
  remove('w4');
  remove('w5');
  await until('B equals A within the scope', () => same(rowsOf(db), ofMedia('42')));
  expect(rowsOf(db).map(({ id }) => id)).toEqual(expect.arrayContaining(['new', 'w0', 'w3']));
});

it('I6: a re-snapshot deletes what vanished within the scope, and touches nothing outside of it', async () => {
  const db = tableOf('b.db');
  const first = pipelineOf(db, '42', { name: 'of-42' });
  const other = pipelineOf(db, '43', { name: 'of-43' });
  await first.pipeline.caughtUp({ timeoutMs: 20_000 });
  await other.pipeline.caughtUp({ timeoutMs: 20_000 });
  expect(rowsOf(db)).toHaveLength(40);
  await first.pipeline.stop();
  await other.pipeline.stop();
  for (let i = 0; i < 20; i++) remove(`w${i}`);
  log.trim('work', { partition: '0', keep: 0 });
  log.trim('work', { partition: '1', keep: 0 });
  const again = pipelineOf(db, '42', { name: 'of-42' });
  await again.pipeline.caughtUp({ timeoutMs: 20_000 });
  expect(again.told.find(({ type }) => type === 'mustRefetch')).toMatchObject({ reason: 'expired' });
  expect(rowsOf(db, '42')).toEqual(ofMedia('42'));
  expect(rowsOf(db, '42')).toHaveLength(10);
  expect(rowsOf(db, '43')).toHaveLength(20); // theirs, still to come
});

it('another scope is another snapshot: a start takes it, and who followed the old one stops', async () => {
  const db = tableOf('b.db');
  const old = pipelineOf(db, '42');
  await old.pipeline.caughtUp({ timeoutMs: 20_000 });
  const second = connect('b.db');
  closes.push(() => second.close());
  const next = pipelineOf(second, '43');
  await until('the old one has stopped', () => old.error() !== undefined);
  expect(old.error()).toMatchObject({ code: 'PIPELINE_SUPERSEDED' });
  await next.pipeline.caughtUp({ timeoutMs: 20_000 });
  expect(next.told.find(({ type }) => type === 'mustRefetch')).toMatchObject({ reason: 'pipelineChanged' });
  expect(rowsOf(db)).toEqual(ofMedia('43')); // and nothing of the old scope
});

it('the parts may lie in files, one a scope; the wrong one is refused before any row', async () => {
  const file = (scope: string | undefined) => join(directory, scope === 'media=42' ? '42.ndjson' : 'other.ndjson');
  await writeSnapshotFile(whole, file('media=42'), { scope: 'media=42' });
  await writeSnapshotFile(whole, file('media=43'), { scope: 'media=43' });
  set({ id: 'w0', media: '42', percent: 55 });
  const db = tableOf('b.db');
  const { pipeline } = pipelineOf(db, '42', { snapshot: fileSnapshot(file) });
  await pipeline.caughtUp({ timeoutMs: 20_000 });
  expect(rowsOf(db)).toEqual(ofMedia('42'));

  const wrong = pipelineOf(tableOf('c.db'), '44', { snapshot: fileSnapshot(file) });
  await until('it is refused', () => wrong.error() !== undefined);
  expect(wrong.error()).toMatchObject({ code: 'SNAPSHOT_REJECTED' });
  expect(wrong.count('snapshotStart')).toBe(0);
});
