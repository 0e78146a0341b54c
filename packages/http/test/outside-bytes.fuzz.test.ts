import {
  compareOffsets,
  fromToken,
  offsetFrom,
  offsetsFromTps,
  offsetsToTps,
  type Position,
  positionFromJson,
  positionToJson,
  SyncError,
  toToken,
} from '@tidemark/core';
import * as fc from 'fast-check';
import { appendFileSync } from 'node:fs';
import { jsonOf, lagFrom, messagesOf, tokenFrom } from '../src/feed-chunk';
import { foreignRecord } from '../src/feed-foreign-record';
import { manifestText, parseManifest } from '../src/feed-manifest';
import { messageText, recordOf } from '../src/feed-message';
import { parseEvents } from '../src/feed-sse';
import { decodeOffset, encodeOffset } from '../src/feed-token';
import { serveFeed } from '../src/serve-feed';
import { serveSnapshot } from '../src/serve-snapshot';
import { withDefaults } from '../src/snapshot-limits';
import { readPlain, rowsOfBody } from '../src/snapshot-plain';
import { readFrames } from '../src/snapshot-reader';
import { inPieces, mutated } from './mutated';
import { positionAt, rowsInChunks, scripted } from './sources';
import { ToyLog } from './toy-log';

/*
 * Every decoder of bytes from outside: whatever comes, it gives a value or a typed error, soon. `npm run fuzz -- --runs 1000000`
 * tries more; it hands over how many, and a file to count them in.
 */

const runs = Number(process.env.FUZZ_RUNS ?? 500);
const seed = process.env.FUZZ_SEED;
const counted = process.env.FUZZ_COUNT;

/** Longer than any input takes, also on a machine that is busy; a decoder whose time grows with the square takes more. */
const soonMs = 5_000;

/** How a decoder took an input. */
type Outcome = 'taken' | 'refused';

async function outcomeOf(decode: () => unknown): Promise<Outcome> {
  const start = performance.now();
  let outcome: Outcome = 'taken';
  try {
    await decode();
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    expect(error.message.length).toBeLessThan(2_000);
    outcome = 'refused';
  }
  expect(performance.now() - start).toBeLessThan(soonMs);
  return outcome;
}

function fuzz<T>(name: string, inputs: fc.Arbitrary<T>, decode: (input: T) => unknown): void {
  it(
    name,
    async () => {
      const outcomes = { taken: 0, refused: 0 };
      await fc.assert(
        fc.asyncProperty(inputs, async (input) => {
          outcomes[await outcomeOf(() => decode(input))]++;
        }),
        { numRuns: runs, ...(seed === undefined ? {} : { seed: Number(seed) }) },
      );
      if (counted !== undefined) appendFileSync(counted, `${JSON.stringify({ name, ...outcomes })}\n`);
    },
    30_000 + runs * 20,
  );
}

const anyBytes = fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes));
const anyText = fc.oneof(fc.string({ unit: 'binary' }), fc.json(), fc.string({ unit: 'grapheme' }));
const where = 'GET http://a.example/';

/** JSON as `JSON.parse` gives it, of texts that were right before. */
const brokenJson = (...originals: readonly unknown[]): fc.Arbitrary<unknown> =>
  fc.oneof(
    { weight: 1, arbitrary: fc.jsonValue() },
    {
      weight: 4,
      arbitrary: mutated(...originals.map((one) => JSON.stringify(one))).map((bytes): unknown => {
        try {
          return JSON.parse(bytes.toString('utf8'));
        } catch {
          return undefined;
        }
      }),
    },
  );

const position: Position = positionAt(41);
const positionJson = {
  ...positionToJson(position),
  partitions: [
    { topic: 'a', partition: '0', through: '9007199254740993', witness: '1.2.3' },
    { topic: 'a', partition: '1', through: 'beginning' },
    { topic: 'b', partition: '0', through: 'closed' },
  ],
};
const tps = [
  { topic: 'a', partition: 0, offset: '42' },
  { topic: 'a', partition: '1', offset: 7 },
];

describe('positions', () => {
  fuzz('offsets', fc.tuple(fc.constantFrom('decimal' as const, 'lexical' as const), anyText), ([order, text]) => {
    const offset = offsetFrom(order, text);
    expect(compareOffsets(order, offset, offset)).toBe(0);
  });
  fuzz('JSON', brokenJson(positionJson), (json) => {
    const read = positionFromJson(json);
    expect(positionFromJson(JSON.parse(JSON.stringify(positionToJson(read))))).toEqual(read);
  });
  fuzz(
    'tokens',
    fc.oneof(
      anyText,
      mutated(toToken(position)).map((bytes) => bytes.toString('latin1')),
      mutated(JSON.stringify(positionJson)).map((bytes) => bytes.toString('base64url')),
    ),
    (token) => {
      const read = fromToken(token);
      expect(fromToken(toToken(read))).toEqual(read);
    },
  );
  fuzz('tps', fc.tuple(brokenJson(tps), fc.constantFrom('next' as const, 'last' as const)), ([json, meaning]) => {
    const read = offsetsFromTps(json, meaning);
    expect(offsetsFromTps(offsetsToTps(read, meaning), meaning).compare(read)).toBe('equal');
  });
});

describe('snapshots', () => {
  let frames = Buffer.alloc(0);
  beforeAll(async () => {
    const handler = serveSnapshot(scripted(() => rowsInChunks(3, 1), { count: 3, schema: 'v1' }));
    frames = Buffer.from(await (await handler.fetch(new Request('http://a.example/'))).arrayBuffer());
  });
  const plain = Buffer.from(JSON.stringify({ tps, body: { assignments: [{ id: 1 }] } }));

  async function* flowing(pieces: readonly Buffer[]): AsyncGenerator<Buffer, void, undefined> {
    yield* pieces;
  }

  // the bytes are made before the tests run, so the arbitrary looks at them when it is asked
  const damaged = inPieces(
    fc.oneof(
      anyBytes,
      fc.constant(undefined).chain(() => mutated(frames)),
    ),
  );
  fuzz('frames', damaged, async (pieces) => {
    let rows = 0;
    for await (const placed of readFrames(flowing(pieces), withDefaults(undefined), where))
      if ('frame' in placed && placed.frame.type === 'rows') rows += placed.frame.rows.length;
    expect(Buffer.concat([...pieces]).equals(frames)).toBe(true); // nothing but the very same is whole
    expect(rows).toBe(3);
  });
  fuzz('plain documents', inPieces(fc.oneof(anyBytes, mutated(plain))), async (pieces) => {
    await readPlain(flowing(pieces), { tps: 'next', rowsOf: rowsOfBody }, withDefaults(undefined), where);
  });
});

describe('feeds', () => {
  const log = new ToyLog();
  const record = { key: Buffer.from('k'), value: Buffer.from('{"a":[1]}'), headers: new Map(), timestamp: 7 };
  log.append(record, { ...record, value: null }, { ...record, value: Buffer.from([255, 0]) });
  const texts = log.records.map((one) => messageText('y.orders', 'decimal', one));
  const messages = texts.map((text): unknown => JSON.parse(text));

  fuzz('messages', brokenJson(...messages), (json) => recordOf('y.orders', 'decimal', json));
  fuzz('messages of foreign servers', brokenJson(...messages, { any: 'thing' }), (json) =>
    foreignRecord(json, offsetFrom('lexical', 'x')),
  );
  fuzz(
    'bodies',
    fc.oneof(
      anyText,
      mutated(`[${texts.join(',')}]`).map((bytes) => bytes.toString('utf8')),
    ),
    (text) => messagesOf(text, where).map((message) => recordOf('y.orders', 'decimal', message)),
  );
  fuzz(
    'events',
    inPieces(fc.oneof(anyBytes, mutated(`event: data\ndata:[${texts.join(',')}]\n\nevent: control\ndata: {}\n\n`))),
    async (pieces) => {
      async function* body() {
        yield* pieces;
      }
      for await (const { data } of parseEvents(body(), 100_000, where)) jsonOf(data, where);
    },
  );
  const bounds = { topic: 'y.orders', partition: '0', trimmed: '1', head: '3', retentionMs: 9 };
  const manifest = manifestText(log.topics, { source: position.source, partitions: [bounds as never] });
  fuzz('manifests', brokenJson(JSON.parse(manifest)), (json) => parseManifest(json, where));
  const written = ['decimal' as const, 'lexical' as const].flatMap((order) =>
    ['0', '42', '9007199254740993', '1'.repeat(56)].map((digits) => encodeOffset(order, offsetFrom(order, digits))),
  );
  const tokenTexts = fc.oneof(
    anyText,
    mutated(...written).map((bytes) => bytes.toString('utf8')),
  );
  fuzz('tokens', fc.tuple(fc.constantFrom('decimal' as const, 'lexical' as const), tokenTexts), ([order, text]) => {
    const offset = decodeOffset(order, text);
    if (text !== '-1') expect(encodeOffset(order, offset)).toBe(text); // another name for the beginning
  });
  fuzz('answers: the next offset, the lag', fc.tuple(fc.anything(), fc.anything()), ([next, lag]) => [
    tokenFrom(next, where),
    lagFrom(lag, where),
  ]);
});

describe('requests', () => {
  const log = new ToyLog();
  log.append({ key: Buffer.from('k'), value: Buffer.from('1'), headers: new Map(), timestamp: 7 });
  const [feed, snapshot] = [serveFeed(log), serveSnapshot(scripted(() => rowsInChunks(2)))];
  const names = ['tidemark-not-older-than', 'tidemark-resume', 'accept', 'accept-encoding', 'if-none-match', 'range'];
  const headerText = fc.oneof(
    fc.string(),
    fc.constantFrom('*/*', 'gzip', 'text/event-stream', toToken(position), '"x"', 'bytes=0-1'),
    mutated(toToken(position)).map((bytes) => bytes.toString('latin1')),
  );
  const requests = fc.record({
    path: fc.oneof(fc.constantFrom('', '/', '/y.orders/0', '/manifest'), fc.webPath()),
    query: fc.oneof(
      fc.webQueryParameters(),
      fc.constantFrom('offset=-1', 'offset=now', 'offset=zz&live=catch-up', 'offset=-1&cursor=%00', 'media=42'),
      mutated('offset=-1&cursor=7').map((bytes) => bytes.toString('latin1')),
    ),
    headers: fc.array(fc.tuple(fc.constantFrom(...names), headerText), { maxLength: 3 }),
    method: fc.constantFrom('GET', 'GET', 'GET', 'HEAD', 'POST', 'DELETE'),
  });

  fuzz('are answered, whatever they ask', requests, async ({ path, query, headers, method }) => {
    const { request, end } = requestOf(path, query, headers, method);
    if (request === undefined) return; // no client could send it either
    for (const handler of [feed, snapshot]) {
      const response = await handler.fetch(request.clone());
      expect([200, 204, 304, 400, 404, 405, 406, 410, 412, 416]).toContain(response.status);
      if (response.headers.get('content-type')?.startsWith('text/event-stream')) await response.body?.cancel();
      else expect(await response.text()).not.toContain('    at ');
    }
    end();
  });

  function requestOf(path: string, query: string, headers: [string, string][], method: string) {
    const life = new AbortController();
    const end = () => {
      life.abort();
    };
    try {
      const url = new URL(`http://a.example${path}?${query}`);
      // a wait at the head would last
      if (url.searchParams.get('live') !== 'sse') url.searchParams.delete('live');
      return { request: new Request(url, { headers, method, signal: life.signal }), end };
    } catch {
      return { request: undefined, end };
    }
  }
});
