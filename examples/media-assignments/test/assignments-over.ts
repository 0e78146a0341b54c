import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { covers, type Locator, type Log } from '@tidemark/core';
import { serveSnapshot } from '@tidemark/http';
import { type Broker, brokerLog } from '../../support/src/broker-log';
import { type Database, openDatabase } from '../../support/src/database';
import { replicaRows, sourceRows, toldAgain } from '../src/compare-rows';
import { followY } from '../src/x-log';
import { assignmentsPipeline } from '../src/x-pipeline';
import { workSchema } from '../src/x-schema';
import { outboxLog } from '../src/y-outbox-log';
import { AssignmentStore } from '../src/y-store';
import { type UpdatesLog } from '../src/y-updates-log';

const deadlineMs = 30_000;

/** Y and X over a broker, with a topic of their own: the same for each of them. */
export function assignmentsOver(createTopic: () => Promise<Broker>): void {
  let broker: Broker;
  let dir: string;
  let yDb: Database;
  let xDb: Database;
  let y: UpdatesLog;
  let store: AssignmentStore;
  let server: Server;
  /** That Y was asked for. */
  let snapshots: number;
  /** What Y writes just before, and just after, it locates its log's head for a snapshot. */
  let writing: { readonly before: () => Promise<unknown>; readonly after: () => Promise<unknown> } | undefined;

  /** The log of a broker, whose head is located at the worst of times. */
  function slowly(log: Log<'assignments'>): Log<'assignments'> {
    const locate: Locator['locate'] = async (point, signal) => {
      const now = writing;
      writing = undefined;
      await now?.before();
      const position = await log.locate(point, signal);
      await now?.after();
      return position;
    };
    return { ...log, locate, [Symbol.asyncDispose]: () => log[Symbol.asyncDispose]() };
  }

  beforeAll(async () => {
    broker = await createTopic();
  });

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'tidemark-media-broker-'));
    const open = () => openDatabase(join(dir, 'y.db'));
    [yDb, xDb] = [open(), openDatabase(join(dir, 'x.db'))];
    y = outboxLog(yDb, open, slowly(brokerLog(broker, 'assignments')));
    store = new AssignmentStore(yDb, y.announce);
    const served = serveSnapshot(y.snapshots);
    snapshots = 0;
    server = createServer((req, res) => {
      snapshots++;
      served.node(req, res);
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  });

  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
    await y.close();
    yDb.close();
    xDb.close();
    rmSync(dir, { recursive: true });
  });

  const create = (id: string) =>
    store.create({ id, media: 'trailer', assignee: 'mia', role: 'edit', minutes: 90, due: null });

  /** Runs X until it has everything that Y has published. */
  async function runX(group: string): Promise<void> {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const followed = followY({ url, broker: { ...broker, group, sessionTimeoutMs: 6_000 } });
    const pipeline = assignmentsPipeline(followed, xDb);
    const running = pipeline.run();
    await pipeline.caughtUp({ timeoutMs: deadlineMs });
    const head = await y.head();
    await pipeline.waitFor(head, { timeoutMs: deadlineMs });
    const position = await pipeline.position();
    expect(position !== undefined && covers(position, head)).toBe(true);
    await pipeline.stop();
    await running;
    await followed.close();
  }

  const work = () => [...replicaRows(join(dir, 'x.db'))].sort((a, b) => (a.workId < b.workId ? -1 : 1));
  const should = () => [...sourceRows(join(dir, 'y.db'))];

  it('I1, I2: updates between the head and the rows come again, and no row goes back to an older one', async () => {
    xDb.exec(`${workSchema}
    create temp table went_back (workId text);
    create temp trigger back after update on work when new.version < old.version begin
      insert into went_back values (new.workId);
    end;`);
    for (const id of ['1', '2', '3', '4']) create(id);
    await y.head();
    writing = {
      before: () => {
        store.change('4', { percent: 10 });
        return y.head(); // it is published
      },
      after: () => {
        store.change('1', { percent: 50 });
        store.change('1', { percent: 60 });
        store.cancel('2');
        store.cancel('3');
        create('3');
        create('5');
        return y.head();
      },
    };
    await runX(`${broker.topic}-overlap`);
    expect(work()).toEqual(should());
    expect(work().map(({ workId, effects }) => `${workId} ${effects}`)).toEqual(['y/1 3', 'y/3 1', 'y/4 2', 'y/5 1']);
    expect(toldAgain(join(dir, 'x.db'))).toBeGreaterThan(0);
    expect(xDb.prepare('select * from went_back').all()).toEqual([]);
  });

  it('I2: X goes on where it was, without a snapshot', async () => {
    const group = `${broker.topic}-resumed`;
    create('1');
    await runX(group);
    store.change('1', { percent: 100 });
    store.change('1', { assignee: 'tom' });
    create('6');
    await runX(group);
    expect(work()).toEqual(should());
    expect(snapshots).toBe(1);
  });
}
