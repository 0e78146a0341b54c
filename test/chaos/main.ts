/**
 * `npm run chaos -- [--broker embedded] [--rounds 20] [--from 1] [--seed 1] [--round K]`: real processes, killed, frozen and cut off at seeded
 * moments; after each round the replica is compared with everything that was written. See docs/proof/README.md.
 */
import process from 'node:process';
import { parseArgs } from 'node:util';
import { type Broker, type FaultName, type Service } from './broker';
import { type BrokerName, brokers } from './brokers';
import { faults } from './faults';
import { playRound, type RoundResult } from './round';

interface Options {
  readonly broker: BrokerName;
  readonly seed: number;
  /** The numbers of the rounds. */
  readonly rounds: readonly number[];
}

class UsageError extends Error {}

function optionsOf(args: readonly string[]): Options {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: { broker: text, rounds: text, from: text, round: text, seed: text },
  });
  const broker = values.broker ?? 'embedded';
  if (!Object.hasOwn(brokers, broker))
    throw new UsageError(`--broker is one of ${Object.keys(brokers).join(', ')}; it was ${broker}`);
  const seed = whole('seed', values.seed ?? '1');
  const alone = values.round === undefined ? undefined : whole('round', values.round);
  const from = whole('from', values.from ?? '1');
  const rounds =
    alone === undefined ? Array.from({ length: whole('rounds', values.rounds ?? '20') }, (_, i) => i + from) : [alone];
  return { broker: broker as BrokerName, seed, rounds };
}

function whole(flag: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`--${flag} is a whole number; it was ${text}`);
  return Number(text);
}

/** Answers with the exit code. */
async function chaos(options: Options): Promise<number> {
  const { start }: Broker = brokers[options.broker];
  const service = await start?.();
  try {
    return await play(options, service);
  } finally {
    await service?.stop();
  }
}

async function play({ broker, seed, rounds }: Options, service: Service | undefined): Promise<number> {
  const injected = new Map<FaultName, number>();
  const sums = { updates: 0, snapshots: 0, superseded: 0, lost: 0, doubled: 0 };
  let failed = 0;
  const began = performance.now();
  let shown = -Infinity;
  for (const [done, round] of rounds.entries()) {
    const result = await playRound(broker, seed, round, service);
    for (const { name } of result.plan.faults) injected.set(name, (injected.get(name) ?? 0) + 1);
    for (const key of Object.keys(sums) as (keyof typeof sums)[]) sums[key] += result[key];
    if (result.failure !== undefined) {
      failed++;
      say(failureText(broker, seed, round, result));
    }
    const now = performance.now();
    if (now - shown > 10_000) {
      shown = now;
      const seconds = (now - began) / 1_000;
      say(`${done + 1}/${rounds.length} rounds, ${failed} failed, ${(seconds / (done + 1)).toFixed(1)} s a round`);
    }
  }
  for (const [name, count] of [...injected].sort(([one], [other]) => one.localeCompare(other)))
    say(`${String(count).padStart(6)}  ${name.padEnd(18)} ${faults[name].what}`);
  say(
    `${rounds.length} rounds (seed ${seed}, ${broker}), ${((performance.now() - began) / 60_000).toFixed(1)} minutes`,
  );
  say(`${sums.updates} updates, ${sums.snapshots} snapshots, ${sums.superseded} instances superseded`);
  say(`${failed} rounds failed, ${sums.lost} updates lost, ${sums.doubled} doubled`);
  return failed === 0 ? 0 : 1;
}

function failureText(broker: BrokerName, seed: number, round: number, { plan, failure }: RoundResult): string {
  const { instances, share, from, faults: chosen } = plan;
  return [
    `FAILED: seed ${seed}, round ${round}: ${instances} instances${share ? ' that share' : ''}; from ${from}: ${chosen.map(({ name, atMs }) => `${name} at ${atMs} ms`).join(', ')}`,
    failure,
    `again: npm run chaos -- --broker ${broker} --seed ${seed} --round ${round}`,
  ].join('\n');
}

const say = (text: string): void => void process.stdout.write(`${text}\n`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1)); // the processes end with this one

void (async () => {
  try {
    process.exitCode = await chaos(optionsOf(process.argv.slice(2)));
  } catch (error) {
    process.stderr.write(`${error instanceof UsageError ? error.message : String((error as Error).stack)}\n`);
    process.exit(2);
  }
})();
