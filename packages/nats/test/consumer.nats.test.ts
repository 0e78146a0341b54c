import { itWithOwn } from '../../../test/brokers/jest/tests';
import { type OwnNats, startNats } from '../../../test/brokers/nats';
import { Link } from '../src/connection';
import { Consumer } from '../src/consumer';
import { JetStream } from '../src/jetstream';
import { OwnStream } from './own-stream';

describe.each(['floor', 'current'] as const)('a pull consumer on a server that is %s', (version) => {
  let server: OwnNats;
  beforeAll(async () => {
    server = await startNats({ version });
  });
  afterAll(() => server.stop());

  /** The messages of a stream, pulled with so many bytes at a time. */
  async function pulled(stream: OwnStream, maxBytes: number): Promise<readonly number[]> {
    const link = new Link(stream.connection);
    const limits = { batch: 10, maxBytes, expiresMs: 5_000 };
    const start = { deliver_policy: 'all' } as const;
    const consumer = await Consumer.open(new JetStream(link), stream.name, { filters: [], keys: [] }, start, limits);
    const { signal } = new AbortController();
    const got: number[] = [];
    for (;;) {
      const { messages, atEnd } = await consumer.pull({ wait: false, signal });
      got.push(...messages.map(({ record }) => Number(record.offset)));
      if (atEnd) break;
    }
    consumer.close();
    await link.close();
    return got;
  }

  const it = itWithOwn('nats');

  it('I1: brings everything at once, wherever messages fill its bytes exactly', async () => {
    const stream = await OwnStream.create(server.address);
    for (let i = 0; i < 6; i++) await stream.publish(stream.subject, 'x'.repeat(40));
    // of two or three messages; among so many sizes at least one is theirs to the byte
    for (const maxBytes of Array.from({ length: 200 }, (_, i) => 300 + i)) {
      const since = performance.now();
      expect(await pulled(stream, maxBytes)).toEqual([1, 2, 3, 4, 5, 6]);
      expect(performance.now() - since).toBeLessThan(4_000); // silence is a disturbance after five seconds
    }
    await stream.close();
  });

  it('finds the first message of some subjects after a sequence', async () => {
    const stream = await OwnStream.create(server.address);
    for (const subject of [stream.subject, stream.other, stream.other, stream.subject])
      await stream.publish(subject, 'x');
    const link = new Link(stream.connection);
    const js = new JetStream(link);
    const next = async (subject: string, seq: string) => (await js.nextOf(stream.name, subject, seq))?.seq;
    expect(await next(stream.subject, '2')).toBe(4);
    expect(await next('>', '2')).toBe(2);
    expect(await next(stream.other, '4')).toBeUndefined();
    expect(await next(`${stream.subject}.>`, '1')).toBeUndefined();
    expect(await next('>', '5')).toBeUndefined();
    await link.close();
    await stream.close();
  });
});
