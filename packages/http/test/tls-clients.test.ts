import { type ServerOptions } from 'node:https';
import { OffsetMap } from '@tidemark/core';
import { durableStreams } from '../src/feed-durable-streams';
import { type ClientTls } from '../src/tls-options';
import { listenRaw } from './listen';
import { take } from './sources';
import { authority, type Credentials } from './tls-certificates';
import { clientsOf, refusalOf, serviceA } from './tls-service';

const [root, foreign] = [authority('root'), authority('foreign root')];
const spiffe = 'spiffe://y.example/assignments';
const right = root.issue({ dns: ['y.example'], ip: [[127, 0, 0, 1]], uri: [spiffe] });
const client = root.issue({ uri: ['spiffe://y.example/b'] });
const day = 86_400_000;
const signal = new AbortController().signal;
/** The server hangs up on clients whose certificate `root` hasn't issued. */
const mutual = { ca: root.ca, requestCert: true };

const durable = (url: string, tls: ClientTls) => {
  const transport = durableStreams({ streams: { orders: [`${url}/feed/orders/0`] }, tls });
  const source = { kind: 'durable-streams', order: 'lexical', cluster: url, epochs: {} } as const;
  return transport.verify({ source, offsets: OffsetMap.empty('lexical') }, signal);
};

describe('a service that is the right one', () => {
  it.each<[string, ServerOptions, ClientTls]>([
    ['by its authority and its host', right, { ca: root.ca }],
    ['by one of several authorities', right, { ca: [foreign.ca, root.ca] }],
    ['by another name than the host', root.issue({ dns: ['y.example'] }), { ca: root.ca, servername: 'y.example' }],
    ['by a pin', right, { ca: root.ca, pins: [client.pin, right.pin] }],
    ['by a SPIFFE id, whatever the host', root.issue({ uri: [spiffe] }), { ca: root.ca, identity: spiffe }],
    ['by a DNS identity, whatever the host', root.issue({ dns: ['y.svc'] }), { ca: root.ca, identity: 'y.svc' }],
    ['and that wants our certificate', { ...right, ...mutual }, { ca: root.ca, cert: client.cert, key: client.key }],
    [
      'given as buffers',
      right,
      { ca: Buffer.from(root.ca), cert: Buffer.from(client.cert), key: Buffer.from(client.key) },
    ],
  ])('is followed: %s', async (_, server, tls) => {
    await using a = await serviceA(server);
    const { pipeline, view } = clientsOf(a.url, tls);
    const run = pipeline.run();
    await pipeline.caughtUp({ timeoutMs: 10_000 });
    expect([...view.keys()]).toEqual(['a', 'b', 'k2']);
    await pipeline.stop();
    await run;
    await durable(a.url, tls);
  });
});

describe('a service that is not the right one: nothing is sent, nothing is written', () => {
  const trusting = { ca: root.ca };
  const other = root.issue({ dns: ['y.example'], ip: [[127, 0, 0, 1]], uri: ['spiffe://y.example/billing'] });
  const expired = root.issue({ ip: [[127, 0, 0, 1]], uri: [spiffe], from: -2 * day, to: -day });
  const early = root.issue({ ip: [[127, 0, 0, 1]], from: day, to: 2 * day });
  const middle = foreign.issue({ dns: ['y.example'], ip: [[127, 0, 0, 1]], uri: [spiffe] });

  it.each<[string, Credentials, ClientTls, boolean, string]>([
    ['the right authority, another host', root.issue({ ip: [[10, 0, 0, 1]] }), trusting, false, '10.0.0.1'],
    ['the right authority, another name', right, { ...trusting, servername: 'z.example' }, false, 'y.example'],
    ['no names at all', root.issue({}), trusting, false, 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['the same names, another service, by pin', other, { ...trusting, pins: [right.pin] }, false, 'pins'],
    ['the same names, another service, by SPIFFE id', other, { ...trusting, identity: spiffe }, false, spiffe],
    ['the right service, another pin', right, { ...trusting, identity: spiffe, pins: [other.pin] }, false, 'pins'],
    [
      'the right pin, another identity',
      right,
      { ...trusting, identity: `${spiffe}/x`, pins: [right.pin] },
      false,
      spiffe,
    ],
    ['a man in the middle, with an authority of his own', middle, trusting, false, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    [
      'a man in the middle who knows the identity',
      middle,
      { ...trusting, identity: spiffe },
      false,
      'UNABLE_TO_VERIFY',
    ],
    ['a man in the middle, pins alone', middle, { ...trusting, pins: [middle.pin] }, false, 'UNABLE_TO_VERIFY'],
    ["no authority of Node's own", right, {}, false, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    ['an expired certificate', expired, trusting, true, 'CERT_HAS_EXPIRED'],
    [
      'an expired certificate with the right pin',
      expired,
      { ...trusting, pins: [expired.pin] },
      true,
      'CERT_HAS_EXPIRED',
    ],
    ['an expired certificate with the right id', expired, { ...trusting, identity: spiffe }, true, 'CERT_HAS_EXPIRED'],
    ['a certificate that is not valid yet', early, trusting, true, 'CERT_NOT_YET_VALID'],
  ])('I6: %s', async (_, server, tls, retryable, says) => {
    await using a = await serviceA(server);
    const { snapshot, feed, pipeline, view } = clientsOf(a.url, tls);
    const troubles: Error[] = [];
    pipeline.subscribe({
      next: (event) => event.type === 'trouble' && troubles.push(event.error),
      error: () => undefined,
    });
    const run = pipeline.run().catch((error: unknown) => error);
    for (const work of [take(snapshot), feed.identify(signal), durable(a.url, tls)]) {
      const error = await refusalOf(work);
      expect(error).toMatchObject({ code: 'IDENTITY_REFUSED', retryable });
      expect(error.message).toContain(says);
      expect(error.message).toContain('127.0.0.1');
    }
    if (retryable) {
      await pipeline.caughtUp({ timeoutMs: 200 }).catch(() => undefined);
      expect(troubles[0]).toMatchObject({ code: 'IDENTITY_REFUSED' });
      await pipeline.stop();
    } else expect(await run).toMatchObject({ code: 'IDENTITY_REFUSED' });
    expect(a.asked).toEqual([]);
    expect(a.connections()).toBeGreaterThan(3);
    expect(view.size).toBe(0);
    expect(await pipeline.position()).toBeUndefined();
  });

  it('whatever NODE_TLS_REJECT_UNAUTHORIZED says', async () => {
    await using a = await serviceA(middle);
    const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    const quiet = jest.spyOn(process, 'emitWarning').mockReturnValue();
    try {
      expect(await refusalOf(take(clientsOf(a.url, trusting).snapshot))).toMatchObject({ code: 'IDENTITY_REFUSED' });
    } finally {
      quiet.mockRestore();
      if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
      else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before;
    }
    expect(a.asked).toEqual([]);
  });

  it('that speaks nothing newer than TLS 1.1', async () => {
    await using a = await serviceA({
      ...right,
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'ALL:@SECLEVEL=0',
    });
    const error = await refusalOf(take(clientsOf(a.url, trusting).snapshot));
    expect(error).toMatchObject({ code: 'IDENTITY_REFUSED', retryable: false });
  });
});

describe('a client that is not the right one', () => {
  it.each<[string, Partial<Credentials>, string, boolean]>([
    ['without a certificate', {}, 'IDENTITY_REFUSED', false],
    // Node's server says nothing and hangs up, as if it were an outage
    ['with one of another authority', foreign.issue({ uri: [spiffe] }), 'UNAVAILABLE', true],
  ])('%s gets nothing', async (_, { cert, key }, code, retryable) => {
    await using a = await serviceA({ ...right, ...mutual });
    const { snapshot, feed } = clientsOf(a.url, { ca: root.ca, cert, key });
    for (const work of [take(snapshot), feed.identify(signal)])
      expect(await refusalOf(work)).toMatchObject({ code, retryable });
    expect(a.asked).toEqual([]);
  });

  it.each([
    ['expired', root.issue({ from: -2 * day, to: -day })],
    ["isn't valid before", root.issue({ from: day, to: 2 * day })],
  ])('knows by itself that its certificate %s, and connects to nobody', async (says, { cert, key }) => {
    await using a = await serviceA({ ...right, ...mutual });
    const { snapshot, feed } = clientsOf(a.url, { ca: root.ca, cert, key });
    for (const work of [take(snapshot), feed.identify(signal)]) {
      const error = await refusalOf(work);
      expect(error).toMatchObject({ code: 'IDENTITY_REFUSED', retryable: true });
      expect(error.message).toContain(says);
    }
    expect(a.connections()).toBe(0);
  });

  it.each([
    [40, 'handshake failure', false],
    [42, 'bad certificate', false],
    [44, 'certificate revoked', false],
    [45, 'certificate expired', true],
    [48, 'unknown ca', false],
    [49, 'access denied', false],
    [116, 'certificate required', false],
  ])('is told so by TLS alert %i, %s', async (alert, says, retryable) => {
    await using server = await listenRaw((socket) => {
      socket.once('data', () => socket.end(Buffer.from([0x15, 3, 3, 0, 2, 2, alert])));
    });
    const url = server.url.replace('http:', 'https:');
    const error = await refusalOf(take(clientsOf(url, { ca: root.ca }).snapshot));
    expect(error).toMatchObject({ code: 'IDENTITY_REFUSED', retryable });
    expect(error.message).toContain(says);
  });
});
