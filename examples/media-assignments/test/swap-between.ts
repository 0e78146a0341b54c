import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Broker } from '../../support/src/broker-log';
import { openDatabase } from '../../support/src/database';
import { replicaRows, sourceRows } from '../src/compare-rows';
import { followY } from '../src/x-log';
import { assignmentsPipeline } from '../src/x-pipeline';
import { openY, type YService } from '../src/y-service';

const deadlineMs = 30_000;

let dir: string;
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'tidemark-swap-'))));
afterEach(() => rmSync(dir, { recursive: true }));

/** Y on this log, while `work` is done. */
async function withY(broker: Broker | undefined, work: (y: YService, url: string) => Promise<void>): Promise<void> {
  const y = openY(join(dir, 'y.db'), broker);
  const server: Server = createServer(y.handle);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  try {
    await work(y, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
    await y.close();
  }
}

async function write(url: string, id: string, percent: number): Promise<void> {
  const body = { id, media: 'trailer', assignee: 'mia', role: 'edit', minutes: 90, due: null };
  await fetch(`${url}/assignments`, { method: 'POST', body: JSON.stringify(body) });
  await fetch(`${url}/assignments/${id}`, { method: 'PUT', body: JSON.stringify({ percent }) });
}

/** Runs X on this log until it has what Y has; why it needed a new snapshot. */
async function runX(y: YService, url: string, broker: Broker | undefined): Promise<readonly string[]> {
  const db = openDatabase(join(dir, 'x.db'));
  const followed = followY({ url, broker: broker && { ...broker, group: broker.topic, sessionTimeoutMs: 6_000 } });
  const pipeline = assignmentsPipeline(followed, db);
  const refetches: string[] = [];
  pipeline.subscribe((event) => {
    if (event.type === 'mustRefetch') refetches.push(event.reason);
  });
  try {
    await pipeline.caughtUp({ timeoutMs: deadlineMs });
    await pipeline.waitFor(await y.head(), { timeoutMs: deadlineMs });
  } finally {
    await pipeline.stop();
    await followed.close();
    db.close();
  }
  return refetches;
}

const work = () => [...replicaRows(join(dir, 'x.db'))].sort((a, b) => (a.workId < b.workId ? -1 : 1));
const should = () => [...sourceRows(join(dir, 'y.db'))];

/** A log that Y may have; `undefined`: its own. */
type YLog = () => Promise<Broker | undefined>;

/** There and back again: the same for any two logs. */
export function swapsBetween(one: YLog, other: YLog): void {
  it("I7: another log is another expression: X's position is changed, one new snapshot, and on from there; and back", async () => {
    const [first, second] = [await one(), await other()];
    await withY(first, async (y, url) => {
      await write(url, '1', 50);
      await write(url, '2', 50);
      expect(await runX(y, url, first)).toEqual([]);
      await write(url, '2', 70);
    });
    await withY(second, async (y, url) => {
      await fetch(`${url}/assignments/1`, { method: 'DELETE' });
      expect(await runX(y, url, second)).toEqual(['changed']);
      expect(work()).toEqual(should());
      await write(url, '3', 20);
      expect(await runX(y, url, second)).toEqual([]);
      expect(work()).toEqual(should());
    });
    await withY(first, async (y, url) => {
      await write(url, '3', 90);
      expect(await runX(y, url, first)).toEqual(['changed']);
      expect(work()).toEqual(should());
    });
  });

  it('I7: a snapshot at positions of another log is refused', async () => {
    const [first, second] = [await one(), await other()];
    await withY(first, async (_, url) => {
      await write(url, '1', 50);
      const db = openDatabase(join(dir, 'x.db'));
      const followed = followY({ url, broker: second && { ...second, group: second.topic } });
      const pipeline = assignmentsPipeline(followed, db);
      await expect(pipeline.run()).rejects.toMatchObject({ code: 'SOURCE_MISMATCH' });
      await followed.close();
      db.close();
    });
  });
}

/** Y's own. */
export const embedded: YLog = () => Promise.resolve(undefined);
