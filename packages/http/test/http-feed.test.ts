import {
  beginning,
  decimal,
  DeadlineExceeded,
  InvalidConfiguration,
  type LogRecord,
  OffsetMap,
  TransportFault,
  Unavailable,
  witnessOf,
} from '@tidemark/core';
import { type RequestListener } from 'node:http';
import { serveFeed } from '../src/serve-feed';
import { httpFeed, type HttpFeedOptions } from '../src/http-feed';
import { listen } from './listen';
import { fromBeginning, Reading } from './reading';
import { ToyLog, updates } from './toy-log';
import { until } from './until';

const topics = { orders: 'y.orders' } as const;
const never = new AbortController().signal;

async function world(count: number, options: Partial<HttpFeedOptions<typeof topics>> = {}) {
  const log = new ToyLog();
  log.append(...updates(count));
  const handler = serveFeed(log);
  const asked: { readonly url: string; readonly headers: NodeJS.Dict<string | string[]> }[] = [];
  let answer: RequestListener | undefined;
  const server = await listen((req, res) => {
    asked.push({ url: req.url ?? '', headers: req.headers });
    if (answer === undefined) handler.node(req, res);
    else answer(req, res);
  });
  const url = `${server.url}/feed`;
  const transport = httpFeed(url, { topics, describeMs: 50, ...options });
  return {
    log,
    url,
    asked,
    transport,
    /** Answers everything from now on; `undefined`: the feed does. */
    instead(listener: RequestListener | undefined) {
      answer = listener;
    },
    handler,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

describe.each(['long-poll', 'sse'] as const)('httpFeed by %s', (mode) => {
  it('I1: reads everything from the beginning, then what comes, each record once, with native positions', async () => {
    await using w = await world(8, { mode });
    await using reading = new Reading(w.transport, await fromBeginning(w.transport));
    await reading.until(({ records }) => records.length === 8, '8 records');
    for (let i = 0; i < 5; i++) {
      await until(() => w.log.waiting > 0, 'the feed waits');
      w.log.append(...updates(1, `live${String(i)}-`));
      await reading.until(({ records }) => records.length === 9 + i, 'the news');
    }
    expect(reading.records.map(({ offset }) => offset)).toEqual(w.log.records.map(({ offset }) => offset));
    const last = w.log.records.at(-1) as LogRecord;
    expect(reading.deliveries.at(-1)?.through).toEqual({ through: '13', witness: witnessOf(last) });
    expect(reading.troubles).toEqual([]);
    expect(w.asked.some(({ url }) => url.includes(`live=${mode}`))).toBe(true);
  });

  it.each([
    ['I1: says expired when retention overtakes it', 'expired', (log: ToyLog) => log.trim(decimal(12))],
    ['says ahead when the log becomes shorter', 'ahead', (log: ToyLog) => log.shorten()],
    ['I7: says changed when the topic is created anew', 'changed', (log: ToyLog) => log.recreate('e2')],
  ] as const)('%s', async (_, reason, act) => {
    await using w = await world(8, { mode });
    const start = await fromBeginning(w.transport);
    await using reading = new Reading(w.transport, start);
    await reading.until(({ deliveries }) => deliveries.at(-1)?.atHead === true, 'the head');
    await until(() => w.log.waiting > 0, 'the feed waits');
    if (reason === 'expired') w.log.head = decimal(12);
    act(w.log);
    if (reason === 'changed') w.log.append(...updates(9, 'new'));
    await reading.until(({ lost }) => lost.length > 0, 'lost');
    expect(reading.lost).toEqual([reason]);
    expect(reading.keys).toHaveLength(8);
  });

  it('says changed by the witness when another record stands where it was', async () => {
    await using w = await world(8, { mode });
    const start = await fromBeginning(w.transport);
    const offsets = start.offsets.with(w.log.partition, { through: decimal(8), witness: 'another.1' });
    await using reading = new Reading(w.transport, { ...start, offsets });
    await reading.until(({ lost }) => lost.length > 0, 'lost');
    expect(reading.lost).toEqual(['changed']);
  });

  it('I10: ends at once when it is stopped while waiting, and leaves nothing waiting behind', async () => {
    await using w = await world(1, { mode });
    const reading = new Reading(w.transport, await fromBeginning(w.transport));
    await reading.until(({ deliveries }) => deliveries.at(-1)?.atHead === true, 'the head');
    await until(() => w.log.waiting > 0, 'the feed waits');
    await reading.stop();
    expect(reading.error).toBeUndefined();
    await until(() => w.log.waiting === 0, 'nothing waits');
  });

  it('I9: asks for no more than a page ahead while nothing is acknowledged', async () => {
    await using w = await world(60, { mode });
    await using reading = new Reading(w.transport, await fromBeginning(w.transport), { ack: false });
    await reading.until(({ records }) => records.length === 3, 'the first page');
    await until(
      () => w.asked.filter(({ url }) => url.startsWith('/feed/?') || url === '/feed/').length > 6,
      'six looks at the manifest',
    );
    expect(w.log.pages).toBeLessThanOrEqual(2);
  });

  it('goes on after an outage, without losing or doubling', async () => {
    await using w = await world(8, { mode });
    await using reading = new Reading(w.transport, await fromBeginning(w.transport));
    await reading.until(({ records }) => records.length === 8, '8 records');
    w.instead((_, res) => res.writeHead(503).end());
    w.log.append(...updates(2, 'a'));
    await until(() => reading.troubles.some((t) => t.includes('answered 503')), 'trouble is told');
    w.instead((req) => req.socket.destroy());
    w.log.append(...updates(2, 'b'));
    await until(() => reading.troubles.some((t) => t.includes('broke off')), 'trouble is told');
    w.instead(undefined);
    await reading.until(({ records }) => records.length >= 12, '12 records');
    expect(reading.records.map(({ offset }) => Number(offset))).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
  });
});

describe('httpFeed', () => {
  it('tells the identity of the log behind it, and its kind', async () => {
    await using w = await world(1);
    expect(await w.transport.identify(never)).toEqual({
      kind: 'toy',
      order: 'decimal',
      cluster: 'here',
      epochs: { 'y.orders': 'e1' },
    });
    expect(w.transport.kind).toBe('toy');
    expect(w.transport.topics).toEqual(topics);
  });

  it('verifies by the manifest', async () => {
    await using w = await world(8);
    w.log.trim(decimal(2));
    const { source } = await fromBeginning(w.transport);
    const verdict = async (through: string) => {
      const offsets = OffsetMap.empty('decimal').with(w.log.partition, { through: decimal(through) });
      const { partitions } = await w.transport.verify({ source, offsets }, never);
      return partitions.map((p) => p.verdict);
    };
    expect(await verdict('1')).toEqual(['expired']);
    expect(await verdict('5')).toEqual(['ok']);
    expect(await verdict('9')).toEqual(['ahead']);
  });

  it('asks for the manifest only whether it has changed', async () => {
    await using w = await world(1);
    await w.transport.identify(never);
    await w.transport.identify(never);
    expect(w.asked[0]?.headers['if-none-match']).toBeUndefined();
    expect(w.asked[1]?.headers['if-none-match']).toMatch(/^"/);
  });

  it.each([
    [['orders'], "give topics: { orders: 'y.orders' }"],
    [['titles'], 'has no topic titles; it has y.orders'],
  ])('refuses topics that the feed does not have: %j', async (names, message) => {
    await using w = await world(1);
    const error = await httpFeed(w.url, { topics: names })
      .identify(never)
      .catch((e: unknown) => e);
    expect(error).toBeInstanceOf(InvalidConfiguration);
    expect(String(error)).toContain(message);
  });

  it.each(['nonsense', 'ftp://a.example/', '/feed'])('refuses %s as a URL', (url) => {
    expect(() => httpFeed(url, { topics: ['orders'] })).toThrow(InvalidConfiguration);
  });

  it('asks for headers before every request, and once more after a 401', async () => {
    let asked = 0;
    await using w = await world(1, { headers: () => Promise.resolve({ authorization: `Bearer ${String(++asked)}` }) });
    w.instead((req, res) => {
      if (Number(req.headers.authorization?.slice(7)) % 2 === 1) res.writeHead(401).end();
      else w.handler.node(req, res);
    });
    expect((await w.transport.identify(never)).kind).toBe('toy');
    expect(w.asked.map(({ headers }) => headers.authorization)).toEqual(['Bearer 1', 'Bearer 2']);
    w.instead((_, res) => res.writeHead(401).end());
    await expect(w.transport.identify(never)).rejects.toThrow(InvalidConfiguration);
    expect(asked).toBe(4);
  });

  it.each([
    ['fails', () => Promise.reject(new Error('canary')), Unavailable],
    ['gives what HTTP forbids', () => Promise.resolve({ authorization: 'a\ncanary' }), InvalidConfiguration],
  ])('tells when the headers function %s, without what it gave', async (_, headers, type) => {
    await using w = await world(1, { headers });
    const error = await w.transport.identify(never).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(type);
    expect(String(error)).not.toContain('canary');
    expect(w.asked).toEqual([]);
  });

  it('sends credentials of the URL as Basic, keeps its query, and shows neither', async () => {
    await using w = await world(4);
    const url = w.url.replace('//', '//us%20er:pass%3Acanary@') + '/?token=canary';
    const transport = httpFeed(url, { topics });
    await using reading = new Reading(transport, await fromBeginning(transport));
    await reading.until(({ records }) => records.length === 4, '4 records');
    for (const { headers, url: asked } of w.asked) {
      expect(headers.authorization).toBe(`Basic ${Buffer.from('us er:pass:canary').toString('base64')}`);
      expect(asked).toContain('token=canary');
    }
    w.instead((_, res) => res.writeHead(418).end());
    const error = await transport.identify(never).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(TransportFault);
    expect(String(error)).not.toContain('canary');
  });

  it('follows redirects within the origin, and refuses all others', async () => {
    await using w = await world(1);
    let location = '/feed/';
    w.instead((req, res) => {
      if (req.url === '/old/') res.writeHead(307, { location }).end();
      else w.handler.node(req, res);
    });
    const transport = httpFeed(w.url.replace('/feed', '/old'), { topics });
    expect((await transport.identify(never)).kind).toBe('toy');
    for (location of ['http://elsewhere.example/feed/', 'https://127.0.0.1/feed/', '//elsewhere.example/', 'http://'])
      await expect(transport.identify(never)).rejects.toThrow(InvalidConfiguration);
    location = '/old/';
    await expect(transport.identify(never)).rejects.toThrow(TransportFault);
  });

  const answers: readonly [string, RequestListener, new (message: string) => Error][] = [
    ['404', (_, res) => res.writeHead(404).end(), InvalidConfiguration],
    ['403', (_, res) => res.writeHead(403).end(), InvalidConfiguration],
    ['400', (_, res) => res.writeHead(400).end(), TransportFault],
    ['429', (_, res) => res.writeHead(429).end(), Unavailable],
    ['500', (_, res) => res.writeHead(500).end(), Unavailable],
    ['no JSON', (_, res) => res.end('<html>'), TransportFault],
    ['a newer format', (_, res) => res.end('{"format":"tidemark-feed","version":2}'), TransportFault],
    ['too much', (_, res) => res.end(' '.repeat(20_000)), TransportFault],
    ['nothing at all', () => undefined, DeadlineExceeded],
    ['half a body, then nothing', (_, res) => void res.write('{'), DeadlineExceeded],
    [
      'a cut body',
      (_, res) => res.writeHead(200, { 'content-length': 100 }).write('{', () => res.destroy()),
      Unavailable,
    ],
  ];
  it.each(answers)('meets a manifest answered by %s with a typed error', async (_, listener, type) => {
    await using w = await world(1, { maxBodyBytes: 10_000, answerMs: 200 });
    w.instead(listener);
    await expect(w.transport.identify(never)).rejects.toThrow(type);
  });

  it('does not pass an abort off as an outage', async () => {
    await using w = await world(1);
    w.instead(() => undefined);
    const reason = new Error('enough');
    const stop = new AbortController();
    const asked = w.transport.identify(stop.signal);
    await until(() => w.asked.length === 1, 'it asks');
    stop.abort(reason);
    await expect(asked).rejects.toBe(reason);
    await expect(w.transport.identify(stop.signal)).rejects.toBe(reason);
  });

  it('stops with a typed error, and hands nothing over, when messages make no sense', async () => {
    const good = { 'content-type': 'application/json', 'stream-next-offset': 'a14', 'stream-up-to-date': 'true' };
    const message = (n: number) => ({
      type: 'orders',
      key: 'k',
      value: 1,
      headers: { operation: 'update', timestamp: '2026-01-01T00:00:00Z', offset: `a1${String(n)}` },
    });
    const bodies: readonly [Record<string, string>, string][] = [
      [good, 'not JSON'],
      [good, '{}'],
      [good, JSON.stringify([message(1), { type: 'orders' }])],
      [good, JSON.stringify([message(2), message(1)])],
      [good, JSON.stringify([message(3), message(5)])],
      [good, JSON.stringify([{ ...message(1), type: 'titles' }])],
      [{ ...good, 'stream-next-offset': '' }, '[]'],
      [{ ...good, 'stream-next-offset': 'now' }, '[]'],
      [{ ...good, 'stream-next-offset': 'l4' }, '[]'],
      [{ ...good, 'stream-next-offset': `a1${'1'.repeat(9_000)}` }, '[]'],
      [{ ...good, 'tidemark-lag': 'many' }, '[]'],
      [{ ...good, 'tidemark-epoch': '%zz' }, '[]'],
      [{ ...good, 'content-type': 'text/plain' }, '[]'],
    ];
    for (const [headers, body] of bodies) {
      await using w = await world(4);
      const start = await fromBeginning(w.transport);
      w.instead((req, res) => {
        if (req.url === '/feed/') w.handler.node(req, res);
        else res.writeHead(200, headers).end(body);
      });
      await using reading = new Reading(w.transport, start);
      await until(() => reading.error !== undefined, `an error for ${body}`);
      expect(reading.error).toBeInstanceOf(TransportFault);
      expect(reading.records).toEqual([]);
    }
  });

  it('I8: never moves back: a server that ends before the offset asked for is ahead', async () => {
    await using w = await world(4);
    const start = await fromBeginning(w.transport);
    const offsets = start.offsets.with(w.log.partition, { through: decimal(4) });
    const earlier = { 'content-type': 'application/json', 'stream-next-offset': 'a12', 'stream-up-to-date': 'true' };
    w.instead((req, res) => {
      if (req.url === '/feed/') w.handler.node(req, res);
      else res.writeHead(200, earlier).end('[]');
    });
    await using reading = new Reading(w.transport, { ...start, offsets });
    await reading.until(({ lost, deliveries }) => lost.length + deliveries.length > 0, 'anything');
    expect(reading.lost).toEqual(['ahead']);
    expect(reading.deliveries).toEqual([]);
  });

  it('starts a partition that the position does not name at its beginning (I4)', async () => {
    await using w = await world(2);
    await using reading = new Reading(w.transport, await fromBeginning(w.transport));
    await reading.until(({ records }) => records.length === 2, 'both');
    expect(reading.deliveries[0]?.after).toBe(beginning);
  });
});
