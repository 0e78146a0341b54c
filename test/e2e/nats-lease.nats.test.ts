import { DatabaseSync } from '@photostructure/sqlite';
import { headThenRows, type Log } from '@tidemark/core';
import { serveSnapshot } from '@tidemark/http';
import { natsLeases, natsLog } from '@tidemark/nats';
import { connect, type NatsConnection } from 'nats';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { addressOf } from '../brokers/jest/tests';
import { type BLeasedOptions } from '../chaos/b-leased-process';
import { Process, until } from '../chaos/process';
import { ReplicaWatch } from '../chaos/replica-watch';
import { type Database, sourceSchema, thingsIn, thingsOf, updateThing } from '../chaos/things';
import { eventually, same, watchMarks } from './sharing-rounds';

const rounds = 10;
const takeoverMs = 10_000;

interface Instance {
  readonly name: string;
  readonly b: Process;
}

let directory: string;
let file: string;
let name: string;
let connection: NatsConnection;
let log: Log<'things'>;
let leases: ReturnType<typeof natsLeases>;
let a: Database;
let server: Server;
let instances: Instance[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemark-lease-'));
  file = join(directory, 'b.db');
  name = basename(directory);
  connection = await connect({ servers: addressOf('nats'), maxReconnectAttempts: -1 });
  const manager = await connection.jetstreamManager();
  await manager.streams.add({ name, subjects: [`${name}.*`] });
  log = natsLog({ connection, topics: { things: { stream: name } } });
  leases = natsLeases({ connection, bucket: name, name: 'things' });
  a = new DatabaseSync(':memory:');
  a.exec(sourceSchema);
  const snapshot = serveSnapshot(headThenRows(log, { things: () => thingsIn(a) }));
  server = createServer((req, res) => snapshot.node(req, res));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  for (const { b } of instances) await b.kill();
  instances = [];
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await leases[Symbol.asyncDispose]();
  await log[Symbol.asyncDispose]();
  const manager = await connection.jetstreamManager();
  for (const stream of [name, `KV_${name}`]) await manager.streams.delete(stream);
  await connection.close();
  a.close();
  await rm(directory, { recursive: true, force: true });
});

function another(): Instance {
  const owner = `i${instances.length + 1}`;
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const options: BLeasedOptions = { url, file, address: addressOf('nats'), stream: name, bucket: name, owner };
  const instance = { name: owner, b: new Process(join(__dirname, '../dist/chaos/b-leased-process.js'), options) };
  instances.push(instance);
  return instance;
}

/** Who reads, as the store tells. */
async function reader(): Promise<string | undefined> {
  const [lease] = await leases.list();
  return lease?.owner?.split('#')[0];
}

/** One update of each of these things. Nothing is written while a snapshot is taken: its rows would hold more than its position says. */
async function write(ids: readonly string[]): Promise<void> {
  await log.publish(
    'things',
    ids.map((id) => ({ key: id, value: JSON.stringify(updateThing(a, id, 1)) })),
  );
}

it('I1, I2, I11: one of two instances reads a stream; it is killed, and the other goes on from exactly there: ten rounds', async () => {
  const ids = Array.from({ length: 60 }, (_, i) => `id-${i}`);
  await write(ids);
  let pair: readonly [Instance, Instance] = [another(), another()];
  await until('somebody has bootstrapped', () => instances.some(({ b }) => b.count('snapshotEnd') > 0));
  const watch = new ReplicaWatch(file);
  const marks = watchMarks(file);
  const over = new AbortController();
  const traffic = (async () => {
    for (let turn = 0; !over.signal.aborted; turn = (turn + 7) % ids.length) {
      await write(ids.slice(turn, turn + 7));
      await pause(5);
    }
  })();

  for (let round = 0; round < rounds; round++) {
    await eventually('one of them reads', async () => (await reader()) !== undefined);
    const owner = await reader();
    const [reading, idle] = pair[0].name === owner ? pair : [pair[1], pair[0]];
    const [reads, idles] = [reading.b.count('updates'), idle.b.count('updates')];
    await until('it goes on', () => reading.b.count('updates') > reads + 5);
    expect([reading.name, idle.b.count('updates')]).toEqual([owner, idles]);
    await reading.b.kill();
    await until('the other one has taken over', () => idle.b.count('updates') > idles, takeoverMs);
    expect(await reader()).toBe(idle.name);
    pair = [idle, another()];
  }

  over.abort();
  await traffic;
  const written = thingsIn(a);
  await until('B equals A', () => same(thingsOf(file), written));
  await until('they have caught up', () => pair.some(({ b }) => b.caughtUp));
  watch.stop();
  marks.stop();
  expect(thingsOf(file)).toEqual(written);
  expect([watch.breaches, marks.backwards]).toEqual([[], []]);
  expect(Math.min(watch.looks, marks.looks())).toBeGreaterThan(100);
  const count = (type: string) => instances.reduce((sum, { b }) => sum + b.count(type), 0);
  expect([count('snapshotEnd'), count('mustRefetch'), count('failed')]).toEqual([1, 0, 0]);
  for (const { b } of pair) await b.stop();
  expect(await reader()).toBeUndefined();
});
