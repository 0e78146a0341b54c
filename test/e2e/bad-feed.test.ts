import { gzipSync } from 'node:zlib';
import { type Answer, type Honest, MisbehavingA } from './misbehaving-a';
import { until } from '../chaos/process';
import { type Outcome, SynchronisedB } from './synchronised-b';

/** Bad feeds meet a table that holds rows and a position. What each is answered by: docs/spec/bad-input.md. */
let a: MisbehavingA;
let b: SynchronisedB;
beforeAll(async () => {
  a = await MisbehavingA.start();
  a.write(...Array.from({ length: 20 }, (_, i) => ({ id: `w${i}`, n: i })));
});
afterAll(() => a.stop());
beforeEach(() => {
  b = new SynchronisedB(a);
});
afterEach(async () => {
  a.behave();
  await b.close();
});

let n = 1_000;
/** Something that B can't know yet. */
const news = () => a.write({ id: 'w1', n: ++n }, { id: 'w2', n }, { id: `new${n}`, n });
const equal = () => until('B equals A', () => JSON.stringify(b.rows()) === JSON.stringify(a.rows()));

const plain = { 'content-type': 'text/plain' };
const answered =
  (change: (honest: Honest) => { readonly [K in keyof Honest]?: Honest[K] | undefined }): Answer =>
  (res, honest) => {
    const { status, headers, body } = { ...honest, ...change(honest) } as Honest;
    res.writeHead(status, { ...headers }).end(body);
  };
/** The honest answer with other text in its body; the same in an event and in an array. */
const said = (change: (body: string) => string) => answered(({ body }) => ({ body: change(body) }));
const status = (code: number, headers: Record<string, string> = {}): Answer => {
  return (res) => res.writeHead(code, headers).end();
};
const half = ({ body }: Honest) => body.slice(0, body.length / 2);
const zipped =
  (bytes: (body: string) => Buffer): Answer =>
  (res, { headers, body }) =>
    res.writeHead(200, { ...headers, 'content-encoding': 'gzip' }).end(bytes(body));

/** 50 KB. Made beforehand: it takes longer than B waits for an answer. */
const bomb = gzipSync(Buffer.alloc(50_000_000, ' '));

const fault = { fails: 'TRANSPORT_FAULT' };
const poison = { fails: 'DECODE_FAILED' };
const away = { trouble: 'UNAVAILABLE' };
const late = { trouble: 'DEADLINE_EXCEEDED' };
const configured = { fails: 'INVALID_CONFIGURATION' };
const refetch = { fails: 'MUST_REFETCH' };

describe.each(['long-poll', 'sse'] as const)('by %s', (mode) => {
  it.each<[string, Answer, Outcome]>([
    ['truncated', (res, honest) => res.writeHead(200, honest.headers).write(half(honest), () => res.destroy()), away],
    ['truncated in gzip', zipped((body) => gzipSync(body).subarray(0, 60)), away],
    ['oversized', said((body) => body.replace('"value":', `"value":"${'x'.repeat(150_000)}","more":`)), fault],
    ['a decompression bomb', zipped(() => bomb), fault],
    ['stalled in the middle', (res, honest) => res.writeHead(200, honest.headers).write(half(honest)), late],
    ['stalled from the start', () => undefined, late],
    ['garbage', said((body) => body.replace(/\[\{|$/, '<html>')), fault],
    ['garbage by its content type', answered(() => ({ headers: plain })), fault],
    ['garbage in gzip', zipped(() => Buffer.from('garbage')), away],
    ['of messages that are none', said((body) => body.replaceAll('"headers"', '"heads"')), fault],
    ['of records out of order', said((body) => body.replace(/"offset":"a[0-9]+"/, '"offset":"z"')), fault],
    ['of another topic', said((body) => body.replaceAll('"type":"work"', '"type":"play"')), fault],
    ['with a poison record', said((body) => body.replaceAll(`"n":${n}`, '"n":"many"')), poison],
    ['with a __proto__ in a record', said((body) => body.replaceAll('"n":', '"__proto__":{"n":666},"n":')), poison],
    ['refused: 401', status(401), configured],
    ['redirected elsewhere', status(302, { location: 'https://a.example/' }), configured],
    ['away: 503', status(503), away],
    ['past its retention', status(410), refetch],
    ['without the stream', status(404), refetch],
  ])('a feed %s moves nothing, and goes on where it was after it', async (_, answer, outcome) => {
    b.follow({ feed: { mode } });
    await b.caughtUp();
    const before = await b.state();
    a.misbehave('stream', answer);
    news();
    await b.meets(outcome);
    expect(await b.state()).toEqual(before);
    expect(b.failed).toBe('fails' in outcome);

    a.behave();
    if (b.failed) b.follow({ feed: { mode } });
    await equal();
    expect(({} as Record<string, unknown>).n).toBeUndefined();
  });
});

const token = (next: string) => answered(({ headers }) => ({ headers: { ...headers, 'stream-next-offset': next } }));

it.each<[string, 'long-poll' | 'sse', Answer, Outcome]>([
  ['without a token', 'long-poll', token(''), fault],
  ['with a numeric token beyond 2^53', 'long-poll', token('9007199254740993'), fault],
  ['with a token before the one asked for, for good', 'long-poll', token('a11'), refetch],
  ['a byte at a time, without end', 'long-poll', dribble, late],
  ['an event that comes a byte at a time', 'sse', dribble, late],
])('a feed %s moves nothing either, and goes on where it was after it', async (_, mode, answer, outcome) => {
  const feed = { mode, totalMs: 500 };
  b.follow({ feed });
  await b.caughtUp();
  const before = await b.state();
  a.misbehave('stream', answer);
  news();
  const error = await b.meets(outcome);
  expect(await b.state()).toEqual(before);
  if (outcome === late) expect(error.message).toContain('not all within 500 ms');

  a.behave();
  if (b.failed) b.follow({ feed });
  await equal();
});

function dribble(res: Parameters<Answer>[0], { headers, body }: Honest): void {
  res.writeHead(200, headers);
  let at = 0;
  const timer = setInterval(() => res.write(body.charAt(at++) || ' '), 20);
  res.on('close', () => clearInterval(timer));
}

const manifest = (change: (json: Manifest) => object) =>
  said((body) => JSON.stringify(change(JSON.parse(body) as Manifest)));
interface Manifest {
  readonly source: object;
  readonly partitions: readonly object[];
}
const heads = (head: unknown) => manifest((m) => ({ ...m, partitions: m.partitions.map((p) => ({ ...p, head })) }));
const source = (more: object) => manifest((m) => ({ ...m, source: { ...m.source, ...more } }));

it.each<[string, Answer, Outcome]>([
  ['garbage', said(() => '<html>'), fault],
  ['truncated', (res, honest) => res.writeHead(200, honest.headers).write(half(honest), () => res.destroy()), away],
  [
    'truncated, and nobody can tell',
    (res, honest) => void res.socket?.end(`HTTP/1.0 200 OK\r\n\r\n${half(honest)}`),
    away,
  ],
  ['oversized', said((body) => body + ' '.repeat(150_000)), fault],
  ['a decompression bomb', zipped(() => bomb), fault],
  ['stalled in the middle', (res, honest) => res.writeHead(200, honest.headers).write(half(honest)), late],
  ['stalled from the start', () => undefined, late],
  ['of a newer version', manifest((m) => ({ ...m, version: 2 })), fault],
  ['with a numeric offset beyond 2^53', heads(9007199254740994), fault],
  ['with an offset of another form', heads('0x10'), fault],
  ['with too many partitions', manifest((m) => ({ ...m, partitions: Array.from({ length: 10_001 }, () => 0) })), fault],
  ['without our topic', manifest((m) => ({ ...m, topics: { play: 'play' } })), configured],
  ['of another log', source({ cluster: 'x' }), refetch],
  ['of a newer life of the topic', source({ epochs: { work: 'x' } }), refetch],
  ['that ends before our position', heads('3'), refetch],
  ['without our partition', manifest((m) => ({ ...m, partitions: [] })), refetch],
])('I7: a manifest %s moves nothing, and B goes on where it was after it', async (_, answer, outcome) => {
  b.follow();
  await b.caughtUp();
  await b.stop();
  const before = await b.state();
  news();
  a.misbehave('manifest', answer);
  b.follow();
  await b.meets(outcome);
  expect(await b.state()).toEqual(before);
  expect(b.failed).toBe('fails' in outcome);

  a.behave();
  if (b.failed) b.follow();
  await equal();
});

it('a topic called __proto__ is a name like any other', async () => {
  a.misbehave(
    'manifest',
    said((body) => body.replace('"epochs":{', '"epochs":{"__proto__":"x",')),
  );
  b.follow();
  await b.caughtUp();
  news();
  await equal();
  expect(JSON.stringify(await b.state())).toContain('"__proto__":"x"');
  expect(({} as Record<string, unknown>).x).toBeUndefined();
});
