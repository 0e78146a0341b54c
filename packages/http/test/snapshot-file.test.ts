import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { positionToJson, type SnapshotChunk } from '@tidemark/core';
import * as fc from 'fast-check';
import { httpSnapshot } from '../src/http-snapshot';
import { serveSnapshot } from '../src/serve-snapshot';
import { bytesSnapshot } from '../src/snapshot-bytes';
import { fileSnapshot, writeSnapshotFile } from '../src/snapshot-file';
import { listen } from './listen';
import { drain, positionAt, rowsInChunks, scripted, take } from './sources';

let directory: string;
const path = (name = 'assignments.ndjson') => join(directory, name);

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemark-file-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const signal = () => new AbortController().signal;
const rows = (count: number) => [...rowsInChunks(count)].flatMap((chunk) => chunk.rows);
const source = (count = 1_234, id = 's1', through = 41) =>
  scripted(() => rowsInChunks(count, 100), { id, schema: 'v1', position: positionAt(through) });

describe('a snapshot file', () => {
  it('is the body of the protocol, and comes back as it was', async () => {
    const written = await writeSnapshotFile(source(), path());
    expect(written.id).toBe('s1');
    const body = await serveSnapshot(source()).fetch(new Request('http://a.example/'));
    expect(await readFile(path(), 'utf8')).toBe(await body.text());
    const { snapshot, rows: read, chunks } = await take(fileSnapshot(path(), { schema: 'v1' }));
    expect(snapshot).toMatchObject({ id: 's1', schema: 'v1', resumed: false });
    expect(positionToJson(snapshot.position)).toEqual(positionToJson(positionAt(41)));
    expect(read).toEqual(rows(1_234));
    expect(chunks.every(({ token }) => token !== undefined)).toBe(true);
    expect(await readdir(directory)).toEqual(['assignments.ndjson']);
  });

  it('keeps tombstones', async () => {
    const chunk: SnapshotChunk = { topic: 't', rows: [1], tombstones: [{ key: 'b', version: 9_007_199_254_740_993n }] };
    await writeSnapshotFile(
      scripted(() => [chunk]),
      path(),
    );
    expect((await take(fileSnapshot(path()))).chunks).toMatchObject([chunk]);
  });

  it('I6: is replaced whole or not at all', async () => {
    await writeSnapshotFile(source(300), path());
    const before = await readFile(path(), 'utf8');
    const dies = scripted(
      async function* () {
        yield* rowsInChunks(200, 100);
        throw new Error('the database is gone');
      },
      { id: 's2' },
    );
    await expect(writeSnapshotFile(dies, path())).rejects.toThrow('the database is gone');
    const stopped = new AbortController();
    const hangs = scripted(async function* () {
      yield* rowsInChunks(100, 100);
      stopped.abort(new Error('enough'));
      await new Promise(() => undefined);
    });
    await expect(writeSnapshotFile(hangs, path(), { signal: stopped.signal })).rejects.toThrow('enough');
    expect(hangs.requests[0]?.signal.aborted).toBe(true);
    expect(await readFile(path(), 'utf8')).toBe(before);
    expect(await readdir(directory)).toEqual(['assignments.ndjson']);
  });

  it('that is replaced while it is read is read on', async () => {
    await writeSnapshotFile(source(40_000, 's1'), path());
    const snapshot = await fileSnapshot(path()).open({ signal: signal() });
    await writeSnapshotFile(source(5, 's2'), path());
    expect((await drain(snapshot)).rows).toHaveLength(40_000);
    expect((await take(fileSnapshot(path()))).rows).toHaveLength(5);
  });

  it('where the disk refuses is Unavailable', async () => {
    await expect(writeSnapshotFile(source(), path('no/such/directory'))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(take(fileSnapshot(path()))).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      retryable: true,
      message: expect.stringContaining('ENOENT') as string,
    });
  });
});

describe('going on with a file', () => {
  it('I6: after any token exactly the rest comes, and the whole is what was written', async () => {
    await writeSnapshotFile(source(950), path());
    const { chunks } = await take(fileSnapshot(path()));
    await fc.assert(
      fc.asyncProperty(fc.nat(chunks.length - 1), fc.boolean(), async (cut, overHttp) => {
        await using server = await listen(serveSnapshot(fileSnapshot(path())));
        const from = overHttp ? httpSnapshot(server.url) : fileSnapshot(path());
        const rest = await take(from, { resume: chunks[cut]?.token });
        expect(rest.snapshot).toMatchObject({ id: 's1', resumed: true });
        const before = chunks.slice(0, cut + 1).flatMap((chunk) => chunk.rows);
        expect([...before, ...rest.rows]).toEqual(rows(950));
      }),
      { numRuns: 30 },
    );
  });

  it('I6: another snapshot under the same path begins anew', async () => {
    await writeSnapshotFile(source(300, 's1'), path());
    const { chunks } = await take(fileSnapshot(path()));
    await writeSnapshotFile(source(300, 's2'), path());
    const { snapshot, rows: all } = await take(fileSnapshot(path()), { resume: chunks[1]?.token });
    expect(snapshot).toMatchObject({ id: 's2', resumed: false });
    expect(all).toHaveLength(300);
  });

  it('I6: damage before the token is found at the end', async () => {
    await writeSnapshotFile(source(300), path());
    const { chunks } = await take(fileSnapshot(path()));
    const text = await readFile(path(), 'utf8');
    await writeFile(path(), text.replace('"a7"', '"a8"'));
    await expect(take(fileSnapshot(path()), { resume: chunks[1]?.token })).rejects.toMatchObject({
      code: 'SNAPSHOT_REJECTED',
      retryable: true,
      damaged: true,
    });
  });

  it.each([
    ['between two frames', (bytes: number) => bytes - 1],
    ['after the end', (bytes: number) => bytes + 1_000_000],
  ])('a place %s is refused, and isn’t gone on with', async (_, moved) => {
    await writeSnapshotFile(source(300), path());
    const { chunks } = await take(fileSnapshot(path()));
    const [bytes, ...others] = (chunks[1]?.token ?? '').split(':');
    const resume = [moved(Number(bytes)), ...others].join(':');
    await expect(take(fileSnapshot(path()), { resume })).rejects.toMatchObject({
      code: 'SNAPSHOT_REJECTED',
      damaged: true,
    });
  });

  it('a wrong number of rows in the token is refused at the end', async () => {
    await writeSnapshotFile(source(300), path());
    const { chunks } = await take(fileSnapshot(path()));
    const resume = (chunks[1]?.token ?? '').replace(':200:', ':100:');
    await expect(take(fileSnapshot(path()), { resume })).rejects.toMatchObject({ damaged: true });
  });

  it('nonsense is no token of it: it begins anew', async () => {
    await writeSnapshotFile(source(300), path());
    for (const resume of ['', 's1', '1:2', '1:2:s9', 'x:2:s1'])
      expect((await take(fileSnapshot(path()), { resume })).snapshot.resumed).toBe(false);
  });
});

describe('what a file is asked for', () => {
  it('I8: it is not older than that', async () => {
    await writeSnapshotFile(source(10, 's1', 41), path());
    await expect(take(fileSnapshot(path()), { notOlderThan: positionAt(42) })).rejects.toMatchObject({
      code: 'SNAPSHOT_TOO_OLD',
      retryable: true,
    });
    expect((await take(fileSnapshot(path()), { notOlderThan: positionAt(41) })).rows).toHaveLength(10);
    await using server = await listen(serveSnapshot(fileSnapshot(path())));
    await expect(take(httpSnapshot(server.url), { notOlderThan: positionAt(42) })).rejects.toMatchObject({
      code: 'SNAPSHOT_TOO_OLD',
    });
  });

  it('its scope is the one asked for, and its path may depend on it', async () => {
    const all = scripted(() => rowsInChunks(10));
    await writeSnapshotFile(all, path('all'));
    await writeSnapshotFile(all, path('42'), { scope: 'media=42' });
    expect(all.requests.map(({ scope }) => scope)).toEqual([undefined, 'media=42']);
    const files = fileSnapshot((scope) => path(scope === 'media=42' ? '42' : 'all'));
    expect((await take(files)).snapshot.scope).toBeUndefined();
    expect((await take(files, { scope: 'media=42' })).snapshot.scope).toBe('media=42');
    await expect(take(files, { scope: 'media=43' })).rejects.toMatchObject({
      code: 'SNAPSHOT_REJECTED',
      retryable: false,
    });
  });

  it('its schema is the one expected', async () => {
    await writeSnapshotFile(source(), path());
    await expect(take(fileSnapshot(path(), { schema: 'v2' }))).rejects.toMatchObject({
      code: 'SNAPSHOT_REJECTED',
      retryable: false,
    });
  });

  it('I9: it keeps to the limits', async () => {
    await writeSnapshotFile(source(), path());
    for (const limits of [{ maxBytes: 10_000 }, { maxRows: 100 }, { maxFrameBytes: 1_000 }, { maxPartitions: 0 }])
      await expect(take(fileSnapshot(path(), { limits }))).rejects.toMatchObject({
        code: 'SNAPSHOT_REJECTED',
        retryable: false,
      });
  });

  it('the rest alone, which somebody stored, is refused', async () => {
    const rest = serveSnapshot(scripted(() => rowsInChunks(3), { resumed: true }));
    const body = await (await rest.fetch(new Request('http://a.example/'))).text();
    await writeFile(path(), body);
    await expect(take(fileSnapshot(path()))).rejects.toMatchObject({ code: 'SNAPSHOT_REJECTED', retryable: false });
  });
});

describe('bytes from anywhere', () => {
  it('are a snapshot as well, in pieces of any size', async () => {
    await writeSnapshotFile(source(250), path());
    const bytes = await readFile(path());
    const pieces = async function* (size: number) {
      for (let at = 0; at < bytes.length; at += size) yield new Uint8Array(bytes.subarray(at, at + size));
    };
    for (const size of [1, 1_000, 1_000_000]) {
      const { chunks, rows: all } = await take(bytesSnapshot(() => pieces(size)));
      expect(all).toEqual(rows(250));
      const rest = await take(
        bytesSnapshot(async () => pieces(size)),
        { resume: chunks[0]?.token },
      );
      expect(rest.rows).toEqual(rows(250).slice(100));
    }
  });

  it('cut off anywhere are refused, and may be asked for again', async () => {
    await writeSnapshotFile(source(3), path());
    const bytes = await readFile(path());
    for (let length = 0; length < bytes.length; length += 7) {
      const cut = bytesSnapshot(async function* () {
        yield bytes.subarray(0, length);
      });
      await expect(take(cut)).rejects.toMatchObject({ code: 'SNAPSHOT_REJECTED', retryable: true, damaged: false });
    }
  });

  it('that hang are left when the signal aborts, and released', async () => {
    let ended = false;
    const hangs = bytesSnapshot(({ signal: theirs }) => {
      theirs.addEventListener('abort', () => (ended = true));
      return (async function* () {
        await new Promise(() => undefined);
        yield new Uint8Array();
      })();
    });
    const controller = new AbortController();
    const opening = hangs.open({ signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(opening).rejects.toThrow('enough');
    expect(ended).toBe(true);
  });

  it('that can’t be had are Unavailable, and can be iterated once', async () => {
    const away = bytesSnapshot(() => Promise.reject(new Error('secret-canary')));
    await expect(take(away)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(take(away)).rejects.not.toThrow('secret-canary');
    await writeSnapshotFile(source(3), path());
    const { snapshot } = await take(fileSnapshot(path()));
    await expect(drain(snapshot)).rejects.toMatchObject({ code: 'INVALID_CONFIGURATION' });
  });
});
