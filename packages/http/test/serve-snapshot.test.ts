import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import {
  InvalidConfiguration,
  MalformedPosition,
  OffsetMap,
  type Position,
  type Snapshot,
  type SnapshotChunk,
  SnapshotRejected,
  SnapshotTooOld,
  toToken,
  Unavailable,
} from '@tidemark/core';
import { serveSnapshot } from '../src/serve-snapshot';
import { eventually, settles } from './eventually';
import { listen } from './listen';
import { positionAt, rowsInChunks, scripted } from './sources';

const never = new Promise<never>(() => undefined);

/** Chunks of about a megabyte that don't compress well, without end. */
function* endless(): Generator<SnapshotChunk, void, undefined> {
  const rows = Array.from({ length: 100 }, () => randomBytes(7_500).toString('base64'));
  for (;;) yield { rows };
}

describe('serveSnapshot: what it asks of the source', () => {
  it('takes the query, sorted, as the scope, and the position and token of the headers', async () => {
    const source = scripted(() => []);
    const { fetch: answer } = serveSnapshot(source);
    const headers = { 'tidemark-not-older-than': toToken(positionAt(40)), 'tidemark-resume': 's1%3A7' };
    await answer(new Request('http://a.example/any/path?b=2&a=%C5%BE&b=1', { headers }));
    await answer(new Request('http://a.example/?'));
    expect(source.requests[0]).toMatchObject({ scope: 'a=%C5%BE&b=2&b=1', resume: 's1:7' });
    expect(toToken(source.requests[0]!.notOlderThan!)).toBe(toToken(positionAt(40)));
    expect(source.requests[1]).toMatchObject({ scope: undefined, resume: undefined, notOlderThan: undefined });
  });

  it("prefers its own schema to the source's", async () => {
    const source = scripted(() => [], { schema: 'source.v1' });
    const startOf = async (handler: ReturnType<typeof serveSnapshot>) => {
      const response = await handler.fetch(new Request('http://a.example/'));
      return JSON.parse((await response.text()).split('\n')[0]!) as { schema?: string };
    };
    expect((await startOf(serveSnapshot(source))).schema).toBe('source.v1');
    expect((await startOf(serveSnapshot(source, { schema: 'served.v2' }))).schema).toBe('served.v2');
  });
});

describe('serveSnapshot: refusals', () => {
  const ask = async (open: () => Promise<Snapshot>, init: RequestInit = {}) => {
    const errors: unknown[] = [];
    const handler = serveSnapshot({ open }, { onError: (error) => errors.push(error) });
    const response = await handler.fetch(new Request('http://a.example/', init));
    const text = await response.text();
    const problem = text.startsWith('{"type"') ? undefined : (JSON.parse(text) as { code: string; detail?: string });
    return { response, errors, problem, text };
  };

  it.each([
    [new SnapshotTooOld('old'), 412, true, 'old'],
    [new SnapshotRejected('no such scope', false), 400, false, 'no such scope'],
    [new MalformedPosition('bad'), 400, false, 'bad'],
    [new Unavailable('secret-canary'), 503, true, undefined],
    [new SnapshotRejected('secret-canary', true), 503, true, undefined],
    [new InvalidConfiguration('secret-canary'), 500, false, undefined],
    [new Error('secret-canary'), 500, false, undefined],
  ])('%s → %i', async (error, status, later, detail) => {
    const { response, errors, problem, text } = await ask(() => Promise.reject(error));
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(response.headers.has('retry-after')).toBe(later);
    expect(problem).toMatchObject({ status, code: 'code' in error ? error.code : 'INTERNAL' });
    expect(problem?.detail).toBe(detail);
    expect(text).not.toContain('canary');
    expect(errors).toEqual(status >= 500 ? [error] : []);
  });

  it('gives a status to what fails at the first rows', async () => {
    const failing = scripted(() => {
      throw new Error('secret-canary');
    });
    const { response, text } = await ask((...request) => failing.open(...(request as unknown as [never])));
    expect(response.status).toBe(500);
    expect(text).not.toContain('canary');
    expect(failing.produced).toBe(0);
  });

  it.each([
    ['tidemark-not-older-than', 'no token!'],
    ['tidemark-not-older-than', 'bm8gSlNPTg'],
    ['tidemark-resume', '%E0%A4%A'],
  ])('400 for a bad %s, without asking the source', async (name, value) => {
    const source = scripted(() => []);
    const { response } = await ask((...request) => source.open(...(request as unknown as [never])), {
      headers: { [name]: value },
    });
    expect(response.status).toBe(400);
    expect(source.requests).toEqual([]);
  });

  it('405 for everything but GET', async () => {
    const { response } = await ask(() => Promise.reject(new Error('not reached')), { method: 'POST' });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET']);
  });
});

describe('serveSnapshot: notOlderThan', () => {
  const statusFor = async (snapshot: Position, floor: Position) => {
    const source = scripted(() => rowsInChunks(1), { position: snapshot });
    const handler = serveSnapshot(source);
    const headers = { 'tidemark-not-older-than': toToken(floor) };
    const response = await handler.fetch(new Request('http://a.example/', { headers }));
    await response.body?.cancel();
    return response.status;
  };

  it('I8: refuses with 412 a snapshot below the position asked for', async () => {
    expect(await statusFor(positionAt(41), positionAt(42))).toBe(412);
    expect(await statusFor(positionAt(42), positionAt(42))).toBe(200);
    expect(await statusFor(positionAt(43), positionAt(42))).toBe(200);
    expect(await statusFor({ ...positionAt(0), offsets: OffsetMap.empty('decimal') }, positionAt(0))).toBe(412);
  });

  it("leaves partitions of another log to the client's judgement", async () => {
    expect(await statusFor(positionAt(1, 'recreated'), positionAt(42))).toBe(200);
    const lexical = { source: { kind: 'files', order: 'lexical', epochs: {} }, offsets: OffsetMap.empty('lexical') };
    expect(await statusFor(lexical as Position, positionAt(42))).toBe(200);
  });
});

describe('serveSnapshot: the way out', () => {
  it('I9: produces no more than the client takes, compressed or not', async () => {
    for (const encoding of ['identity', 'gzip']) {
      const source = scripted(endless);
      const response = await serveSnapshot(source).fetch(
        new Request('http://a.example/', { headers: { 'accept-encoding': encoding } }),
      );
      // up to the first rows, and zlib's buffers
      expect(await settles(() => source.produced)).toBeLessThanOrEqual(1);
      const reader = response.body!.getReader() as ReadableStreamDefaultReader<Uint8Array>;
      for (let bytes = 0; bytes < 10_000; bytes += (await reader.read()).value!.length);
      expect(await settles(() => source.produced)).toBeLessThanOrEqual(5);
      await reader.cancel();
      await eventually('the source is ended', () => source.ended === 1);
    }
  });

  it('I9: produces a bounded number of rows while a socket is not read', async () => {
    const source = scripted(endless);
    await using server = await listen(serveSnapshot(source));
    const socket = connect(server.port, '127.0.0.1').pause();
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(await settles(() => source.produced)).toBeLessThan(32);
    socket.destroy();
    await eventually('the source is ended', () => source.ended === 1);
    expect(source.requests[0]?.signal.aborted).toBe(true);
  });

  it.each(['open', 'first rows', 'later rows'])(
    'ends the source when the client goes away while it waits: %s',
    async (at) => {
      const source = scripted(async function* () {
        if (at === 'later rows') yield* rowsInChunks(1_000);
        await never;
      });
      const open = at === 'open' ? () => never : source.open.bind(source);
      let signal: AbortSignal | undefined;
      const errors: unknown[] = [];
      const handler = serveSnapshot(
        { open: (request) => ((signal = request.signal), open(request)) },
        { onError: (error) => errors.push(error) },
      );
      await using server = await listen(handler);
      const socket = connect(server.port, '127.0.0.1').resume();
      socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await eventually('the source is asked', () =>
        at === 'later rows' ? source.produced === 2 : signal !== undefined,
      );
      expect(signal?.aborted).toBe(false);
      socket.destroy();
      await eventually('the signal aborts', () => signal?.aborted === true);
      expect(errors).toEqual([]);
    },
  );

  it("calls return() of the source's iteration although its next() is pending", async () => {
    let [asked, returned] = [0, 0];
    const chunks = {
      [Symbol.asyncIterator]: () => ({
        next: () => (asked++, never),
        return: () => Promise.resolve({ done: true as const, value: ++returned }),
      }),
    };
    await using server = await listen(
      serveSnapshot({ open: async () => ({ id: 's', position: positionAt(1), chunks }) }),
    );
    const socket = connect(server.port, '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await eventually('rows are asked for', () => asked === 1);
    socket.destroy();
    await eventually('return() was called', () => returned === 1);
  });

  it('ends a snapshot that opens only after the client has gone', async () => {
    let open!: (snapshot: Snapshot) => void;
    let returned = 0;
    const opening = new Promise<Snapshot>((resolve) => (open = resolve));
    const client = new AbortController();
    const handler = serveSnapshot({ open: () => opening });
    const answer = handler.fetch(new Request('http://a.example/', { signal: client.signal }));
    client.abort();
    await answer;
    const chunks = {
      [Symbol.asyncIterator]: () => ({
        next: () => never,
        return: () => Promise.resolve({ done: true as const, value: ++returned }),
      }),
    };
    open({ id: 's', position: positionAt(1), chunks });
    await eventually('return() was called', () => returned === 1);
  });

  it('I6: cuts the body where the source fails, without an end frame and without a word', async () => {
    const errors: unknown[] = [];
    const failure = new Error('secret-canary');
    const source = scripted(async function* () {
      yield* rowsInChunks(1_000);
      throw failure;
    });
    await using server = await listen(serveSnapshot(source, { onError: (error) => errors.push(error) }));
    const response = await fetch(server.url, { headers: { 'accept-encoding': 'identity' } });
    expect(response.status).toBe(200);
    let text = '';
    const reading = async () => {
      for await (const piece of response.body as unknown as AsyncIterable<Uint8Array>)
        text += Buffer.from(piece).toString();
    };
    await expect(reading()).rejects.toThrow();
    expect(text).not.toContain('"end"');
    expect(text).not.toContain('canary');
    expect(errors).toEqual([failure]);
  });

  it('ends a snapshot whose client does not read within the idle deadline', async () => {
    const errors: unknown[] = [];
    const source = scripted(endless);
    await using server = await listen(serveSnapshot(source, { idleMs: 100, onError: (error) => errors.push(error) }));
    const socket = connect(server.port, '127.0.0.1').pause();
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await eventually('the source is ended', () => source.ended === 1);
    expect(errors).toMatchObject([{ code: 'DEADLINE_EXCEEDED' }]);
    socket.destroy();
  });

  it('a slow snapshot that makes progress is not idle', async () => {
    const source = scripted(async function* () {
      for (let i = 0; i < 8; i++) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        yield { rows: [i] };
      }
    });
    const response = await serveSnapshot(source, { idleMs: 300 }).fetch(new Request('http://a.example/'));
    expect((await response.text()).trim().split('\n')).toHaveLength(10);
  });

  it('ends the source when the body is cancelled, which is no error', async () => {
    const errors: unknown[] = [];
    const source = scripted(endless);
    const handler = serveSnapshot(source, { onError: (error) => errors.push(error) });
    const response = await handler.fetch(new Request('http://a.example/'));
    await response.body!.cancel();
    await eventually('the source is ended', () => source.ended === 1);
    expect(errors).toEqual([]);
  });

  it('ends a snapshot that is not over within the total deadline, although it makes progress', async () => {
    const errors: unknown[] = [];
    const source = scripted(async function* () {
      for (;;) {
        yield { rows: [1] };
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    });
    const handler = serveSnapshot(source, { totalMs: 150, onError: (error) => errors.push(error) });
    const response = await handler.fetch(new Request('http://a.example/'));
    await expect(response.text()).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(errors).toMatchObject([{ code: 'DEADLINE_EXCEEDED' }]);
    await eventually('the source is ended', () => source.ended === 1);
  });

  it('503 when the source does not answer within the idle deadline', async () => {
    const handler = serveSnapshot({ open: () => never }, { idleMs: 50 });
    const response = await handler.fetch(new Request('http://a.example/'));
    expect(response.status).toBe(503);
  });
});
