import { once } from 'node:events';
import { type IncomingMessage } from 'node:http';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { httpFeed } from '../src/http-feed';
import { serveFeed } from '../src/serve-feed';
import { listen } from './listen';
import { fromBeginning, Reading } from './reading';
import { ToyLog, updates } from './toy-log';

/** A TCP proxy that cuts each connection after some bytes of answers, until it is told to let them be. */
async function cuttingProxy(port: number, bytes: () => number) {
  const sockets = new Set<Socket>();
  let cuts = 0;
  let calm = false;
  const proxy = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    let left = calm ? Number.POSITIVE_INFINITY : bytes();
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        client.destroy();
        upstream.destroy();
      });
    }
    client.pipe(upstream);
    upstream.on('data', (chunk) => {
      client.write(chunk.subarray(0, Math.min(left, chunk.length)));
      left -= chunk.length;
      if (left > 0) return;
      cuts++;
      client.end(); // an orderly end: what was written arrives, nothing else does
    });
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  return {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    cuts: () => cuts,
    beCalm: () => {
      calm = true;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      proxy.close();
      await once(proxy, 'close');
    },
  };
}

const runtime = {
  now: () => performance.now(),
  wallClock: Date.now,
  random: () => 0,
  sleep: (_: number, signal: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      if (signal.aborted) reject(signal.reason);
      else setImmediate(resolve);
    }),
};

describe.each(['long-poll', 'sse'] as const)('a proxy that cuts answers anywhere, by %s', (mode) => {
  it('I1, I2: nothing is lost and nothing comes twice', async () => {
    const log = new ToyLog(7);
    log.append(...updates(100));
    await using server = await listen(serveFeed(log, { longPollMs: 100, eventsMs: 200 }));
    let seed = 1;
    const bytes = () => 150 + ((seed = (seed * 48_271) % 2_147_483_647) % 2_500);
    await using proxy = await cuttingProxy(server.port, bytes);
    const transport = httpFeed(`${proxy.url}/feed`, { topics: { orders: 'y.orders' }, mode, runtime, describeMs: 50 });
    const start = await fromBeginning(httpFeed(`${server.url}/feed`, { topics: { orders: 'y.orders' } }));
    await using reading = new Reading(transport, start);
    await reading.until(({ records }) => records.length >= 100, 'the backlog');
    for (let i = 0; i < 20; i++) {
      log.append(...updates(3, `live${String(i)}-`));
      await reading.until(({ records }) => records.length >= 103 + 3 * i, 'the news');
    }
    expect(proxy.cuts()).toBeGreaterThan(20);
    expect(reading.troubles.length).toBeGreaterThan(5);
    proxy.beCalm();
    await reading.until(({ deliveries }) => deliveries.at(-1)?.atHead === true, 'the head');
    expect(reading.records.map(({ offset }) => Number(offset))).toEqual(Array.from({ length: 160 }, (_, i) => i + 1));
    expect(reading.lost).toEqual([]);
  });
});

describe('a body without a length', () => {
  it('I1: is an outage wherever it is cut, never a shorter answer', async () => {
    const log = new ToyLog();
    log.append(...updates(2));
    const handler = serveFeed(log, { longPollMs: 100 });
    let [cut, longest] = [0, 1];
    // an HTTP/1.0 proxy ends bodies by closing, so nobody can tell a cut from the end
    const serve = async (req: IncomingMessage) => {
      const answer = await handler.fetch(new Request(`http://a.example${req.url ?? ''}`));
      const body = await answer.text();
      const isStream = (req.url ?? '').includes('/orders/');
      if (isStream) longest = Math.max(longest, body.length);
      req.socket.write(`HTTP/1.0 ${answer.status} OK\r\n`);
      answer.headers.forEach((value, name) => req.socket.write(`${name}: ${value}\r\n`));
      req.socket.end(`\r\n${isStream ? body.slice(0, cut) : body}`);
      if (isStream) cut += 5;
    };
    await using server = await listen((req) => void serve(req));
    const transport = httpFeed(server.url, { topics: { orders: 'y.orders' }, runtime, describeMs: 60_000 });
    await using reading = new Reading(transport, await fromBeginning(transport));
    await reading.until(({ deliveries }) => deliveries.at(-1)?.atHead === true, 'both records');
    expect(reading.records.map(({ offset }) => offset)).toEqual(['1', '2']);
    expect(longest).toBeGreaterThan(200);
    expect(reading.troubles).toHaveLength(Math.ceil(longest / 5));
    for (const trouble of reading.troubles) expect(trouble).toContain('broke off');
  });
});
