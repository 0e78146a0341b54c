import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type BrokerName } from '../brokers/brokers';
import { itWithOwn } from '../brokers/jest/tests';
import { brokerFaults } from './broker';
import { brokers } from './brokers';
import { seededRandom } from './random';
import { planOf } from './round';

/** Three rounds over a real broker. With this seed it has its faults, too. */
export function chaosOver(broker: BrokerName, title: string, seed: number): void {
  itWithOwn(broker)(
    `I1, I2, I3, I8, I11: three rounds over ${title}: nothing lost, nothing doubled`,
    async () => {
      const script = join(__dirname, '../dist/chaos/main.js');
      const args = [script, '--broker', broker, '--rounds', '3', '--seed', String(seed)];
      // it ends its processes and its broker when it is ended
      const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 230_000 });
      expect(stdout).toContain(`3 rounds (seed ${seed}, ${broker})`);
      expect(stdout).toMatch(/^ +[1-9]\d* {2}(killBroker|freezeBroker) /m);
      expect(stdout).toContain('0 rounds failed, 0 updates lost, 0 doubled');
    },
    240_000,
  );

  it('every fault has its turn, also the broker', () => {
    const plans = Array.from({ length: 200 }, (_, round) => planOf(broker, seededRandom(1, round)));
    const { faults } = brokers[broker];
    expect(new Set(plans.flatMap((plan) => plan.faults.map(({ name }) => name)))).toEqual(new Set(faults));
    expect(faults).toEqual(expect.arrayContaining([...brokerFaults]));
  });
}
