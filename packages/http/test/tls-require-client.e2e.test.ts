import { Agent, request } from 'node:https';
import { once } from 'node:events';
import { type AllowedClients, requireClient } from '../src/tls-require-client';
import { listen } from './listen';
import { take } from './sources';
import { authority, type Credentials } from './tls-certificates';
import { clientsOf, refusalOf, serviceA, tlsOf } from './tls-service';
import { until } from './until';

const [root, foreign] = [authority('root'), authority('foreign root')];
const server = root.issue({ ip: [[127, 0, 0, 1]] });
const b = 'spiffe://x.example/b';
const right = root.issue({ uri: [b] });
const named = root.issue({ dns: ['b.example'] });
const day = 86_400_000;
const signal = new AbortController().signal;

const protectedBy = (allowed: AllowedClients, rejectUnauthorized = false) =>
  serviceA(
    { ...server, ca: root.ca, requestCert: true, rejectUnauthorized },
    { around: (handler) => requireClient(allowed, handler) },
  );

/** The status for a client that does no checks of its own. */
async function statusFor(url: string, { cert, key }: Partial<Credentials>, agent?: Agent): Promise<number | undefined> {
  const asking = request(`${url}/snapshot`, { ca: root.ca, cert, key, agent }).end();
  const [answer] = (await once(asking, 'response')) as [NodeJS.ReadableStream & { readonly statusCode?: number }];
  answer.resume();
  await once(answer, 'end');
  return answer.statusCode;
}

describe('requireClient', () => {
  it.each<[string, AllowedClients, Credentials]>([
    ['its SPIFFE id', { identities: ['spiffe://x.example/c', b] }, right],
    ['its DNS name', { identities: ['b.example'] }, named],
    ['its pin', { pins: [server.pin, right.pin] }, right],
    ['both', { identities: [b], pins: [right.pin] }, right],
  ])('serves a client by %s', async (_, allowed, { cert, key }) => {
    for (const rejectUnauthorized of [true, false]) {
      await using a = await protectedBy(allowed, rejectUnauthorized);
      const { snapshot, feed } = clientsOf(a.url, { ca: root.ca, cert, key });
      expect((await take(snapshot)).rows).toHaveLength(2);
      expect((await feed.identify(signal)).kind).toBe('toy');
    }
  });

  it.each<[string, AllowedClients, Partial<Credentials>]>([
    ['without a certificate', { identities: [b] }, {}],
    ['of the same authority, but another', { identities: [b] }, root.issue({ uri: ['spiffe://x.example/c'] })],
    ['of the same authority, with another key', { pins: [named.pin] }, right],
    ['with the right identity and another key', { identities: [b], pins: [right.pin] }, root.issue({ uri: [b] })],
    ['with the right key and another identity', { identities: ['spiffe://x.example/c'], pins: [right.pin] }, right],
    ['of another authority that claims the identity', { identities: [b] }, foreign.issue({ uri: [b] })],
    ['whose certificate has expired', { identities: [b] }, root.issue({ uri: [b], from: -2 * day, to: -day })],
    ['whose certificate is not valid yet', { identities: [b] }, root.issue({ uri: [b], from: day, to: 2 * day })],
  ])('refuses a client %s', async (_, allowed, credentials) => {
    await using a = await protectedBy(allowed);
    expect(await statusFor(a.url, credentials)).toBe(403);
  });

  it('is told to clients of ours as a refusal that does not pass', async () => {
    await using a = await protectedBy({ identities: ['spiffe://x.example/c'] });
    const { snapshot, feed, pipeline, view } = clientsOf(a.url, { ca: root.ca, cert: right.cert, key: right.key });
    expect(await refusalOf(take(snapshot))).toMatchObject({ code: 'SNAPSHOT_REJECTED', retryable: false });
    expect(await refusalOf(feed.identify(signal))).toMatchObject({ code: 'INVALID_CONFIGURATION', retryable: false });
    expect((await refusalOf(pipeline.run())).retryable).toBe(false);
    expect(view.size).toBe(0);
  });

  it('asks again where a session is resumed: who it is, and until when', async () => {
    const soon = root.issue({ uri: [b], to: 4_000 });
    const resumed: boolean[] = [];
    const guarded: Parameters<typeof serviceA>[1] = {
      around: (handler) => {
        const guard = requireClient({ identities: [b] }, handler);
        return (req, res) => {
          resumed.push(tlsOf(req).isSessionReused());
          guard(req, res);
        };
      },
    };
    await using a = await serviceA({ ...server, ca: root.ca, requestCert: true, rejectUnauthorized: false }, guarded);
    const agent = new Agent({ maxCachedSessions: 10 });
    expect(await statusFor(a.url, soon, agent)).toBe(200);
    expect(await statusFor(a.url, soon, agent)).toBe(200);
    await until(async () => (await statusFor(a.url, soon, agent)) === 403, 'the certificate expires');
    expect(resumed.slice(0, 2)).toEqual([false, true]);
    expect(resumed.at(-1)).toBe(true);
    agent.destroy();
  });

  it('refuses everybody without TLS', async () => {
    await using plain = await listen(requireClient({ identities: [b] }, { node: (_, res) => res.end('secret') }));
    expect((await fetch(plain.url)).status).toBe(403);
  });

  it.each<AllowedClients>([{}, { identities: [] }, { pins: [] }, { pins: ['canary'] }, { identities: ['*.canary'] }])(
    'refuses %j at once',
    (allowed) => {
      const make = () => requireClient(allowed, { node: () => undefined });
      expect(make).toThrow(expect.objectContaining({ code: 'INVALID_CONFIGURATION' }) as Error);
      expect(make).not.toThrow(/canary/);
    },
  );
});
