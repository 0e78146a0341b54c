import { type PositionJson } from '@tidemark/core';
import { createHash } from 'node:crypto';
import { createGzip, gzipSync } from 'node:zlib';
import { type Answer, type Honest, MisbehavingA } from './misbehaving-a';
import { until } from '../chaos/process';
import { type FollowOptions, type Outcome, SynchronisedB } from './synchronised-b';

/** Bad snapshots meet a table that holds rows and a position. What each is answered by: docs/spec/bad-input.md. */
let a: MisbehavingA;
let b: SynchronisedB;
beforeAll(async () => {
  a = await MisbehavingA.start();
  a.write(...Array.from({ length: 50 }, (_, i) => ({ id: `w${i}`, n: i })));
});
afterAll(() => a.stop());
beforeEach(() => {
  b = new SynchronisedB(a);
});
afterEach(async () => {
  a.behave();
  await b.close();
});

const ndjson = { 'content-type': 'application/x-ndjson' };
const json = { 'content-type': 'application/json' };
const gzip = { ...ndjson, 'content-encoding': 'gzip' };

type Frame = Record<string, unknown> & { position: PositionJson };

/** The honest frames changed, with a right end. */
const reframed =
  (change: (frames: Frame[]) => readonly (object | string)[]): Answer =>
  (res, { body }) => {
    const frames = body
      .trimEnd()
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Frame);
    const lines = change(frames).map((frame) => (typeof frame === 'string' ? frame : JSON.stringify(frame)));
    const rows = lines.reduce((sum, line) => sum + ((JSON.parse(line) as { rows?: unknown[] }).rows?.length ?? 0), 0);
    const text = lines.map((line) => `${line}\n`).join('');
    const digest = createHash('sha256').update(text).digest('hex');
    res.writeHead(200, ndjson).end(`${text}${JSON.stringify({ type: 'end', rows, digest })}\n`);
  };
const start = (change: (frame: Frame) => object | string) => reframed(([first, ...rest]) => [change(first!), ...rest]);
const position = (change: (position: PositionJson) => object) =>
  start((frame) => ({ ...frame, position: change(frame.position) }));
const rows = (...more: readonly (object | string)[]) => reframed((frames) => [...frames, ...more]);
const through = (to: unknown) =>
  position((p) => ({ ...p, partitions: p.partitions.map((one) => ({ ...one, through: to })) }));
const tps = (entries: string): Answer => {
  return (res) => res.writeHead(200, json).end(`{"tps":[${entries}],"body":[{"id":"w1","n":666}]}`);
};
const half = ({ body }: Honest) => body.slice(0, body.length / 2);
const many = (count: number) => Array.from({ length: count }, (_, i) => ({ id: `x${i}`, n: 666 }));
/** Frames of 50,000 bytes. */
const long = Array.from({ length: 3 }, () => ({ type: 'rows', rows: [{ id: 'x'.repeat(50_000), n: 666 }] }));
const bomb: Answer = (res) => {
  const zip = createGzip();
  zip.pipe(res.writeHead(200, gzip));
  res.on('close', () => zip.destroy());
  const blank = Buffer.alloc(1_000_000, ' ');
  const pump = () => {
    if (!zip.destroyed) zip.write(blank, pump);
  };
  pump();
};
const dribble: Answer = (res, { body }) => {
  res.writeHead(200, ndjson).write(body.slice(0, 20));
  let at = 20;
  const timer = setInterval(() => res.write(body.charAt(at++)), 20);
  res.on('close', () => clearInterval(timer));
};

const rejected = { fails: 'SNAPSHOT_REJECTED' };
const again = { trouble: 'SNAPSHOT_REJECTED' };
const malformed = { fails: 'MALFORMED_POSITION' };

it.each<[string, Answer, Outcome, FollowOptions['snapshot']?]>([
  ['truncated in a frame', (res, honest) => res.writeHead(200, ndjson).end(half(honest)), again],
  [
    'truncated before its end',
    (res, { body }) => res.writeHead(200, ndjson).end(body.split('{"type":"end"')[0]),
    again,
  ],
  ['cut by its connection', (res, h) => res.writeHead(200, ndjson).write(half(h), () => res.destroy()), again],
  ['oversized in bytes', rows(...long, ...long), rejected],
  ['oversized in one frame', rows({ type: 'rows', rows: ['x'.repeat(150_000)] }), rejected],
  ['oversized in rows', rows({ type: 'rows', rows: many(1_001) }), rejected],
  [
    'oversized in partitions',
    position((p) => ({ ...p, partitions: many(51).map(({ id }) => ({ topic: 't', partition: id, through: '1' })) })),
    rejected,
  ],
  ['a decompression bomb', bomb, rejected],
  ['stalled in the middle', (res, h) => res.writeHead(200, ndjson).write(half(h)), { trouble: 'DEADLINE_EXCEEDED' }],
  ['stalled from the start', () => undefined, { trouble: 'DEADLINE_EXCEEDED' }],
  ['a byte at a time, without end', dribble, { trouble: 'DEADLINE_EXCEEDED' }, { totalMs: 500 }],
  ['garbage', (res) => res.writeHead(200, ndjson).end('<html>\n'), rejected],
  ['garbage by its content type', (res) => res.writeHead(200, { 'content-type': 'text/html' }).end('<html>'), rejected],
  ['garbage in gzip', (res) => res.writeHead(200, gzip).end('garbage'), again],
  ['truncated in gzip', (res, { body }) => res.writeHead(200, gzip).end(gzipSync(body).subarray(0, 200)), again],
  ['with a bit flipped', (res, { body }) => res.writeHead(200, ndjson).end(body.replace('"w1"', '"w9"')), again],
  ['with fewer rows than it said', start((frame) => ({ ...frame, count: 7_000 })), again],
  ['of another schema', start((frame) => ({ ...frame, schema: 'work-2' })), rejected],
  ['of another scope', start((frame) => ({ ...frame, scope: 'part=1' })), rejected],
  ['of another log', position((p) => ({ ...p, source: { ...p.source, cluster: 'x' } })), { fails: 'SOURCE_MISMATCH' }],
  ['of an older life of the topic', position((p) => ({ ...p, source: { ...p.source, epochs: { work: 'x' } } })), again],
  ['of a plain log, which it does not name', tps(''), { fails: 'SOURCE_MISMATCH' }, { schema: undefined }],
  ['with a tps that is none', tps('{"topic":"work"}'), malformed, { schema: undefined }],
  [
    'with a tps beyond 2^53',
    tps('{"topic":"work","partition":0,"offset":9007199254740993}'),
    malformed,
    { schema: undefined },
  ],
  ['with a numeric offset beyond 2^53', through(9007199254740994), malformed],
  ['with an offset of another form', through('0x10'), malformed],
  ['from before the position reached', through('3'), { trouble: 'SNAPSHOT_TOO_OLD' }],
  ['with a __proto__ in a row', rows('{"type":"rows","rows":[{"id":"w1","n":1,"__proto__":{"n":666}}]}'), rejected],
  ['with a __proto__ in its position', start((f) => JSON.stringify(f).replace('"work":', '"__proto__":')), rejected],
  ['of rows that nobody decodes', rows({ type: 'rows', topic: '__proto__', rows: many(1) }), rejected],
  ['with a poison row', rows({ type: 'rows', rows: [{ id: 'w1', n: 'many' }] }), { fails: 'DECODE_FAILED' }],
  ['with a row without a key', rows({ type: 'rows', rows: [{ id: null, n: 1 }] }), { fails: 'DECODE_FAILED' }],
  ['refused: 401', (res) => res.writeHead(401).end(), rejected],
  ['redirected elsewhere', (res) => res.writeHead(302, { location: 'https://a.example/' }).end(), rejected],
  ['away: 503', (res) => res.writeHead(503).end(), { trouble: 'UNAVAILABLE' }],
])(
  'I6: a snapshot %s changes nothing, and a good one is taken over after it',
  async (_, answer, outcome, ...[options]) => {
    b.follow();
    await b.caughtUp();
    await b.stop();
    const before = await b.state();
    a.write({ id: 'w1', n: a.rows()[1]!.n + 1_000 }, { id: `new${a.rows().length}`, n: 1 });

    a.misbehave('snapshot', answer);
    b.follow({ version: '2', snapshot: options ?? {} });
    await b.meets(outcome);
    expect(await b.state()).toEqual(before);
    expect(b.failed).toBe('fails' in outcome);

    a.behave();
    if (b.failed) b.follow({ version: '2' });
    await until('B equals A', () => JSON.stringify(b.rows()) === JSON.stringify(a.rows()));
    expect(({} as Record<string, unknown>).n).toBeUndefined();
  },
);

it('a snapshot from beyond the end of the log is found out, and replaced by one that is not', async () => {
  b.follow();
  await b.caughtUp();
  await b.stop();
  a.misbehave('snapshot', through('4000'));
  b.follow({ version: '2' });
  await until('it is taken over', () => b.types().includes('snapshotEnd'));
  a.behave();
  a.write({ id: 'w2', n: 4_000 });
  await until('B equals A', () => JSON.stringify(b.rows()) === JSON.stringify(a.rows()));
  expect(b.refetches()).toEqual(['pipelineChanged', 'ahead']);
});
