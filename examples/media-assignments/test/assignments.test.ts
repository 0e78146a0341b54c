import { createServer, type Server } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { covers, fromToken, type Position } from '@tidemark/core';
import { type Database, openDatabase } from '../../support/src/database';
import { replicaRows, sourceRows, toldAgain } from '../src/compare-rows';
import { followY } from '../src/x-log';
import { assignmentsPipeline } from '../src/x-pipeline';
import { openY, type YService } from '../src/y-service';

const deadlineMs = 10_000;

let dir: string;
let y: YService;
let server: Server;
let url: string;
let db: Database;
let told: Position;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'tidemark-media-'));
  y = openY(join(dir, 'y.db'));
  db = openDatabase(join(dir, 'x.db'));
  server = createServer(y.handle);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((closed) => server.close(closed));
  await y.close();
  db.close();
  rmSync(dir, { recursive: true });
});

async function call(method: string, path: string, body?: object): Promise<Response> {
  const response = await fetch(url + path, { method, ...(body && { body: JSON.stringify(body) }) });
  const token = response.headers.get('tidemark-position');
  if (token !== null) told = fromToken(token);
  return response;
}

const create = (id: string, media: string, role = 'edit') =>
  call('POST', '/assignments', { id, media, assignee: 'mia', role, minutes: 90, due: null });

/** Runs X until its replica includes what Y has answered last. */
async function runX(): Promise<void> {
  const pipeline = assignmentsPipeline(followY({ url }), db);
  const end = Date.now() + deadlineMs;
  const running = pipeline.run();
  await pipeline.caughtUp({ timeoutMs: deadlineMs });
  for (;;) {
    const position = await pipeline.position();
    if (position !== undefined && covers(position, told)) break;
    if (Date.now() > end) throw new Error('X has not caught up within the deadline');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await pipeline.stop();
  await running;
}

const work = () => [...replicaRows(join(dir, 'x.db'))].sort((a, b) => (a.workId < b.workId ? -1 : 1));

it('I2: X holds its own model of what Y holds, each update applied once, over a restart too', async () => {
  await create('1', 'trailer');
  await create('2', 'trailer', 'subtitle');
  await create('3', 'feature', 'review');
  await call('PUT', '/assignments/1', { percent: 50 });
  await runX();
  const mia = { worker: 'mia', due: null };
  expect(work()).toEqual([
    {
      workId: 'y/1',
      ...mia,
      task: 'cut trailer',
      state: 'started',
      minutesLeft: 45,
      revision: 2,
      version: 4,
      effects: 2,
    },
    {
      workId: 'y/2',
      ...mia,
      task: 'subtitle trailer',
      state: 'open',
      minutesLeft: 90,
      revision: 1,
      version: 2,
      effects: 1,
    },
    {
      workId: 'y/3',
      ...mia,
      task: 'watch feature',
      state: 'open',
      minutesLeft: 90,
      revision: 1,
      version: 3,
      effects: 1,
    },
  ]);

  await call('PUT', '/assignments/1', { percent: 100 });
  await call('PUT', '/assignments/3', { assignee: 'tom', due: '2018-05-14' });
  await call('DELETE', '/assignments/2');
  await create('4', 'feature');
  await runX();
  expect(work()).toEqual([
    { workId: 'y/1', ...mia, task: 'cut trailer', state: 'done', minutesLeft: 0, revision: 3, version: 5, effects: 3 },
    {
      ...{ workId: 'y/3', worker: 'tom', due: '2018-05-14', task: 'watch feature' },
      ...{ state: 'open', minutesLeft: 90, revision: 2, version: 6, effects: 2 },
    },
    { workId: 'y/4', ...mia, task: 'cut feature', state: 'open', minutesLeft: 90, revision: 1, version: 8, effects: 1 },
  ]);
  expect([...sourceRows(join(dir, 'y.db'))]).toEqual(work());
});

it('serves the state of one media when asked for it', async () => {
  await create('1', 'trailer');
  await create('2', 'feature');
  const frames = (await (await call('GET', '/snapshot?media=feature')).text()).trim().split('\n');
  const parsed = frames.map((frame) => JSON.parse(frame) as { type: string; scope?: string; rows?: { id: string }[] });
  expect(parsed.map(({ type }) => type)).toEqual(['start', 'rows', 'end']);
  expect(parsed[0]?.scope).toBe('media=feature');
  expect(parsed[1]?.rows?.map(({ id }) => id)).toEqual(['2']);
});

it('says what it refuses', async () => {
  await create('1', 'trailer');
  expect((await create('1', 'trailer')).status).toBe(409);
  expect((await call('POST', '/assignments', { id: '2' })).status).toBe(400);
  expect((await call('PUT', '/assignments/1', { percent: 'half' })).status).toBe(400);
  expect((await call('PUT', '/assignments/9', { percent: 1 })).status).toBe(404);
  expect((await call('DELETE', '/assignments/9')).status).toBe(404);
  expect((await call('PATCH', '/assignments/1')).status).toBe(405);
  expect(await (await call('GET', '/assignments?media=trailer')).json()).toMatchObject([
    { id: '1', writes: 1, version: 1 },
  ]);
  expect(await (await call('GET', '/assignments/1')).json()).toMatchObject({ media: 'trailer', percent: 0 });
});

it('I2: an update that took effect twice would show', async () => {
  await create('1', 'trailer');
  await runX();
  const upsert = db.prepare(
    `insert into work (workId, worker, task, state, minutesLeft, revision, version, heard)
     values ('y/1', 'mia', 'cut trailer', 'open', 90, 2, 2, 'update')
     on conflict (workId) do update set revision = excluded.revision where revision is not excluded.revision`,
  );
  upsert.run();
  upsert.run();
  expect(work()).toMatchObject([{ revision: 2, effects: 3 }]);
});

it('an update that the snapshot had already has no effect, and is counted apart', async () => {
  await create('1', 'trailer');
  await call('PUT', '/assignments/1', { percent: 50 });
  await runX();
  const again = (version: number) =>
    db.exec(
      `insert into work (workId, worker, task, state, minutesLeft, revision, version, heard)
       values ('y/1', 'mia', 'cut trailer', 'open', 90, ${version}, ${version}, 'update')
       on conflict (workId) do update set revision = excluded.revision where excluded.version >= version`,
    );
  again(1);
  again(2);
  expect(work()).toMatchObject([{ revision: 2, version: 2, effects: 2 }]);
  expect(toldAgain(join(dir, 'x.db'))).toBe(2);
});
