import { inspect } from 'node:util';
import { gzipSync } from 'node:zlib';
import { type RequestListener } from 'node:http';
import { httpFeed } from '../src/http-feed';
import { httpSnapshot } from '../src/http-snapshot';
import { type ClientTls, type ClientTlsSource } from '../src/tls-options';
import { listen, listenRaw } from './listen';
import { take } from './sources';
import { authority } from './tls-certificates';
import { clientsOf, refusalOf, serviceA } from './tls-service';

const root = authority('root');
const server = root.issue({ ip: [[127, 0, 0, 1]] });
const other = root.issue({ dns: ['other.example'] });
const day = 86_400_000;
const expired = root.issue({ from: -2 * day, to: -day });
const signal = new AbortController().signal;
const canary = 'canary-5f3a';
const headers = () => Promise.resolve({ authorization: `Bearer ${canary}`, 'x-api-key': canary });

/** Whatever console, standard output and standard error got. */
const output: string[] = [];
beforeEach(() => {
  for (const stream of [process.stdout, process.stderr])
    jest.spyOn(stream, 'write').mockImplementation((chunk) => output.push(String(chunk)) > 0);
  for (const method of ['log', 'info', 'warn', 'error', 'debug'] as const)
    jest.spyOn(console, method).mockImplementation((...all) => void output.push(inspect(all)));
});
afterEach(() => {
  jest.restoreAllMocks();
  expect(output.splice(0).join('')).not.toContain(canary);
});

/** Everything that a logger could make of an error: its text, its members to any depth, its causes, its bytes. */
function allOf(error: unknown): string {
  const told = [inspect(error, { depth: Infinity, showHidden: true, maxArrayLength: null, maxStringLength: null })];
  for (let e = error; e instanceof Error; e = e.cause) {
    told.push(String(e), e.stack ?? '', JSON.stringify(Object.entries(e)));
    for (const value of Object.values(e)) if (value instanceof Uint8Array) told.push(Buffer.from(value).toString());
  }
  return told.join('\n');
}

/** The lines of our private keys. */
const keyLines = [server, other, expired].flatMap(({ key }) => key.split('\n').filter((line) => line.length === 64));

async function refusals(origin: string, tls?: ClientTlsSource): Promise<void> {
  const url = origin.replace('//', `//user:${canary}@`);
  const all = [
    () => take(httpSnapshot(`${origin}/snapshot?token=${canary}#${canary}`, { headers, tls, idleMs: 500 })),
    () =>
      httpFeed(`${url}/feed/?token=${canary}#${canary}`, {
        topics: ['orders'],
        headers,
        tls,
        answerMs: 500,
        maxBodyBytes: 10_000,
      }).identify(signal),
  ];
  for (const work of all) {
    const told = allOf(await refusalOf(work()));
    expect(told).toContain('127.0.0.1');
    expect(told).not.toContain(canary);
    expect(told).not.toContain(Buffer.from(canary).toString('base64').slice(0, 12));
    expect(told).not.toContain(Buffer.from(canary).toString('hex').slice(0, 12));
    expect(told).not.toContain(Buffer.from(canary).toString('hex').match(/../g)!.join(' '));
    expect(told).not.toContain(Buffer.from(`user:${canary}`).toString('base64'));
    for (const line of keyLines) expect(told).not.toContain(line);
  }
}

describe('no secret is in an error', () => {
  it.each<[string, ClientTlsSource]>([
    ['of the wrong authority', {}],
    ['of the wrong name', { ca: root.ca, servername: 'a.example' }],
    ['of the wrong pin', { ca: root.ca, pins: [other.pin] }],
    ['of the wrong identity', { ca: root.ca, identity: 'spiffe://x.example/a' }],
    ['of our own certificate that expired', { ca: root.ca, cert: expired.cert, key: expired.key }],
    ['of credentials that do not belong together', () => ({ ca: root.ca, cert: server.cert, key: other.key })],
    [
      'of a key that is none',
      () => ({ ca: root.ca, cert: server.cert, key: `-----BEGIN PRIVATE KEY-----\n${canary}` }),
    ],
    ['of an authority that is none', () => ({ ca: canary })],
    ['of pins that are none', () => ({ pins: [canary] })],
  ])('%s', async (_, tls) => {
    await using a = await serviceA({ ...server });
    await refusals(a.url, tls);
    expect(a.asked).toEqual([]);
  });

  it('of a server that hangs up on our certificate', async () => {
    await using a = await serviceA({ ...server, ca: authority('another').ca, requestCert: true });
    await refusals(a.url, { ca: root.ca, cert: other.cert, key: other.key });
    await refusals(a.url, { ca: root.ca });
  });

  it('of certificates that can not be used from the start', () => {
    const all: ClientTls[] = [
      { cert: server.cert, key: other.key },
      { cert: server.cert, key: `-----BEGIN PRIVATE KEY-----\n${canary}\n-----END PRIVATE KEY-----\n` },
      { ca: canary },
      { identity: `https://${canary}` },
    ];
    for (const tls of all) {
      let thrown: unknown;
      try {
        clientsOf('https://user.example/', tls);
      } catch (error) {
        thrown = error;
      }
      const told = allOf(thrown);
      expect(told).toContain('INVALID_CONFIGURATION');
      expect(told).not.toContain(canary);
      for (const line of keyLines) expect(told).not.toContain(line);
    }
  });

  const ndjson = { 'content-type': 'application/x-ndjson' };
  const json = { 'content-type': 'application/json' };
  it.each<[string, RequestListener]>([
    ...[400, 401, 403, 404, 410, 412, 418, 429, 500, 503].map((status): [string, RequestListener] => [
      String(status),
      (_, res) => void res.writeHead(status, canary, { 'x-a': canary, 'retry-after': canary }).end(canary),
    ]),
    [
      'a redirect elsewhere',
      (_, res) => void res.writeHead(302, { location: `https://${canary}@b.example/?${canary}` }).end(),
    ],
    ['a redirect in circles', (req, res) => void res.writeHead(302, { location: req.url ?? '' }).end()],
    ['a redirect to nowhere', (_, res) => void res.writeHead(302, { location: `http://${canary}@[` }).end()],
    ['another content type', (_, res) => void res.writeHead(200, { 'content-type': canary }).end(canary)],
    ['another encoding', (_, res) => void res.writeHead(200, { ...json, 'content-encoding': canary }).end(canary)],
    ['damaged gzip', (_, res) => void res.writeHead(200, { ...ndjson, 'content-encoding': 'gzip' }).end(canary)],
    [
      'cut gzip',
      (_, res) =>
        void res.writeHead(200, { ...json, 'content-encoding': 'gzip' }).end(gzipSync(canary).subarray(0, 20)),
    ],
    ['garbage frames', (_, res) => void res.writeHead(200, ndjson).end(`${canary}\n`)],
    ['garbage JSON', (_, res) => void res.writeHead(200, json).end(`{"${canary}`)],
    ['other JSON', (_, res) => void res.writeHead(200, json).end(`{"${canary}":"${canary}"}`)],
    [
      'a body that is cut',
      (_, res) => void res.writeHead(200, { ...json, 'content-length': 1_000 }).write(canary, () => res.destroy()),
    ],
    ['a body that stalls', (_, res) => void res.writeHead(200, json).write(canary)],
    ['no answer', () => undefined],
    ['a connection that is closed', (req) => void req.socket.destroy()],
  ])('answered by %s', async (_, listener) => {
    await using a = await listen(listener);
    await refusals(a.url);
  });

  it.each([
    ['something else than HTTP', `${canary} ${canary}\r\n\r\n`],
    ['a header that is none', `HTTP/1.1 200 OK\r\n${canary} ${canary}\r\n\r\n`],
    ['headers without end', `HTTP/1.1 200 OK\r\nx-a: ${canary.repeat(5_000)}\r\n\r\n`],
    [
      'a damaged chunk',
      `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n${canary}\r\n`,
    ],
    ['another protocol', `HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: ${canary}\r\n\r\n${canary}`],
  ])('answered by %s', async (_, bytes) => {
    await using raw = await listenRaw((socket) => void socket.once('data', () => socket.end(bytes)));
    await refusals(raw.url);
    await refusals(`https://127.0.0.1:${raw.port}`, { ca: root.ca, cert: server.cert, key: server.key });
    await raw[Symbol.asyncDispose]();
    await refusals(raw.url);
  });
});
