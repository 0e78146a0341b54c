import { request as httpRequest } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { positionToJson, type SnapshotChunk } from '@tidemark/core';
import { httpSnapshot } from '../src/http-snapshot';
import { serveSnapshot } from '../src/serve-snapshot';
import { listen } from './listen';
import { drain, positionAt, rowsInChunks, scripted, take } from './sources';

describe('a snapshot over HTTP', () => {
  it('arrives equal, with its id, position, schema, scope and count', async () => {
    const source = scripted(() => rowsInChunks(1_234), { count: 1_234, schema: 'assignment.v1' });
    await using server = await listen(serveSnapshot(source));
    const { snapshot, rows, chunks } = await take(httpSnapshot(`${server.url}/assignments`), { scope: 'media=42' });
    expect(snapshot).toMatchObject({ id: 's1', schema: 'assignment.v1', scope: 'media=42', count: 1_234 });
    expect(positionToJson(snapshot.position)).toEqual(positionToJson(positionAt(41)));
    expect(rows).toEqual([...rowsInChunks(1_234)].flatMap((chunk) => chunk.rows));
    expect(chunks.map((chunk) => [chunk.topic, chunk.rows.length])).toEqual([
      ['assignments', 500],
      ['assignments', 500],
      ['assignments', 234],
    ]);
  });

  it('arrives empty where there are no rows', async () => {
    await using server = await listen(serveSnapshot(scripted(() => [])));
    const { snapshot, chunks } = await take(httpSnapshot(server.url));
    expect(chunks).toEqual([]);
    expect(positionToJson(snapshot.position)).toEqual(positionToJson(positionAt(41)));
  });

  it('carries tombstones, versions beyond 2^53 and tokens', async () => {
    const chunk: SnapshotChunk = {
      topic: undefined,
      rows: [],
      tombstones: [
        { key: 'a', version: 7 },
        { key: 'b', version: 9_007_199_254_740_993n },
      ],
      token: 's1:7/ž',
    };
    await using server = await listen(serveSnapshot(scripted(() => [chunk])));
    expect((await take(httpSnapshot(server.url))).chunks).toEqual([chunk]);
  });

  it('goes on after a token, and says so', async () => {
    const source = scripted(
      () => rowsInChunks(3),
      ({ resume }) => ({ count: 500, resumed: resume !== undefined }),
    );
    await using server = await listen(serveSnapshot(source));
    const { snapshot, rows } = await take(httpSnapshot(server.url), { resume: 's1:7/ž' });
    expect(source.requests[0]?.resume).toBe('s1:7/ž');
    expect(snapshot.resumed).toBe(true);
    expect(rows).toHaveLength(3);
  });

  it('splits a chunk of big rows into frames, whose tombstones and token come last', async () => {
    const rows = Array.from({ length: 5 }, (_, i) => ({ id: i, text: 'x'.repeat(600_000) }));
    const tombstones = [{ key: 'a', version: 1 }];
    await using server = await listen(serveSnapshot(scripted(() => [{ rows, tombstones, token: 't' }])));
    const { chunks } = await take(httpSnapshot(server.url, { limits: { maxFrameBytes: 1_300_000 } }));
    expect(chunks.flatMap((chunk) => chunk.rows)).toEqual(rows);
    expect(chunks.length).toBeGreaterThan(1);
    expect(chunks.map((chunk) => chunk.token)).toEqual([...chunks.slice(1).map(() => undefined), 't']);
    expect(chunks.at(-1)?.tombstones).toEqual(tombstones);
  });

  it('is compressed when asked, and only then', async () => {
    await using server = await listen(serveSnapshot(scripted(() => rowsInChunks(2_000))));
    const bodies = await Promise.all(['gzip', 'identity', 'gzip;q=0, *'].map((accept) => rawGet(server.url, accept)));
    expect(bodies.map(({ encoding }) => encoding)).toEqual(['gzip', undefined, undefined]);
    expect(gunzipSync(bodies[0]!.body)).toEqual(bodies[1]!.body);
    expect(bodies[0]!.body.length).toBeLessThan(bodies[1]!.body.length / 3);
    for (const encoding of ['gzip', 'identity']) {
      const plain = httpSnapshot(server.url, { headers: () => ({ 'accept-encoding': encoding }) });
      expect((await take(plain)).rows).toHaveLength(2_000);
    }
  });

  it('lets compressed rows out although more are a long time coming', async () => {
    let release = (): void => undefined;
    const later = new Promise<void>((resolve) => (release = resolve));
    const source = scripted(async function* () {
      yield { rows: [1] };
      yield { rows: [2] };
      await later;
      yield { rows: [3] };
    });
    await using server = await listen(serveSnapshot(source));
    const snapshot = await httpSnapshot(server.url).open({ signal: new AbortController().signal });
    const chunks = snapshot.chunks[Symbol.asyncIterator]();
    expect((await chunks.next()).value).toMatchObject({ rows: [1] });
    release();
    expect((await chunks.next()).value).toMatchObject({ rows: [2] });
    expect((await chunks.next()).value).toMatchObject({ rows: [3] });
    expect((await chunks.next()).done).toBe(true);
  });

  it('is served by the Fetch form too', async () => {
    const { fetch: answer } = serveSnapshot(scripted(() => rowsInChunks(3)));
    const response = await answer(new Request('http://a.example/assignments?b=1&a=2'));
    expect(response.headers.get('content-type')).toBe('application/x-ndjson');
    const frames = (await response.text()).trim().split('\n');
    expect(frames.map((frame) => (JSON.parse(frame) as { type: string }).type)).toEqual(['start', 'rows', 'end']);
    expect(JSON.parse(frames[0]!)).toMatchObject({ v: 1, scope: 'a=2&b=1' });
  });

  it('may be iterated once', async () => {
    await using server = await listen(serveSnapshot(scripted(() => rowsInChunks(3))));
    const { snapshot } = await take(httpSnapshot(server.url));
    await expect(drain(snapshot)).rejects.toMatchObject({ code: 'INVALID_CONFIGURATION' });
  });
});

/** The body as it stood on the wire. */
function rawGet(url: string, acceptEncoding: string): Promise<{ encoding: string | undefined; body: Buffer }> {
  return new Promise((resolve, reject) => {
    httpRequest(url, { headers: { 'accept-encoding': acceptEncoding } }, (response) => {
      response
        .toArray()
        .then(
          (pieces) =>
            resolve({ encoding: response.headers['content-encoding'], body: Buffer.concat(pieces as Buffer[]) }),
          reject,
        );
    })
      .on('error', reject)
      .end();
  });
}
