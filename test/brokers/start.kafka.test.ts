import { ConfigResourceTypes, Kafka, logLevel } from 'kafkajs';
import { existsSync } from 'node:fs';
import { type mkdtemp } from 'node:fs/promises';
import { createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { silence } from './jest/silence';
import { itWithOwn } from './jest/tests';
import { startKafka } from './kafka';
import { kafkaAnswers } from './kafka-answers';
import { freePorts } from './ports';

// as they are, but for what single tests say
function mockSpied(path: string): object {
  const actual = jest.requireActual<Record<string, () => unknown>>(path);
  return Object.fromEntries(Object.entries(actual).map(([name, one]) => [name, jest.fn(one)]));
}
jest.mock('./kafka-answers', () => mockSpied('./kafka-answers'));
jest.mock('./ports', () => mockSpied('./ports'));
const { kafkaAnswers: reallyAnswers } = jest.requireActual<{ kafkaAnswers: typeof kafkaAnswers }>('./kafka-answers');

itWithOwn('kafka')('a broker that doesn’t start says why, and leaves nothing', async () => {
  const made = jest.spyOn(jest.requireActual<{ mkdtemp: typeof mkdtemp }>('node:fs/promises'), 'mkdtemp');
  await expect(startKafka({ settings: { 'message.max.bytes': 'many' } })).rejects.toThrow(
    /can't format its directory:[^]*message\.max\.bytes/,
  );
  await expect(startKafka({ settings: { 'metric.reporters': 'nowhere.Reporter' } })).rejects.toThrow(
    /ended with [^]*its log ends with:[^]*nowhere\.Reporter/,
  );
  await expect(startKafka({ withinMs: 100 })).rejects.toThrow("can't format its directory within 100 ms");
  jest.mocked(kafkaAnswers).mockRejectedValue(new Error('nobody there'));
  await expect(startKafka({ withinMs: 15_000 })).rejects.toThrow(
    "doesn't answer within 15000 ms (Error: nobody there)",
  );
  jest.mocked(kafkaAnswers).mockImplementation(reallyAnswers);
  const directories = await Promise.all(made.mock.results.map(({ value }) => value as Promise<string>));
  made.mockRestore();
  expect(directories.map((one) => existsSync(one))).toEqual([false, false, false, false]);
});

itWithOwn('kafka')('another port where somebody was faster; its settings hold; frozen it answers nobody', async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as { port: number };
  const [free = 0] = await freePorts(1);
  jest.mocked(freePorts).mockClear().mockResolvedValueOnce([port, free]);
  const broker = await startKafka({ settings: { 'message.max.bytes': 2_000_000 } });
  try {
    expect(freePorts).toHaveBeenCalledTimes(2);
    const admin = new Kafka({ brokers: [broker.address], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    const { resources } = await admin.describeConfigs({
      resources: [
        {
          type: ConfigResourceTypes.BROKER,
          name: '1',
          configNames: ['message.max.bytes', 'auto.create.topics.enable'],
        },
      ],
      includeSynonyms: false,
    });
    await admin.disconnect();
    const values = resources[0]?.configEntries.map(({ configName, configValue }) => `${configName}=${configValue}`);
    expect(values?.sort()).toEqual(['auto.create.topics.enable=false', 'message.max.bytes=2000000']);
    broker.freeze();
    await silence(() => kafkaAnswers([broker.address]));
    broker.thaw();
    const answer = () => kafkaAnswers([broker.address]).catch(() => undefined);
    let answered = await answer();
    // frozen for longer than its session lasts, it registers itself again
    for (const end = performance.now() + 20_000; answered === undefined && performance.now() < end; await pause(100))
      answered = await answer();
    expect(answered).toBe(broker.clusterId);
  } finally {
    await broker.stop();
    taken.close();
  }
});
