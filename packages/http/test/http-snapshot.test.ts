import { randomBytes } from 'node:crypto';
import { type IncomingMessage, type RequestListener } from 'node:http';
import { createGzip, gzipSync } from 'node:zlib';
import { fromToken, OffsetMap, positionToJson, type SnapshotChunk, SyncError, toToken } from '@tidemark/core';
import { httpSnapshot } from '../src/http-snapshot';
import { serveSnapshot } from '../src/serve-snapshot';
import { eventually, settles } from './eventually';
import { listen } from './listen';
import { positionAt, rowsInChunks, scripted, take } from './sources';

const quiet = new AbortController().signal;
const start = { type: 'start', v: 1, id: 's1', position: positionToJson(positionAt(41)) };
const failed = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'it succeeded',
    (error: unknown) => error,
  );
const ndjson = { 'content-type': 'application/x-ndjson' };
const answers =
  (status: number, headers: Record<string, string> = {}, body = ''): RequestListener =>
  (_, res) =>
    res.writeHead(status, headers).end(body);

describe('httpSnapshot: the URL', () => {
  it.each(['/relative', 'ftp://a.example/', 'https://user:secret-canary@a.example/'])(
    'refuses %s at once, without repeating it',
    (url) => {
      expect(() => httpSnapshot(url)).toThrow(expect.objectContaining({ code: 'INVALID_CONFIGURATION' }) as Error);
      expect(() => httpSnapshot(url)).not.toThrow(/canary|relative/);
    },
  );

  it("takes the scope from its query too, but not one that differs from the request's", async () => {
    const source = scripted(() => []);
    await using server = await listen(serveSnapshot(source));
    const { snapshot } = await take(httpSnapshot(`${server.url}/?media=42`));
    expect(snapshot.scope).toBe('media=42');
    expect(source.requests[0]?.scope).toBe('media=42');
    await expect(take(httpSnapshot(`${server.url}/?media=42`), { scope: 'media=43' })).rejects.toMatchObject({
      code: 'INVALID_CONFIGURATION',
    });
  });
});

describe('httpSnapshot: what it sends', () => {
  it('calls the headers function for each request', async () => {
    const seen: IncomingMessage['headers'][] = [];
    const handler = serveSnapshot(scripted(() => []));
    await using server = await listen((req, res) => {
      seen.push(req.headers);
      handler.node(req, res);
    });
    let token = 0;
    const source = httpSnapshot(server.url, {
      headers: async () => ({ Authorization: `Bearer ${++token}`, 'Accept-Encoding': 'identity', Accept: 'text/html' }),
    });
    await take(source);
    await take(source);
    const others = { 'accept-encoding': 'identity', accept: expect.stringMatching(/ndjson/) as string };
    expect(seen).toMatchObject([
      { authorization: 'Bearer 1', ...others },
      { authorization: 'Bearer 2', ...others },
    ]);
  });

  it('says that a headers function failed, or gave what HTTP does not allow, without its values', async () => {
    const cause = new Error('token endpoint down');
    const failing = httpSnapshot('http://127.0.0.1:1/', { headers: () => Promise.reject(cause) });
    expect(await failed(take(failing))).toMatchObject({ code: 'UNAVAILABLE', cause });
    const bad = await failed(take(httpSnapshot('http://127.0.0.1:1/', { headers: () => ({ a: 'secret-\ncanary' }) })));
    expect(bad).toMatchObject({ code: 'INVALID_CONFIGURATION' });
    expect((bad as Error).cause).toBeUndefined();
    expect(String(bad)).not.toContain('canary');
  });

  it('I8: passes notOlderThan on, unless it is too long for a header', async () => {
    const seen: IncomingMessage['headers'][] = [];
    await using server = await listen((req, res) => {
      seen.push(req.headers);
      res.writeHead(412, { 'retry-after': '1' }).end();
    });
    const long = Array.from({ length: 300 }, (_, i) => ({ topic: 't', partition: String(i), through: '7' }));
    const big = { ...positionAt(1), offsets: OffsetMap.from('decimal', long as never) };
    for (const notOlderThan of [positionAt(42), big])
      expect(await failed(take(httpSnapshot(server.url), { notOlderThan }))).toMatchObject({
        code: 'SNAPSHOT_TOO_OLD',
        retryable: true,
      });
    expect(toToken(fromToken(seen[0]!['tidemark-not-older-than'] as string))).toBe(toToken(positionAt(42)));
    expect(seen[1]!['tidemark-not-older-than']).toBeUndefined();
  });
});

describe('httpSnapshot: answers that are no snapshot', () => {
  it.each([
    [400, 'SNAPSHOT_REJECTED', false, 'scope'],
    [401, 'SNAPSHOT_REJECTED', false, 'headers'],
    [403, 'SNAPSHOT_REJECTED', false, 'headers'],
    [404, 'SNAPSHOT_REJECTED', false, 'check the URL'],
    [204, 'SNAPSHOT_REJECTED', false, '200'],
    [304, 'SNAPSHOT_REJECTED', false, '200'],
    [408, 'UNAVAILABLE', true, '408'],
    [429, 'UNAVAILABLE', true, 'wait for 7 s'],
    [500, 'UNAVAILABLE', true, '500'],
    [503, 'UNAVAILABLE', true, 'wait for 7 s'],
  ])('%i → %s', async (status, code, retryable, says) => {
    await using server = await listen(answers(status, { 'retry-after': '7' }));
    const error = await failed(take(httpSnapshot(server.url)));
    expect(error).toMatchObject({ code, retryable });
    expect(String(error)).toContain(says);
  });

  it('a refused connection is Unavailable', async () => {
    const server = await listen(answers(200));
    await server[Symbol.asyncDispose]();
    const error = await failed(take(httpSnapshot(server.url)));
    expect(error).toMatchObject({ code: 'UNAVAILABLE', retryable: true });
    expect(String(error)).toContain('ECONNREFUSED');
  });

  it('another content type, or an encoding that was not asked for, is refused', async () => {
    const all: Record<string, string>[] = [
      { 'content-type': 'text/html' },
      {},
      { ...ndjson, 'content-encoding': 'gzip, gzip' },
    ];
    for (const headers of all) {
      await using server = await listen(answers(200, headers, '<html>'));
      expect(await failed(take(httpSnapshot(server.url)))).toMatchObject({
        code: 'SNAPSHOT_REJECTED',
        retryable: false,
      });
    }
  });

  it.each([undefined, 'v2'])('I6: schema %s instead of the expected one is refused before any row', async (schema) => {
    const source = scripted(() => rowsInChunks(3), { schema });
    await using server = await listen(serveSnapshot(source));
    const opening = httpSnapshot(server.url, { schema: 'v1' }).open({ signal: quiet });
    expect(await failed(opening)).toMatchObject({ code: 'SNAPSHOT_REJECTED', retryable: false });
  });

  it.each([undefined, 'media=43'])(
    'I6: scope %s instead of the one asked for is refused before any row',
    async (scope) => {
      const source = scripted(() => rowsInChunks(3), { scope });
      await using server = await listen(serveSnapshot(source));
      const opening = httpSnapshot(server.url).open({ scope: 'media=42', signal: quiet });
      expect(await failed(opening)).toMatchObject({ code: 'SNAPSHOT_REJECTED', retryable: false });
    },
  );

  it('a resumed snapshot is refused where none was asked for', async () => {
    await using server = await listen(serveSnapshot(scripted(() => [], { resumed: true })));
    expect(await failed(take(httpSnapshot(server.url)))).toMatchObject({ code: 'SNAPSHOT_REJECTED', retryable: false });
  });

  it('no message holds a header, the query or a body', async () => {
    const canary = 'secret-canary';
    const handlers: RequestListener[] = [
      ...[400, 401, 404, 412, 503].map((status) => answers(status, { 'x-a': canary, 'retry-after': canary }, canary)),
      answers(302, { location: `https://other.example/?${canary}` }),
      answers(302, { location: `https://user:${canary}@[` }),
      answers(200, { 'content-type': canary }),
      answers(200, { ...ndjson, 'content-encoding': canary }),
      answers(200, ndjson, canary),
      answers(200, ndjson, JSON.stringify({ ...start, scope: canary }) + '\n'),
      answers(200, { 'content-type': 'application/json' }, canary),
      (req) => req.socket.destroy(),
    ];
    for (const handler of handlers) {
      await using server = await listen(handler);
      const source = httpSnapshot(`${server.url}/p?key=${canary}#${canary}`, { headers: () => ({ 'x-key': canary }) });
      const error = (await failed(take(source))) as Error;
      expect(error).toBeInstanceOf(SyncError);
      for (
        let one: Partial<Error> | undefined = error;
        one !== undefined;
        one = one.cause as Partial<Error> | undefined
      )
        expect(`${String(one.message)} ${String(one.stack)}`).not.toContain(canary);
    }
  });
});

describe('httpSnapshot: redirects', () => {
  it('are followed within the origin, with fresh headers', async () => {
    const seen: unknown[] = [];
    const handler = serveSnapshot(scripted(() => rowsInChunks(3)));
    await using server = await listen((req, res) => {
      seen.push([req.url, req.headers['x-n']]);
      if (req.url === '/old?media=42') res.writeHead(307, { location: '/new?media=42' }).end('moved');
      else handler.node(req, res);
    });
    let n = 0;
    const source = httpSnapshot(`${server.url}/old`, { headers: () => ({ 'x-n': String(n++) }) });
    expect((await take(source, { scope: 'media=42' })).rows).toHaveLength(3);
    expect(seen).toEqual([
      ['/old?media=42', '0'],
      ['/new?media=42', '1'],
    ]);
  });

  it('I7: to another origin are refused, and nothing is sent there', async () => {
    let reached = 0;
    await using other = await listen((_, res) => {
      reached++;
      res.end();
    });
    await using server = await listen(answers(302, { location: `${other.url}/p` }));
    const error = await failed(take(httpSnapshot(server.url, { headers: () => ({ authorization: 'x' }) })));
    expect(error).toMatchObject({ code: 'SNAPSHOT_REJECTED', retryable: false });
    expect(String(error)).toContain('another origin');
    expect(reached).toBe(0);
  });

  it('without end are given up, and so is one to nowhere', async () => {
    let asked = 0;
    await using loop = await listen((_, res) => void res.writeHead(302, { location: `/${++asked}` }).end());
    expect(await failed(take(httpSnapshot(loop.url)))).toMatchObject({ code: 'SNAPSHOT_REJECTED', retryable: false });
    expect(asked).toBe(6);
    await using nowhere = await listen(answers(302));
    expect(await failed(take(httpSnapshot(nowhere.url)))).toMatchObject({
      code: 'SNAPSHOT_REJECTED',
      retryable: false,
    });
  });
});

describe('httpSnapshot: limits', () => {
  it.each(['maxBytes', 'maxRows', 'maxFrameBytes', 'maxPartitions'])('%s', async (name) => {
    await using server = await listen(serveSnapshot(scripted(() => rowsInChunks(1_000, 100))));
    const limits = { maxBytes: 100_000, maxRows: 1_000, maxFrameBytes: 20_000, maxPartitions: 1 };
    expect((await take(httpSnapshot(server.url, { limits }))).rows).toHaveLength(1_000);
    const less = { maxBytes: 30_000, maxRows: 999, maxFrameBytes: 1_000, maxPartitions: 0 };
    const source = httpSnapshot(server.url, { limits: { [name]: less[name as keyof typeof less] } });
    const error = await failed(take(source));
    expect(error).toMatchObject({ code: 'SNAPSHOT_REJECTED', retryable: false });
    expect(String(error)).toContain(`limits.${name}`);
  });

  it.each([{ maxBytes: 1_000_000 }, { maxFrameBytes: 1_000_000 }])(
    'I9: stop a decompression bomb (%o)',
    async (limits) => {
      let bytes = 0;
      await using server = await listen((_, res) => {
        res.writeHead(200, { ...ndjson, 'content-encoding': 'gzip' });
        const zeros = new ReadableStream<Uint8Array>({
          pull(controller) {
            bytes += 1_000_000;
            controller.enqueue(Buffer.alloc(1_000_000, ' '));
          },
        });
        const gzip = createGzip();
        gzip.pipe(res);
        res.on('close', () => gzip.destroy());
        void (async () => {
          for await (const some of zeros as unknown as AsyncIterable<Buffer>) {
            if (gzip.destroyed) return;
            await new Promise((resolve) => gzip.write(some, resolve));
          }
        })();
      });
      expect(await failed(take(httpSnapshot(server.url, { limits })))).toMatchObject({
        code: 'SNAPSHOT_REJECTED',
        retryable: false,
      });
      expect(await settles(() => bytes)).toBeLessThan(2_000_000_000);
    },
  );

  it('count the output of a small bomb, too', async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000, ' '));
    await using server = await listen(
      (_, res) => void res.writeHead(200, { ...ndjson, 'content-encoding': 'gzip' }).end(bomb),
    );
    expect(bomb.length).toBeLessThan(60_000);
    const error = await failed(take(httpSnapshot(server.url, { limits: { maxFrameBytes: 100_000 } })));
    expect(error).toMatchObject({ code: 'SNAPSHOT_REJECTED', retryable: false });
  });
});

describe('httpSnapshot: time', () => {
  const stalled =
    (...parts: string[]): RequestListener =>
    (_, res) => {
      if (parts.length > 0) res.writeHead(200, ndjson);
      for (const part of parts) res.write(part);
    };

  it.each([
    ['no answer', stalled()],
    ['nothing after the head', stalled('')],
    ['half a frame', stalled(JSON.stringify(start))],
    ['no end', stalled(`${JSON.stringify(start)}\n`)],
  ])('a stalled server ends at the idle deadline: %s', async (_, handler) => {
    await using server = await listen(handler);
    const error = await failed(take(httpSnapshot(server.url, { idleMs: 100 })));
    expect(error).toMatchObject({ code: 'DEADLINE_EXCEEDED', retryable: true });
  });

  it('a headers function that hangs ends at the idle deadline', async () => {
    const source = httpSnapshot('http://127.0.0.1:1/', { idleMs: 50, headers: () => new Promise(() => undefined) });
    expect(await failed(take(source))).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });

  it("the caller's pauses do not count as idle, but in the total", async () => {
    await using server = await listen(
      serveSnapshot(
        scripted(() => rowsInChunks(20_000)),
        { idleMs: 3_600_000 },
      ),
    );
    const pausing = async (options: { idleMs?: number; totalMs?: number }) => {
      const snapshot = await httpSnapshot(server.url, options).open({ signal: quiet });
      let rows = 0;
      for await (const chunk of snapshot.chunks) {
        if (rows === 0) jest.advanceTimersByTime(100_000);
        rows += chunk.rows.length;
      }
      return rows;
    };
    // the clocks are ours, the sockets real: no load can make this late
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'performance'] });
    try {
      expect(await pausing({ idleMs: 60_000 })).toBe(20_000);
      expect(await failed(pausing({ totalMs: 90_000 }))).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    } finally {
      jest.useRealTimers();
    }
  });
});

describe('httpSnapshot: ends', () => {
  const endless = function* (): Generator<SnapshotChunk, void, undefined> {
    const rows = Array.from({ length: 20 }, () => randomBytes(7_500).toString('base64'));
    for (;;) yield { rows };
  };

  it.each(['identity', 'gzip'])('I9: a consumer that does not pull holds the server back (%s)', async (encoding) => {
    const source = scripted(endless);
    await using server = await listen(serveSnapshot(source));
    const headers = () => ({ 'accept-encoding': encoding });
    const snapshot = await httpSnapshot(server.url, { headers }).open({ signal: quiet });
    const chunks = snapshot.chunks[Symbol.asyncIterator]();
    await chunks.next();
    const before = await settles(() => source.produced);
    expect(before * 200_000).toBeLessThan(32_000_000);
    for (let i = 0; i < before + 5; i++) await chunks.next();
    const after = await settles(() => source.produced);
    expect(after).toBeGreaterThan(before + 5);
    expect((after - before) * 200_000).toBeLessThan(64_000_000);
    await chunks.return?.();
  });

  it('breaking off closes the connection and ends the source, even in mid-read', async () => {
    for (const reading of [false, true]) {
      const source = scripted(async function* () {
        yield* rowsInChunks(500);
        if (reading) await new Promise(() => undefined);
        yield* endless();
      });
      await using server = await listen(serveSnapshot(source));
      const snapshot = await httpSnapshot(server.url).open({ signal: quiet });
      const chunks = snapshot.chunks[Symbol.asyncIterator]();
      await chunks.next();
      const pending = reading ? failed(chunks.next()) : undefined;
      void chunks.return?.();
      await pending;
      await eventually('the server sees it', () => source.requests[0]?.signal.aborted === true);
    }
  });

  it('the signal ends it promptly with its own reason: before, in open, in between and in mid-read', async () => {
    const reason = new Error('enough');
    const source = scripted(async function* () {
      yield* rowsInChunks(1_000);
      await new Promise(() => undefined);
    });
    await using server = await listen(serveSnapshot(source));
    await using silent = await listen(() => undefined);

    expect(await failed(httpSnapshot(server.url).open({ signal: AbortSignal.abort(reason) }))).toBe(reason);

    const inOpen = new AbortController();
    const opening = failed(httpSnapshot(silent.url).open({ signal: inOpen.signal }));
    inOpen.abort(reason);
    expect(await opening).toBe(reason);

    for (const when of ['between', 'reading']) {
      const controller = new AbortController();
      const snapshot = await httpSnapshot(server.url).open({ signal: controller.signal });
      const chunks = snapshot.chunks[Symbol.asyncIterator]();
      await chunks.next();
      await chunks.next();
      if (when === 'between') controller.abort(reason);
      const next = failed(chunks.next());
      controller.abort(reason);
      expect(await next).toBe(reason);
    }
    await eventually('the server sees both', () => source.requests.every(({ signal }) => signal.aborted));
    expect(source.requests).toHaveLength(2);
  });
});
