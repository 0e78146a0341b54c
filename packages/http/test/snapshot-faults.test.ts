import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { positionToJson, SyncError } from '@tidemark/core';
import fc from 'fast-check';
import { httpSnapshot } from '../src/http-snapshot';
import { serveSnapshot } from '../src/serve-snapshot';
import { withDefaults } from '../src/snapshot-limits';
import { readFrames } from '../src/snapshot-reader';
import { listen } from './listen';
import { positionAt, rowsInChunks, scripted, take } from './sources';

/** A small snapshot's bytes: three frames of rows. */
async function small(): Promise<Buffer> {
  const handler = serveSnapshot(scripted(() => rowsInChunks(3, 1), { count: 3, schema: 'v1' }));
  const response = await handler.fetch(new Request('http://a.example/'));
  return Buffer.from(await response.arrayBuffer());
}

async function* pieces(...all: readonly Buffer[]): AsyncGenerator<Buffer, void, undefined> {
  yield* all;
}

/** The frames, or the typed error that ended them. */
async function outcome(...body: readonly Buffer[]): Promise<unknown> {
  const frames: unknown[] = [];
  try {
    for await (const frame of readFrames(pieces(...body), withDefaults(undefined), 'GET a')) frames.push(frame);
    return frames;
  } catch (error) {
    if (error instanceof SyncError) return error;
    throw error;
  }
}

describe('a damaged snapshot', () => {
  it('I6: cut at any offset it is refused, and may be asked for again', async () => {
    const body = await small();
    for (let length = 0; length < body.length; length++)
      expect(await outcome(body.subarray(0, length))).toMatchObject({ code: 'SNAPSHOT_REJECTED', retryable: true });
  });

  it('I6: with anything after its end it is refused', async () => {
    const body = await small();
    for (const more of ['\n', 'x', ' ', '{"type":"end"}\n'])
      expect(await outcome(body, Buffer.from(more))).toMatchObject({ code: 'SNAPSHOT_REJECTED' });
  });

  it('split at any offset it is the same', async () => {
    const body = await small();
    const whole = await outcome(body);
    expect(whole).toHaveLength(4);
    for (let at = 0; at <= body.length; at++)
      expect(await outcome(body.subarray(0, at), body.subarray(at))).toEqual(whole);
    expect(await outcome(...Array.from(body, (_, at) => body.subarray(at, at + 1)))).toEqual(whole);
  });

  it('I6: with any bit flipped it is refused with a typed error, or equal', async () => {
    const body = await small();
    const whole = await outcome(body);
    let refused = 0;
    for (let at = 0; at < body.length; at++)
      for (let bit = 0; bit < 8; bit++) {
        const flipped = Buffer.from(body);
        flipped[at]! ^= 1 << bit;
        const result = await outcome(flipped);
        if (result instanceof SyncError) refused++;
        else expect(result).toEqual(whole);
      }
    expect(refused).toBe(body.length * 8);
  });

  it('I6: with runs of bytes overwritten, doubled or left out it is refused with a typed error, or equal', async () => {
    const body = await small();
    const whole = await outcome(body);
    await fc.assert(
      fc.asyncProperty(fc.nat(body.length), fc.nat(60), fc.uint8Array({ maxLength: 60 }), async (at, drop, put) => {
        const damaged = Buffer.concat([body.subarray(0, at), put, body.subarray(at + drop)]);
        const result = await outcome(damaged);
        if (!(result instanceof SyncError)) expect(result).toEqual(whole);
      }),
      { numRuns: 500 },
    );
  });

  it.each(['identity', 'gzip'])(
    'I6: over sockets, cut at any offset (%s), it is refused and retryable',
    async (encoding) => {
      const body = encoding === 'gzip' ? gzipSync(await small()) : await small();
      let cut = { at: 0, how: 'end' as 'end' | 'destroy' | 'length' };
      await using server = await listen((_, res) => {
        res.setHeader('content-type', 'application/x-ndjson');
        if (encoding === 'gzip') res.setHeader('content-encoding', 'gzip');
        if (cut.how === 'length') res.setHeader('content-length', body.length);
        if (cut.how === 'end') res.end(body.subarray(0, cut.at));
        else res.write(body.subarray(0, cut.at), () => res.destroy());
      });
      // the last byte of gzip's trailer may be missing: what it would prove, the digest proves
      const last = encoding === 'gzip' ? body.length - 8 : body.length;
      // four steps at a time, three ways in turn: each way everywhere
      for (let at = 1; at < last; at += 4) {
        cut = { at, how: (['end', 'destroy', 'length'] as const)[at % 3]! };
        await expect(take(httpSnapshot(server.url))).rejects.toMatchObject({
          code: 'SNAPSHOT_REJECTED',
          retryable: true,
        });
      }
    },
  );

  it('I6: a server that dies in mid-stream leaves no whole snapshot', async () => {
    const source = scripted(async function* () {
      yield* rowsInChunks(1_000);
      await new Promise(() => undefined);
    });
    const server = await listen(serveSnapshot(source));
    const snapshot = await httpSnapshot(server.url).open({ signal: new AbortController().signal });
    const chunks = snapshot.chunks[Symbol.asyncIterator]();
    await chunks.next();
    await server[Symbol.asyncDispose]();
    const rest = async () => {
      while ((await chunks.next()).done !== true);
    };
    await expect(rest()).rejects.toMatchObject({ code: 'SNAPSHOT_REJECTED', retryable: true });
  });
});

/** How many rows a frame has, if it is one. */
function rowsIn(frame: object | string): number {
  try {
    const { rows } = (typeof frame === 'string' ? JSON.parse(frame) : frame) as { rows?: unknown[] };
    return rows?.length ?? 0;
  } catch {
    return 0;
  }
}

describe('a body that is no snapshot', () => {
  const position = positionToJson(positionAt(41));
  const start = { type: 'start', v: 1, id: 's1', position };
  /** These frames, with a right end unless one is given. */
  const bodyOf = (...frames: readonly (object | string)[]): Buffer => {
    const lines = frames.map((frame) => (typeof frame === 'string' ? frame : JSON.stringify(frame)) + '\n').join('');
    if (lines.includes('"end"')) return Buffer.from(lines);
    const rows = frames.reduce((sum: number, frame) => sum + rowsIn(frame), 0);
    const digest = createHash('sha256').update(lines).digest('hex');
    return Buffer.from(`${lines}${JSON.stringify({ type: 'end', rows, digest })}\n`);
  };
  const opened = async (...frames: readonly (object | string)[]) => {
    await using server = await listen((_, res) => {
      res.setHeader('content-type', 'application/octet-stream').end(bodyOf(...frames));
    });
    return await take(httpSnapshot(server.url));
  };

  it('is a snapshot if its frames are right, whoever wrote them', async () => {
    const { rows } = await opened(
      { ...start, later: 'unknown members are ignored' },
      '{"rows" : [1, "__proto__"],\t"type":"rows"}',
    );
    expect(rows).toEqual([1, '__proto__']);
  });

  it.each<[string, (object | string)[], string]>([
    ['garbage', ['<html>'], 'not JSON'],
    ['an empty line', [''], 'not JSON'],
    ['JSON that is no object', ['[]', start], 'its type is none'],
    ['null', ['null'], 'not a JSON object'],
    ['an unknown first frame', [{ type: 'hello' }], 'its type is none'],
    ['rows first', [{ type: 'rows', rows: [] }], '"start" is the first frame'],
    ['two starts', [start, start], '"start" is the first frame'],
    ['another version', [{ ...start, v: 2 }], '"v"'],
    ['no id', [{ ...start, id: '' }], '"id"'],
    ['a wrong count', [{ ...start, count: -1 }], '"count"'],
    ['a null scope', [{ ...start, scope: null }], '"scope"'],
    ['rows that are no array', [start, { type: 'rows', rows: {} }], '"rows"'],
    ['a wrong topic', [start, { type: 'rows', rows: [], topic: 7 }], '"topic"'],
    [
      'wrong tombstones',
      [start, { type: 'rows', rows: [], tombstones: [{ key: 'k', version: '1e3' }] }],
      '"tombstones"',
    ],
    ['__proto__ in a frame', [start, '{"type":"rows","rows":[],"__proto__":{"token":"x"}}'], '__proto__'],
    ['__proto__ deep in a row', [start, '{"type":"rows","rows":[{"a":[{"__proto__" : 1}]}]}'], '__proto__'],
    ['__proto__, escaped', [start, '{"type":"rows","rows":[{"_\\u005Fpr\\u006fto__":1}]}'], '__proto__'],
    ['more after the end', [start, { type: 'end', rows: 0, digest: '' }, { type: 'rows', rows: [] }], ''],
  ])('%s is refused for good', async (_, frames, why) => {
    if (why === '') {
      const whole = bodyOf(start).toString();
      frames = [...whole.trim().split('\n'), '{"type":"rows","rows":[]}'];
      why = 'had ended before';
    }
    const error: unknown = await opened(...frames).then(
      () => undefined,
      (e: unknown) => e,
    );
    expect(error).toMatchObject({ code: 'SNAPSHOT_REJECTED', retryable: false });
    expect((error as Error).message).toContain(why);
    expect((error as Error).message).toMatch(/frame \d+, at byte \d+/);
  });

  it.each<[string, object]>([
    ['no position', { ...start, position: undefined }],
    ['a position of another version', { ...start, position: { ...position, v: 2 } }],
    [
      'an offset of the wrong form',
      { ...start, position: { ...position, partitions: [{ topic: 't', partition: '0', through: '007' }] } },
    ],
    [
      'a partition named twice',
      { ...start, position: { ...position, partitions: [...position.partitions, ...position.partitions] } },
    ],
  ])('%s is refused for good, before any row', async (_, frame) => {
    await expect(opened(frame)).rejects.toMatchObject({ code: 'MALFORMED_POSITION', retryable: false });
  });

  it.each<[string, object[], string]>([
    ['fewer rows than sent', [start, { type: 'rows', rows: [1] }, { type: 'end', rows: 2, digest: 'x' }], 'rows came'],
    ['another digest', [start, { type: 'end', rows: 0, digest: 'a'.repeat(64) }], 'digest'],
    [
      'fewer rows than announced',
      [
        { ...start, count: 2 },
        { type: 'rows', rows: [1] },
      ],
      'announced',
    ],
  ])('I6: %s may be asked for again', async (_, frames, why) => {
    const error: unknown = await opened(...frames).then(
      () => undefined,
      (e: unknown) => e,
    );
    expect(error).toMatchObject({ code: 'SNAPSHOT_REJECTED', retryable: true });
    expect((error as Error).message).toContain(why);
  });

  it('bytes that are no UTF-8 are refused, although the digest is right', async () => {
    const bytes = bodyOf(start, '{"type":"rows","rows":["\xff"]}');
    const latin = Buffer.from(bytes.toString('utf8'), 'latin1');
    expect(await outcome(latin)).toMatchObject({ code: 'SNAPSHOT_REJECTED', retryable: false });
  });

  it('no message holds a payload', async () => {
    const secret = 'secret-canary';
    for (const frames of [
      [secret],
      [{ ...start, v: secret }],
      [start, { type: 'rows', rows: secret }],
      [{ ...start, id: 7, schema: secret }],
    ]) {
      const error: unknown = await opened(...frames).then(
        () => undefined,
        (e: unknown) => e,
      );
      expect(error).toBeInstanceOf(SyncError);
      expect(`${String(error)} ${String((error as Error).cause)}`).not.toContain(secret);
    }
  });
});
