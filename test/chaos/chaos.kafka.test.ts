import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { itWithOwn } from '../brokers/jest/tests';
import { brokerFaults } from './broker';
import { kafka } from './brokers/kafka';
import { seededRandom } from './random';
import { planOf } from './round';

itWithOwn('kafka')(
  'I1, I2, I3, I8, I11: three rounds over Kafka: nothing lost, nothing doubled',
  async () => {
    const script = join(__dirname, '../dist/chaos/main.js');
    const args = [script, '--broker', 'kafka', '--rounds', '3', '--seed', '13'];
    // it ends its processes and its broker when it is ended
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 230_000 });
    expect(stdout).toContain('3 rounds (seed 13, kafka)');
    expect(stdout).toMatch(/^ +[1-9]\d* {2}(killBroker|freezeBroker) /m);
    expect(stdout).toContain('0 rounds failed, 0 updates lost, 0 doubled');
  },
  240_000,
);

it('every fault has its turn, also the broker', () => {
  const plans = Array.from({ length: 200 }, (_, round) => planOf('kafka', seededRandom(1, round)));
  expect(new Set(plans.flatMap(({ faults }) => faults.map(({ name }) => name)))).toEqual(new Set(kafka.faults));
  expect(kafka.faults).toEqual(expect.arrayContaining([...brokerFaults]));
});
