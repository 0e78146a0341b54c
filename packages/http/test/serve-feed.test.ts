import { beginning, closed, decimal, Unavailable } from '@tidemark/core';
import { cursorAfter } from '../src/feed-cursor';
import { nameOf, segmentOf } from '../src/feed-path';
import { serveFeed, type ServeFeedOptions } from '../src/serve-feed';
import { listen } from './listen';
import { ToyLog, updates } from './toy-log';
import { until } from './until';

async function served(count = 7, options: ServeFeedOptions = {}) {
  const log = new ToyLog();
  log.append(...updates(count));
  const server = await listen(serveFeed(log, options));
  const get = (query = '', init?: RequestInit) => fetch(`${server.url}/feed/orders/0${query}`, init);
  return { log, get, base: `${server.url}/feed`, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

const keys = async (response: Response) => ((await response.json()) as { key: string }[]).map(({ key }) => key);

describe('serveFeed', () => {
  it('tells in its manifest which log this is and how far it reaches', async () => {
    await using feed = await served();
    feed.log.trim(decimal(2));
    const response = await fetch(`${feed.base}/`);
    expect(await response.json()).toEqual({
      format: 'tidemark-feed',
      version: 1,
      source: { kind: 'toy', order: 'decimal', cluster: 'here', epochs: { 'y.orders': 'e1' } },
      topics: { orders: 'y.orders' },
      partitions: [{ topic: 'y.orders', partition: '0', trimmed: '2', head: '7' }],
    });
    const again = await fetch(`${feed.base}/`, { headers: { 'if-none-match': response.headers.get('etag') ?? '' } });
    expect(again.status).toBe(304);
  });

  it('hands a stream over in pages, each going on after the last record of the one before', async () => {
    await using feed = await served();
    const first = await feed.get();
    expect(first.status).toBe(200);
    expect(first.headers.get('content-type')).toBe('application/json');
    expect(first.headers.get('stream-next-offset')).toBe('a13');
    expect(first.headers.has('stream-up-to-date')).toBe(false);
    expect(first.headers.get('cache-control')).toBe('private, max-age=60, stale-while-revalidate=300');
    expect(first.headers.get('tidemark-epoch')).toBe('e1');
    expect(first.headers.get('tidemark-lag')).toBe('4');
    expect(first.headers.get('x-content-type-options')).toBe('nosniff');
    expect(await keys(first)).toEqual(['k0', 'k1', 'k2']);
    expect(await keys(await feed.get('?offset=-1'))).toEqual(['k0', 'k1', 'k2']);
    const last = await feed.get('?offset=a16');
    expect(await keys(last)).toEqual(['k6']);
    expect(last.headers.get('stream-up-to-date')).toBe('true');
    expect(last.headers.get('cache-control')).toBe('private, no-cache');
    expect(last.headers.get('tidemark-witness')).toMatch(/^1700000000000\.2\.7\.[0-9a-f]+$/);
    const tail = await feed.get('?offset=a17');
    expect(await tail.json()).toEqual([]);
    expect(tail.headers.get('stream-next-offset')).toBe('a17');
    expect(tail.headers.get('stream-up-to-date')).toBe('true');
  });

  it('answers 304 to who has the page, and 200 once it is another one', async () => {
    await using feed = await served();
    const etag = (await feed.get('?offset=a16')).headers.get('etag') ?? '';
    const known = { headers: { 'if-none-match': `"other", W/${etag}` } };
    const same = await feed.get('?offset=a16', known);
    expect(same.status).toBe(304);
    expect(await same.text()).toBe('');
    expect(same.headers.get('stream-next-offset')).toBe('a17');
    feed.log.append(...updates(1, 'new'));
    expect((await feed.get('?offset=a16', known)).status).toBe(200);
    feed.log.shorten();
    expect((await feed.get('?offset=a16', known)).status).toBe(304);
    feed.log.shorten();
    feed.log.append({ key: 'k6', value: '{"n":"rewritten"}' });
    expect((await feed.get('?offset=a16', known)).status).toBe(200);
  });

  it('I1: answers 410 with the reason where an offset can not be read on, 404 for what is not there', async () => {
    await using feed = await served();
    feed.log.trim(decimal(3));
    const cases = [
      ['?offset=a12', 410, 'expired'],
      ['?offset=-1', 410, 'expired'],
      ['?offset=a18', 410, 'ahead'],
      ['?offset=a13', 200, null],
    ] as const;
    for (const [query, status, lost] of cases)
      for (const live of ['', '&live=long-poll', '&live=sse']) {
        const response = await feed.get(query + live, { signal: AbortSignal.timeout(5_000) });
        expect([query + live, response.status, response.headers.get('tidemark-lost')]).toEqual([
          query + live,
          status,
          lost,
        ]);
        await response.body?.cancel();
      }
    feed.log.trouble = () => ({ lost: 'changed' });
    expect((await feed.get('?offset=a13')).headers.get('tidemark-lost')).toBe('changed');
    for (const path of ['/orders/1', '/other/0', '/y.orders/0', '/orders', '', '/orders/%zz', '/__proto__/0'])
      expect([path, (await fetch(feed.base + path)).status]).toEqual([path, 404]);
  });

  it.each([
    '?offset=',
    '?offset=7',
    '?offset=a207',
    '?offset=l7',
    '?offset=a17&offset=a17',
    '?live=sse',
    '?live=long-poll',
    '?offset=-1&live=x',
  ])('answers 400 to %s', async (query) => {
    await using feed = await served();
    expect((await feed.get(query)).status).toBe(400);
  });

  it('answers 405 to all but GET and HEAD', async () => {
    await using feed = await served();
    for (const method of ['POST', 'PUT', 'DELETE']) {
      const response = await feed.get('', { method });
      expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    }
  });

  it('tells the tail by HEAD and by offset=now', async () => {
    await using feed = await served();
    const head = await feed.get('', { method: 'HEAD' });
    expect(head.status).toBe(200);
    expect(head.headers.get('stream-next-offset')).toBe('a17');
    expect(head.headers.get('content-type')).toBe('application/json');
    expect(head.headers.get('cache-control')).toBe('no-store');
    const now = await feed.get('?offset=now');
    expect(await now.json()).toEqual([]);
    expect(now.headers.get('stream-next-offset')).toBe('a17');
    expect(now.headers.get('stream-up-to-date')).toBe('true');
    expect(now.headers.get('cache-control')).toBe('no-store');
    expect(now.headers.has('etag')).toBe(false);
  });

  it('names the beginning of an empty stream without the reserved -1', async () => {
    await using feed = await served(0);
    const response = await feed.get();
    expect(response.headers.get('stream-next-offset')).toBe('0');
    expect(await (await feed.get('?offset=0')).json()).toEqual([]);
  });

  it('holds a long-poll until something comes, and answers 204 when its time is over', async () => {
    await using feed = await served(7, { longPollMs: 300 });
    const quiet = await feed.get('?offset=a17&live=long-poll');
    expect(quiet.status).toBe(204);
    expect(quiet.headers.get('stream-next-offset')).toBe('a17');
    expect(quiet.headers.get('stream-up-to-date')).toBe('true');
    expect(quiet.headers.get('cache-control')).toBe('no-store');
    const cursor = quiet.headers.get('stream-cursor') ?? '';
    const next = feed.get(`?cursor=${cursor}&live=long-poll&offset=now`);
    await until(() => feed.log.waiting === 1, 'the long-poll waits');
    feed.log.append(...updates(1, 'new'));
    const woken = await next;
    expect(woken.status).toBe(200);
    expect(await keys(woken)).toEqual(['new0']);
    expect(Number(woken.headers.get('stream-cursor'))).toBeGreaterThan(Number(cursor));
  });

  it('I10: stops waiting in the log when the client goes away', async () => {
    await using feed = await served();
    for (const live of ['long-poll', 'sse']) {
      const client = new AbortController();
      const asked = feed.get(`?offset=now&live=${live}`, { signal: client.signal });
      asked.catch(() => undefined);
      await until(() => feed.log.waiting === 1, `${live} waits`);
      client.abort();
      await until(() => feed.log.waiting === 0, `${live} has stopped`);
    }
  });

  it('sends events: data and control for what is there and what comes', async () => {
    await using feed = await served(7);
    const response = await feed.get('?offset=a13&live=sse');
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    let [text, told] = ['', false];
    for await (const bytes of response.body as unknown as AsyncIterable<Uint8Array>) {
      text += Buffer.from(bytes).toString();
      if (text.includes('"a18"')) break;
      if (told || !text.includes('"a17"')) continue;
      told = true;
      await until(() => feed.log.waiting === 1, 'the head');
      feed.log.append({ key: 'pretty', value: '{\r\n "n": 1\r}' });
    }
    const events = text
      .split('\n\n')
      .filter((event) => event !== '')
      .map((event) => {
        const [name, ...data] = event.split('\n');
        return { name, data: JSON.parse(data.map((line) => line.replace(/^data:/, '')).join('\n')) as unknown };
      });
    expect(events.map(({ name }) => name)).toEqual([
      ...['data', 'control', 'data', 'control', 'data', 'control'].map((name) => `event: ${name}`),
    ]);
    expect(
      events.flatMap(({ data }) => (Array.isArray(data) ? (data as { key: string }[]) : [])).map(({ key }) => key),
    ).toEqual(['k3', 'k4', 'k5', 'k6', 'pretty']);
    expect(events[3]?.data).toMatchObject({
      streamNextOffset: 'a17',
      upToDate: true,
      tidemark: { epoch: 'e1', lag: '0' },
    });
    expect(events[1]?.data).not.toHaveProperty('upToDate');
    expect(events.at(-1)?.data).toMatchObject({ streamNextOffset: 'a18', upToDate: true });
  });

  it('says first of all where the tail is when events are asked for from now on, and ends after its time', async () => {
    await using feed = await served(7, { eventsMs: 50 });
    expect(await (await feed.get('?offset=now&live=sse')).text()).toMatch(
      /^(?:event: control\ndata:\{"streamNextOffset":"a17","streamCursor":"\d+","upToDate":true.*\n\n)+$/,
    );
  });

  it('tells the end of a closed partition in every mode, without waiting', async () => {
    await using feed = await served(2, { longPollMs: 60_000 });
    feed.log.head = closed;
    const head = await feed.get('', { method: 'HEAD' });
    expect([head.headers.get('stream-next-offset'), head.headers.get('stream-closed')]).toEqual(['z', 'true']);
    const pages = [await feed.get('?offset=z'), await feed.get('?offset=z&live=long-poll')];
    expect(pages.map(({ status }) => status)).toEqual([200, 204]);
    for (const { headers } of pages) expect(headers.get('stream-closed')).toBe('true');
    expect(await (await feed.get('?offset=now&live=sse')).text()).toContain('"streamClosed":true');
  });

  it('answers 503 when the log is not available, 500 when it is broken, and gives nothing away', async () => {
    await using feed = await served();
    const statuses = async (error: Error) => {
      feed.log.trouble = () => {
        throw error;
      };
      const response = await feed.get('?offset=a13');
      expect(await response.text()).not.toContain('canary');
      return response.status;
    };
    expect(await statuses(new Unavailable('canary'))).toBe(503);
    expect(await statuses(new Error('canary'))).toBe(503);
    expect(await statuses(new TypeError('canary'))).toBe(503);
    feed.log.describe = () => Promise.reject(new Unavailable('canary'));
    expect((await fetch(`${feed.base}/`)).status).toBe(503);
  });
});

describe('cursors', () => {
  it('are the number of the 20 s interval, and always beyond the one that the client has', () => {
    const now = Date.UTC(2024, 9, 9, 0, 1);
    expect(cursorAfter(null, now, () => 0)).toBe('3');
    expect(cursorAfter('2', now, () => 0)).toBe('3');
    expect(cursorAfter('nonsense', now, () => 0)).toBe('3');
    expect(cursorAfter('3', now, () => 0)).toBe('4');
    expect(cursorAfter('500', now, () => 0.999)).toBe('680');
  });
});

describe('names in paths', () => {
  it.each(['', '.', '..', '~', '~.', 'a/b', 'a b?#%', 'ü', '0', '__proto__'])('%j comes back through a URL', (name) => {
    const url = new URL(`http://a.example/feed/${segmentOf(name)}/${segmentOf(beginning)}`);
    expect(url.pathname.split('/').slice(2).map(nameOf)).toEqual([name, beginning]);
  });
});
