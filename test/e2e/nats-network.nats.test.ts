import {
  applyTo,
  headThenRows,
  liveView,
  type Pipeline,
  type Position,
  SyncError,
  snapshotThenSubscribe,
  translate,
  upsert,
} from '@tidemark/core';
import { type NatsConnection, natsLog } from '@tidemark/nats';
import { eventually, follow, type Reading } from '@tidemark/testkit';
import * as t from 'io-ts';
import * as nats from 'nats';
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { addressOf, itWithOwn } from '../brokers/jest/tests';
import { startNats } from '../brokers/nats';
import { Proxy } from '../chaos/proxy';
import { clientNames, clients, OrderedAlone } from './nats-alone';

/* What a network does to a follower and a publisher that go on in one process: each is connected anew by itself. */

type Log = ReturnType<typeof logOf>;
type Connecting = NatsConnection | (() => Promise<NatsConnection>);

const logOf = (connection: Connecting, stream: string) => natsLog({ connection, topics: { things: { stream } } });

const publish = (by: Log, value: string) => by.publish('things', [{ key: value, value }]);

/** Again and again, while that can help, under one id: stored once. A connection may be given up in mid-request, and made anew. */
async function publishAtLast(by: Log, value: string): Promise<void> {
  for (;;)
    try {
      await by.publish('things', [{ key: value, value, headers: { 'Nats-Msg-Id': value } }]);
      return;
    } catch (error) {
      if (!(error instanceof SyncError && error.retryable)) throw error;
    }
}

/** Everything that a test has opened, closed in the order of `closing`. */
let closing: (() => PromiseLike<unknown>)[];
beforeEach(() => {
  closing = [];
});
afterEach(async () => {
  for (const close of closing.reverse()) await close();
});

function open(connection: Connecting, stream: string): Log {
  const log = logOf(connection, stream);
  closing.push(() => log[Symbol.asyncDispose]());
  return log;
}

async function connected(connecting: Promise<NatsConnection>): Promise<NatsConnection> {
  const connection = await connecting;
  closing.push(() => connection.close());
  return connection;
}

/** A stream of one's own on this server. */
async function streamAt(address: string): Promise<string> {
  const name = `N${randomBytes(6).toString('hex')}`;
  const connection = await nats.connect({ servers: address, maxReconnectAttempts: -1 });
  const { streams } = await connection.jetstreamManager();
  await streams.add({ name, subjects: [`${name}.*`] });
  closing.push(async () => {
    await streams.delete(name).catch(() => undefined); // its server may be gone
    await connection.close();
  });
  return name;
}

async function proxyTo(address: string): Promise<Proxy> {
  const proxy = await Proxy.start();
  proxy.target = Number(address.split(':')[1]);
  closing.push(() => proxy.stop());
  return proxy;
}

function reading(log: Log, beginning: Position): Reading<'things'> {
  const one: Reading<'things'> = follow(log, { from: async () => one.position(beginning) });
  closing.push(() => one.stop());
  return one;
}

const beginningOf = (log: Log) => log.locate('beginning', new AbortController().signal);

it("I1: a message that was swallowed on an idle stream comes at once after the reconnect; to the clients' ordered consumers, when another one comes", async () => {
  const address = addressOf('nats');
  const stream = await streamAt(address);
  const proxy = await proxyTo(address);
  const direct = open(() => clients.nats(address), stream);
  const ours = reading(
    open(() => clients.nats(proxy.address), stream),
    await beginningOf(direct),
  );
  const alone = await Promise.all(clientNames.map((client) => OrderedAlone.read(client, proxy.address, stream)));
  for (const one of alone) closing.push(() => one.stop());
  await publish(direct, 'before');
  await ours.until(({ values }) => values.length === 1, 'it follows');
  for (const { values } of alone) await eventually(() => values.length === 1, 'a client follows');

  proxy.blackHole();
  await publish(direct, 'swallowed');
  await eventually(() => proxy.hits >= 3, 'all three answers to be swallowed');
  proxy.heal();
  proxy.cut();
  await ours.until(({ values }) => values.includes('swallowed'), 'it comes at once', 5_000);
  await pause(4_000); // longer than that: two pulls of a client have ended, and eight of its heartbeats have come
  expect(alone.map(({ values }) => values)).toEqual([['before'], ['before']]);

  await publish(direct, 'later');
  for (const { values } of alone) {
    await eventually(() => values.length === 3, 'it finds out', 20_000);
    expect(values).toEqual(['before', 'swallowed', 'later']);
  }
  await ours.until(({ values }) => values.includes('later'), 'it goes on');
  expect(ours.values).toEqual(['before', 'swallowed', 'later']);
});

describe.each(clientNames)('%s', (client) => {
  it.each<[string, (proxy: Proxy) => void]>([
    ['connections have died without a word', (proxy) => proxy.blackHole()],
    ['connections were reset', (proxy) => proxy.cut()],
    ['answers were cut off', (proxy) => (proxy.truncateAfter = 0)],
  ])(
    'I1, I2: %s: followers and publishers go on, over connections of their own or lent ones',
    async (_, breaks) => {
      const address = addressOf('nats');
      const stream = await streamAt(address);
      const proxy = await proxyTo(address);
      const direct = open(() => clients[client](address), stream);
      const lent = await connected(clients[client](proxy.address));
      const logs = [open(() => clients[client](proxy.address), stream), open(lent, stream)];
      const beginning = await beginningOf(direct);
      const readings = logs.map((log) => reading(log, beginning));
      await publish(direct, 'before');
      for (const one of readings) await one.until(({ values }) => values.length === 1, 'it follows');
      breaks(proxy);
      await publish(direct, 'meanwhile');
      await eventually(() => proxy.hits >= 2, 'both connections to be hit');
      proxy.heal();
      for (const one of readings) await one.until(({ values }) => values.includes('meanwhile'), 'it goes on', 45_000);
      for (const [i, log] of logs.entries()) {
        const goesOn = () =>
          publish(log, `after ${i}`).then(
            () => true,
            () => false,
          );
        await eventually(goesOn, 'the publisher goes on', 45_000);
      }
      for (const one of readings) {
        await one.until(({ values }) => new Set(values).size === 4, 'it has everything');
        expect(one.lost()).toEqual([]);
        expect(new Set(one.values)).toEqual(new Set(['before', 'meanwhile', 'after 0', 'after 1']));
      }
    },
    120_000,
  );

  itWithOwn('nats')(
    'I1, I2: the server is frozen and thawed: trouble is told, and what was published meanwhile comes once',
    async () => {
      const server = await startNats();
      closing.push(() => server.stop());
      const stream = await streamAt(server.address);
      const log = open(() => clients[client](server.address), stream);
      const one = reading(log, await beginningOf(log));
      await publish(log, 'before');
      await one.until(({ values }) => values.length === 1, 'it follows');
      server.freeze();
      const published = publishAtLast(log, 'meanwhile');
      published.catch(() => undefined); // it is awaited below
      await one.until(({ events }) => events.some(({ type }) => type === 'trouble'), 'it tells trouble', 40_000);
      server.thaw();
      await published;
      await one.until(({ values }) => values.includes('meanwhile'), 'it goes on', 40_000);
      await publishAtLast(log, 'after');
      await one.until(({ values }) => values.includes('after'), 'it goes on', 40_000);
      expect(one.values).toEqual(['before', 'meanwhile', 'after']);
      expect(one.lost()).toEqual([]);
    },
    150_000,
  );

  itWithOwn('nats')(
    'I1: a lent connection that has given up ends the pipeline with ConnectionEnded; the log makes one of its own anew',
    async () => {
      const server = await startNats();
      closing.push(() => server.stop());
      const stream = await streamAt(server.address);
      const givesUp = () => clients[client](server.address, { maxReconnectAttempts: 1 });
      const direct = open(() => clients[client](server.address), stream);
      const lent = pipelineOf(open(await connected(givesUp()), stream), direct);
      const own = pipelineOf(open(givesUp, stream), direct);
      const lentEnds = lent.pipeline.run();
      lentEnds.catch(() => undefined); // it is awaited below
      closing.push(() => own.pipeline.stop());
      const ownRuns = own.pipeline.run();
      ownRuns.catch(() => undefined);
      for (const { pipeline } of [lent, own]) await pipeline.caughtUp();
      await server.kill();
      await expect(lentEnds).rejects.toMatchObject({
        name: 'ConnectionEnded',
        code: 'CONNECTION_ENDED',
        retryable: false,
      });
      await server.restart();
      await direct.publish('things', [{ key: 'a', value: '{"id":"a"}' }]);
      await eventually(() => own.view.has('a'), 'it goes on', 40_000);
    },
    90_000,
  );
});

const Thing = t.type({ id: t.string });

/** A pipeline into a view, which begins with nothing. */
function pipelineOf(transport: Log, direct: Log) {
  const view = liveView<t.TypeOf<typeof Thing>>({ key: ({ id }) => id });
  const pipeline: Pipeline<unknown> = snapshotThenSubscribe({
    name: 'things',
    snapshot: headThenRows(direct, { things: () => [] }),
    transport,
    decode: { things: { row: Thing, update: Thing } },
    times: { retryMs: 200 },
  }).pipe(
    translate(({ value }) => upsert(value)),
    applyTo(view),
  );
  return { view, pipeline };
}
