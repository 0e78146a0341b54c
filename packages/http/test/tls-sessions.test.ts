import { randomBytes, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { Agent, request, type RequestOptions } from 'node:https';
import { type IncomingMessage } from 'node:http';
import { checkServerIdentity } from 'node:tls';
import { type ClientTls } from '../src/tls-options';
import { pinOf } from '../src/tls-peer';
import { take } from './sources';
import { authority } from './tls-certificates';
import { clientsOf, refusalOf, serviceA, tlsOf } from './tls-service';

const [root, next] = [authority('root'), authority('the next root')];
const right = root.issue({ ip: [[127, 0, 0, 1]] });
const other = root.issue({ ip: [[127, 0, 0, 1]] });
const b = root.issue({ uri: ['spiffe://x.example/b'] });
const pinned: ClientTls = { ca: root.ca, pins: [right.pin] };
const signal = new AbortController().signal;

/** What a pin is worth that is checked by an agent of the usual kind. */
async function naive(
  url: string,
  agent: Agent,
): Promise<{ readonly status: number | undefined; readonly resumed: boolean }> {
  const options: RequestOptions = {
    agent,
    ca: root.ca,
    checkServerIdentity: (host, peer) =>
      checkServerIdentity(host, peer) ??
      (pinOf(new X509Certificate(peer.raw)) === right.pin ? undefined : new Error('another key')),
  };
  const asking = request(`${url}/snapshot`, options).end();
  const [answer] = (await once(asking, 'response')) as [IncomingMessage];
  const resumed = tlsOf(answer).isSessionReused();
  answer.resume();
  await once(answer, 'end');
  return { status: answer.statusCode, resumed };
}

describe('pins', () => {
  it('hold where a session could be resumed with another service of the same tickets', async () => {
    const ticketKeys = randomBytes(48);
    const agent = new Agent({ keepAlive: false });
    let port: number;
    let client: ReturnType<typeof clientsOf>;
    {
      await using a = await serviceA({ ...right, ticketKeys });
      port = a.port;
      client = clientsOf(a.url, pinned);
      expect(await naive(a.url, agent)).toEqual({ status: 200, resumed: false });
      expect((await take(client.snapshot)).rows).toHaveLength(2);
      expect((await client.feed.identify(signal)).kind).toBe('toy');
    }
    await using impostor = await serviceA({ ...other, ticketKeys }, { port });
    // so this can happen: nobody looks at the certificate
    expect(await naive(impostor.url, agent)).toEqual({ status: 200, resumed: true });
    agent.destroy();
    for (const work of [take(client.snapshot), client.feed.identify(signal)])
      expect(await refusalOf(work)).toMatchObject({ code: 'IDENTITY_REFUSED', retryable: false });
    expect(impostor.asked).toHaveLength(1);
  });

  it('hold for each client, although another one keeps a connection to the same origin', async () => {
    await using a = await serviceA(other);
    const trusting = clientsOf(a.url, { ca: root.ca });
    await take(trusting.snapshot);
    expect(await refusalOf(take(clientsOf(a.url, pinned).snapshot))).toMatchObject({ code: 'IDENTITY_REFUSED' });
    await take(trusting.snapshot);
    expect(a.asked).toHaveLength(2);
    expect(a.asked[1]?.socket).toBe(a.asked[0]?.socket);
  });

  it('are looked at once per connection, which is used again', async () => {
    await using a = await serviceA(right);
    const { feed } = clientsOf(a.url, pinned);
    for (let i = 0; i < 5; i++) await feed.identify(signal);
    expect(a.asked).toHaveLength(5);
    expect(a.handshakes()).toBe(1);
  });
});

describe('redirects', () => {
  it.each(['snapshot', 'feed'])('of the %s to another origin are refused, whoever vouches for it', async (what) => {
    await using elsewhere = await serviceA(right);
    await using a = await serviceA(right, {
      around: () => (_, res) => res.writeHead(307, { location: `${elsewhere.url}/${what}/` }).end(),
    });
    const { snapshot, feed } = clientsOf(a.url, { ca: root.ca });
    const error = await refusalOf(what === 'feed' ? feed.identify(signal) : take(snapshot));
    expect(error.retryable).toBe(false);
    expect(error.message).toContain('another origin');
    expect(elsewhere.connections()).toBe(0);
  });

  it('down to plain http are refused', async () => {
    await using a = await serviceA(right, {
      around: () => (req, res) => res.writeHead(307, { location: `http://${req.headers.host ?? ''}/` }).end(),
    });
    const { snapshot, feed } = clientsOf(a.url, { ca: root.ca });
    for (const work of [take(snapshot), feed.identify(signal)])
      expect(await refusalOf(work)).toMatchObject({ retryable: false });
  });
});

describe('credentials that a function gives', () => {
  const pinsSeen = (asked: readonly IncomingMessage[]) =>
    asked.map((req) => pinOf(tlsOf(req).getPeerX509Certificate()!));

  it('are renewed without a restart, on both sides, and connections last as long as they do', async () => {
    const mutual = { ca: [root.ca, next.ca], requestCert: true };
    const later = next.issue({ uri: ['spiffe://x.example/b'] });
    let tls: ClientTls = { ca: root.ca, cert: b.cert, key: b.key, pins: [right.pin] };
    const seen: string[] = [];
    const around: Parameters<typeof serviceA>[1] = {
      around: (handler) => (req, res) => {
        seen.push(...pinsSeen([req]));
        handler.node(req, res);
      },
    };
    let client: ReturnType<typeof clientsOf>;
    let port: number;
    {
      await using a = await serviceA({ ...right, ...mutual }, around);
      port = a.port;
      client = clientsOf(a.url, () => Promise.resolve({ ...tls }));
      for (let i = 0; i < 2; i++) await client.feed.identify(signal);
      tls = { ...tls, cert: later.cert, key: later.key };
      for (let i = 0; i < 2; i++) await client.feed.identify(signal);
      expect(a.handshakes()).toBe(2);
    }
    expect(seen).toEqual([b.pin, b.pin, later.pin, later.pin]);
    const renewed = next.issue({ ip: [[127, 0, 0, 1]] });
    await using a = await serviceA({ ...renewed, ...mutual }, { ...around, port });
    expect(await refusalOf(client.feed.identify(signal))).toMatchObject({ code: 'IDENTITY_REFUSED' });
    tls = { ...tls, ca: [root.ca, next.ca] };
    expect(await refusalOf(client.feed.identify(signal))).toMatchObject({ code: 'IDENTITY_REFUSED' });
    tls = { ...tls, pins: [right.pin, renewed.pin] };
    expect((await client.feed.identify(signal)).kind).toBe('toy');
    expect(a.asked).toHaveLength(1);
  });

  it('let what is being read come to its end over the old connection', async () => {
    await using a = await serviceA({ ...right, ca: root.ca, requestCert: true });
    let { cert, key } = b;
    const { snapshot, feed } = clientsOf(a.url, () => ({ ca: root.ca, cert, key }));
    const reading = await snapshot.open({ signal });
    ({ cert, key } = root.issue({ uri: ['spiffe://x.example/b'] }));
    await feed.identify(signal);
    const rows: unknown[] = [];
    for await (const chunk of reading.chunks) rows.push(...chunk.rows);
    expect(rows).toHaveLength(2);
  });

  it.each<[string, () => ClientTls | Promise<ClientTls>, string]>([
    ["can't be had", () => Promise.reject(new Error('vault is sealed')), 'failed'],
    [
      "can't be had at once",
      () => {
        throw new Error('vault is sealed');
      },
      'failed',
    ],
    ['were caught half written', () => ({ cert: b.cert, key: other.key }), 'not the private key'],
    ['are empty yet', () => ({ ca: '' }), '`ca` holds no PEM'],
  ])('are asked for again where they %s', async (_, give, says) => {
    await using a = await serviceA(right);
    let tls = give;
    const { snapshot, feed } = clientsOf(a.url, () => tls());
    for (const work of [take(snapshot), feed.identify(signal)]) {
      const error = await refusalOf(work);
      expect(error).toMatchObject({ code: 'UNAVAILABLE', retryable: true });
      expect(error.message).toContain(says);
    }
    expect(a.connections()).toBe(0);
    tls = () => ({ ca: root.ca });
    expect((await take(snapshot)).rows).toHaveLength(2);
  });

  it('that hang are given up when the caller does', async () => {
    const { snapshot } = clientsOf('https://127.0.0.1:1', () => new Promise(() => undefined));
    const reason = new Error('enough');
    const stop = new AbortController();
    const opening = snapshot.open({ signal: stop.signal }).catch((error: unknown) => error);
    stop.abort(reason);
    expect(await opening).toBe(reason);
  });
});
