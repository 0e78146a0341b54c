import { kafkaLog } from '@tidemark/kafka';
import { Kafka, logLevel } from 'kafkajs';
import { inspect } from 'node:util';
import { addressOf } from '../../../test/brokers/jest/tests';

const secret = 'a-secret-canary';
const client = (port?: string): Kafka =>
  new Kafka({
    brokers: [port ?? addressOf('kafka').split(',')[0] ?? ''],
    logLevel: logLevel.NOTHING,
    retry: { retries: 0 },
    connectionTimeout: 1_000,
    sasl: { mechanism: 'plain', username: 'somebody', password: secret },
  });

it.each([
  ['a broker that refuses the credentials', undefined],
  ['a broker that is not there', '127.0.0.1:1'],
])('no secret is in what is told about %s', async (_, address) => {
  const log = kafkaLog({ client: client(address), topics: ['things'], group: 'never' });
  const { signal } = new AbortController();
  const position = { source: { kind: 'kafka', order: 'decimal', epochs: {} }, offsets: undefined };
  const calls = [
    () => log.identify(signal),
    () => log.locate('head', signal),
    () => log.publish('things', [{ key: 'k', value: 'v' }]),
    () => log.positions.load(),
    () => log.verify(position as never, signal),
  ];
  for (const call of calls) {
    const error = await call().then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ code: 'UNAVAILABLE', retryable: true });
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(secret);
  }
  await log[Symbol.asyncDispose]();
});
