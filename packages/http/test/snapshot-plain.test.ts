import { closed, compareSources, decimal, untold } from '@tidemark/core';
import { httpSnapshot, type HttpSnapshotOptions } from '../src/http-snapshot';
import { listen } from './listen';
import { positionAt, take } from './sources';

const tps = [
  { topic: 'y.assignments', partition: 0, offset: 42 },
  { topic: 'y.assignments', partition: '1', offset: '0' },
  { topic: 'y.media', partition: 0, offset: '90071992547409934' },
];
const partition = (topic: string, name: string) => ({ topic, partition: name });

const plain = async (document: unknown, options?: HttpSnapshotOptions, scope?: string) => {
  const text = typeof document === 'string' ? document : JSON.stringify(document);
  await using server = await listen((_, res) => {
    res.writeHead(200, { 'content-type': 'application/json; charset=utf-8' }).end(text);
  });
  return await take(httpSnapshot(server.url, options), { scope });
};
const refused = (document: unknown, options?: HttpSnapshotOptions): Promise<unknown> =>
  plain(document, options).then(
    () => 'it was taken',
    (error: unknown) => error,
  );

describe("the paper's plain form", () => {
  it('reads tps as the next offsets, exactly', async () => {
    const { snapshot } = await plain({ tps, body: [] });
    const { offsets } = snapshot.position;
    expect(offsets.through(partition('y.assignments', '0'))).toBe('41');
    expect(offsets.through(partition('y.assignments', '1'))).toBe('beginning');
    expect(offsets.through(partition('y.media', '0'))).toBe('90071992547409933');
  });

  it('reads tps as the last offsets where told so', async () => {
    const { snapshot } = await plain({ tps, body: [] }, { tps: 'last' });
    expect(snapshot.position.offsets.through(partition('y.assignments', '0'))).toBe('42');
    expect(snapshot.position.offsets.through(partition('y.assignments', '1'))).toBe('0');
  });

  it('I7: is of an untold source, which is the same as no other', async () => {
    const { snapshot } = await plain({ tps, body: [] });
    expect(snapshot.position.source).toEqual({ kind: untold, order: 'decimal', epochs: {} });
    expect(compareSources(snapshot.position.source, positionAt(1).source, 'y.assignments')).toBe('different');
  });

  it('finds rows in an array, in an object of topics, or where rowsOf says; in chunks', async () => {
    const many = Array.from({ length: 1_201 }, (_, id) => ({ id }));
    const array = await plain({ tps, body: many });
    expect(array.rows).toEqual(many);
    expect(array.snapshot.count).toBe(1_201);
    expect(array.chunks.map(({ topic, rows }) => [topic, rows.length])).toEqual([
      [undefined, 500],
      [undefined, 500],
      [undefined, 201],
    ]);
    const topics = await plain({ tps, body: { assignments: [1, 2], media: [3], none: [] } });
    expect(topics.chunks).toEqual([
      { topic: 'assignments', rows: [1, 2] },
      { topic: 'media', rows: [3] },
    ]);
    const options = { rowsOf: (body: unknown) => ({ assignments: (body as { items: unknown[] }).items }) };
    const items = await plain({ tps, body: { items: [1], page: 1 } }, options);
    expect(items.chunks).toEqual([{ topic: 'assignments', rows: [1] }]);
    expect((await plain({ tps: [], body: [] })).rows).toEqual([]);
  });

  it('cannot tell its scope, so the one asked for is taken on trust', async () => {
    expect((await plain({ tps, body: [] }, {}, 'media=42')).snapshot.scope).toBe('media=42');
  });

  it.each<[string, unknown, string, boolean]>([
    ['no tps', { body: [] }, 'SNAPSHOT_REJECTED', false],
    ['no body', { tps }, 'SNAPSHOT_REJECTED', false],
    ['null', null, 'SNAPSHOT_REJECTED', false],
    ['a body without rows', { tps, body: { items: [], page: 1 } }, 'SNAPSHOT_REJECTED', false],
    ['__proto__', '{"tps":[],"body":[{"__proto__":{}}]}', 'SNAPSHOT_REJECTED', false],
    ['something else than JSON', '<html>', 'SNAPSHOT_REJECTED', true],
    ['a tps that is none', { tps: [{ topic: 't' }], body: [] }, 'MALFORMED_POSITION', false],
    ['an end', { tps: [{ topic: 't', partition: 0, offset: closed }], body: [] }, 'MALFORMED_POSITION', false],
    ['a partition twice', { tps: [tps[0], tps[0]], body: [] }, 'MALFORMED_POSITION', false],
    [
      'a number beyond 2^53',
      '{"tps":[{"topic":"t","partition":0,"offset":9007199254740993}],"body":[]}',
      'MALFORMED_POSITION',
      false,
    ],
  ])('%s is refused', async (_, document, code, retryable) => {
    expect(await refused(document)).toMatchObject({ code, retryable });
  });

  it('I6: cut at any offset it is refused, and may be asked for again', async () => {
    const text = JSON.stringify({ tps, body: [{ id: 'a' }] });
    let length = 0;
    await using server = await listen((_, res) => {
      res.writeHead(200, { 'content-type': 'application/json' }).end(text.slice(0, length));
    });
    for (; length < text.length; length++)
      await expect(take(httpSnapshot(server.url))).rejects.toMatchObject({
        code: 'SNAPSHOT_REJECTED',
        retryable: true,
      });
  });

  it('keeps its limits, and has no schema', async () => {
    const document = { tps, body: [1, 2, 3] };
    for (const limits of [{ maxFrameBytes: 20 }, { maxRows: 2 }, { maxPartitions: 2 }, { maxBytes: 20 }])
      expect(String(await refused(document, { limits }))).toContain(Object.keys(limits)[0]);
    expect(await refused(document, { schema: 'v1' })).toMatchObject({ code: 'SNAPSHOT_REJECTED', retryable: false });
  });

  it('keeps offsets in the form that core compares', async () => {
    const { snapshot } = await plain({ tps: [{ topic: 't', partition: 0, offset: 8 }], body: [] });
    expect(snapshot.position.offsets.through(partition('t', '0'))).toBe(decimal(7));
  });
});
