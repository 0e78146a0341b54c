import { positionToJson } from '@tidemark/core';
import { type ClientTls } from '../src/tls-options';
import { authority, type Credentials } from './tls-certificates';
import { clientsOf, pipelineOf, serviceA } from './tls-service';
import { until } from './until';

const [root, foreign] = [authority('root'), authority('foreign root')];
const day = 86_400_000;
const long = { from: -2 * day, to: -day };
const spiffe = 'spiffe://y.example/assignments';
const names = { ip: [[127, 0, 0, 1]], uri: [spiffe] };
const right = root.issue(names);
const client = root.issue({ uri: ['spiffe://x.example/b'] });
const tls: ClientTls = { ca: root.ca, cert: client.cert, key: client.key };
/** Both sides show who they are. */
const mutual = { ca: root.ca, requestCert: true };

interface Case {
  /** The service that answers at A's address. */
  readonly service: Credentials;
  /** As whom B asks it. */
  readonly as?: Partial<ClientTls>;
  /** Somebody renews a certificate, and B goes on. */
  readonly passes: boolean;
}

describe.each(['snapshot', 'feed'] as const)('a %s', (at) => {
  it.each<[string, Case]>([
    [
      'of another service with the same names and authority, by pin',
      { service: root.issue(names), as: { pins: [right.pin] }, passes: false },
    ],
    [
      'of another service with the same host and authority, by SPIFFE id',
      {
        service: root.issue({ ...names, uri: ['spiffe://y.example/billing'] }),
        as: { identity: spiffe },
        passes: false,
      },
    ],
    ['of a man in the middle', { service: foreign.issue(names), passes: false }],
    ["whose service's certificate has expired", { service: root.issue({ ...names, ...long }), passes: true }],
    [
      'for which our own certificate has expired',
      { service: right, as: root.issue({ uri: ['spiffe://x.example/b'], ...long }), passes: true },
    ],
  ])('%s leaves rows and position as they were', async (_, { service, as, passes }) => {
    await using good = await serviceA({ ...right, ...mutual });
    const first = clientsOf(good.url, tls);
    const { view } = first;
    const run = first.pipeline.run();
    await first.pipeline.caughtUp({ timeoutMs: 10_000 });
    await first.pipeline.stop();
    await run;
    const state = async () => {
      const stored = await view.load();
      return { rows: [...view], position: 'position' in stored && stored.position && positionToJson(stored.position) };
    };
    const before = await state();
    expect(before.rows).toHaveLength(3);

    let { cert, key } = { ...tls, ...as };
    const current = () => ({ ...tls, ...as, cert, key });
    await using bad = await serviceA({ ...service, ...mutual });
    const asked = clientsOf(bad.url, current);
    const feed = at === 'feed' ? asked.feed : first.feed;
    const pipeline = pipelineOf(asked.snapshot, feed, view, at === 'snapshot' ? '2' : undefined);
    const troubles: Error[] = [];
    let failed: unknown;
    pipeline.subscribe({
      next: (event) => event.type === 'trouble' && troubles.push(event.error),
      error: (error: unknown) => (failed = error),
    });
    await until(() => failed !== undefined || troubles.length > 0, 'it is refused');
    expect(failed ?? troubles[0]).toMatchObject({ code: 'IDENTITY_REFUSED', retryable: passes });
    expect(failed === undefined).toBe(passes);
    expect(await state()).toEqual(before);
    expect(bad.asked).toEqual([]);

    await bad[Symbol.asyncDispose]();
    if (!passes) return;
    await using renewed = await serviceA({ ...right, ...mutual }, { port: bad.port });
    ({ cert, key } = client);
    await until(() => renewed.asked.length > 0, 'it is asked again');
  });
});
