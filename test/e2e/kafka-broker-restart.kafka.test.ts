import { type Log } from '@tidemark/core';
import { kafkaLog } from '@tidemark/kafka';
import { eventually, follow, type Reading } from '@tidemark/testkit';
import { Kafka, logLevel } from 'kafkajs';
import { itWithOwn } from '../brokers/jest/tests';
import { startKafka } from '../brokers/kafka';
import { createTopic } from '../brokers/kafka-topic';

const clientOf = (address: string) =>
  new Kafka({ brokers: [address], logLevel: logLevel.NOTHING, retry: { initialRetryTime: 50, maxRetryTime: 500 } });

const troubles = ({ events }: Reading<'things'>) => events.filter(({ type }) => type === 'trouble').length;

itWithOwn('kafka')(
  'I1, I2: the broker is killed and restarted in mid-stream: followers tell trouble, go on by themselves, and have everything once',
  async () => {
    const broker = await startKafka();
    const logs: Log<'things'>[] = [];
    const open = (group?: string) => {
      const log = kafkaLog({
        client: clientOf(broker.address),
        topics: { things: 'things' },
        group,
        sessionTimeoutMs: 3_000,
      });
      logs.push(log);
      return log;
    };
    try {
      const admin = clientOf(broker.address).admin();
      await admin.connect();
      await createTopic(admin, { topic: 'things', numPartitions: 3 });
      await admin.disconnect();
      const log = open();
      const beginning = await log.locate('beginning', new AbortController().signal);
      const followers = [open(), open('group')].map((one): Reading<'things'> => {
        const reading: Reading<'things'> = follow(one, { from: async () => reading.position(beginning) });
        return reading;
      });

      // one record after the other; what wasn't accepted is written again
      let [written, failed, writing] = [0, 0, true];
      const writer = (async () => {
        while (writing)
          await log.publish('things', [{ key: `key-${written % 20}`, value: String(written) }]).then(
            () => written++,
            () => failed++,
          );
      })();
      const all = (least: number) => (reading: Reading<'things'>) => new Set(reading.values).size >= least;
      for (const reading of followers) await reading.until(all(50), 'it follows');
      await broker.kill();
      const before = written;
      for (const reading of followers) await reading.until((one) => troubles(one) > 0, 'it tells trouble', 30_000);
      await broker.restart();
      await eventually(() => written > before + 100, 'the same publisher goes on', 60_000);
      writing = false;
      await writer;

      const head = await log.locate('head', new AbortController().signal);
      for (const reading of followers) {
        await reading.until((one) => one.position(beginning).offsets.covers(head.offsets), 'it has everything', 60_000);
        expect(reading.lost()).toEqual([]);
        // `follow` has seen that each delivery begins where the last one ended: nothing came twice, nothing was left out
        expect([...new Set(reading.values)].sort()).toEqual(
          Array.from({ length: written }, (_, i) => String(i)).sort(),
        );
        await reading.stop();
      }
    } finally {
      for (const log of logs) await log[Symbol.asyncDispose]();
      await broker.stop();
    }
  },
);
