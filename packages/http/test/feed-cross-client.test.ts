import { decimal, type LogRecord } from '@tidemark/core';
import { stream, type StreamResponse } from '@durable-streams/client';
import { recordOf } from '../src/feed-message';
import { serveFeed } from '../src/serve-feed';
import { listen } from './listen';
import { ToyLog, updates } from './toy-log';
import { until } from './until';

/** Our server, read by the protocol's own client. */
describe('@durable-streams/client reads serveFeed', () => {
  const hard: Omit<LogRecord, 'offset'>[] = [
    { key: Buffer.from('Ключ\n'), value: Buffer.from('{ "pretty":\r\n 1.0 }'), headers: new Map(), timestamp: 1 },
    { key: null, value: Buffer.of(0xff, 0x00), headers: new Map([['h', Buffer.of(0xfe)]]), timestamp: 1.5 },
    { key: Buffer.alloc(0), value: null, headers: new Map([['trace', Buffer.from('t1')]]), timestamp: 0 },
  ];

  /** It asks a server that has gone for ever, unless it is told to stop. */
  let client: AbortController;
  beforeEach(() => {
    client = new AbortController();
  });
  afterEach(() => {
    client.abort();
  });
  async function served() {
    const log = new ToyLog();
    log.append(...updates(7), ...hard);
    const server = await listen(serveFeed(log, { longPollMs: 200, eventsMs: 300 }));
    const url = `${server.url}/feed/orders/0`;
    return { log, url, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
  }

  const bytes = ({ key, value, headers, timestamp, offset }: LogRecord) => ({
    key: key && [...key],
    value: value && [...value],
    headers: [...headers].map(([name, field]) => [name, [...field]]),
    timestamp,
    offset,
  });
  const read = (items: readonly unknown[]) => items.map((item) => bytes(recordOf('orders', 'decimal', item)));

  it('by catch-up, to the end', async () => {
    await using feed = await served();
    const items: unknown[] = [];
    let offset = '-1';
    for (let upToDate = false; !upToDate;) {
      const response: StreamResponse = await stream({ url: feed.url, offset, live: false, signal: client.signal });
      items.push(...(await response.json()));
      ({ offset, upToDate } = response);
    }
    expect(read(items)).toEqual(feed.log.records.map(bytes));
    expect(offset).toBe('a210');
  });

  it.each(['long-poll', 'sse'] as const)('by %s, what is there and what comes, over several requests', async (live) => {
    await using feed = await served();
    const items: unknown[] = [];
    const response: StreamResponse = await stream({ url: feed.url, offset: 'a13', live, signal: client.signal });
    const end = response.subscribeJson(async (batch) => {
      items.push(...batch.items);
    });
    try {
      for (let i = 0; i < 3; i++) {
        await until(() => items.length === 7 + i, `message ${String(7 + i)}`);
        const { pages } = feed.log;
        await until(() => feed.log.pages > pages || live === 'sse', 'another round');
        feed.log.append(...updates(1, `live${String(i)}-`));
      }
      await until(() => items.length === 10, 'all of them');
    } finally {
      end();
      response.cancel();
    }
    expect(read(items)).toEqual(feed.log.records.slice(3).map(bytes));
  });

  it('is told that retention has passed its offset', async () => {
    await using feed = await served();
    feed.log.trim(decimal(5));
    const { signal } = client;
    const once = (url: string, offset: string) => stream({ url, offset, live: false, signal });
    await expect(once(feed.url, 'a12')).rejects.toMatchObject({ status: 410 });
    await expect(once(`${feed.url}0`, '-1')).rejects.toMatchObject({ status: 404 });
  });
});
