import { setTimeout as pause } from 'node:timers/promises';
import { type FaultName, type Service } from './broker';
import { type BrokerName, brokers } from './brokers';
import { type Fault, faults } from './faults';
import { compare, missing, storedIn, writtenBy } from './oracle';
import { until } from './process';
import { between, pick, type Random, seededRandom } from './random';
import { ChaosFailed, patienceMs, World, type WorldOptions } from './world';

/** What a round will do; the same for the same seed and number. */
interface RoundPlan {
  readonly instances: number;
  readonly share: boolean;
  /** The first fault may come while B is starting, or only when it follows the log. */
  readonly from: 'start' | 'following';
  /** When, in milliseconds after that. */
  readonly faults: readonly { readonly name: FaultName; readonly atMs: number }[];
}

export interface RoundResult {
  readonly plan: RoundPlan;
  /** What A has written. */
  readonly updates: number;
  readonly lost: number;
  readonly doubled: number;
  /** Snapshots that were taken over, and instances that a newer deployment has ended. */
  readonly snapshots: number;
  readonly superseded: number;
  /** Why the round has failed, for people. */
  readonly failure?: string | undefined;
}

export function planOf(broker: BrokerName, random: Random): RoundPlan {
  const possible = brokers[broker].faults;
  const instances = between(random, 1, 2);
  return {
    instances,
    share: random() < 0.5,
    from: pick(random, ['start', 'following'] as const),
    faults: Array.from({ length: between(random, 2, 5) }, () => ({
      name: pick(random, possible),
      atMs: between(random, 0, 1_000),
    })).sort((one, other) => one.atMs - other.atMs),
  };
}

/** One world, from its beginning to its end. Nothing is left of it, except the databases where it failed. */
export async function playRound(
  broker: BrokerName,
  seed: number,
  round: number,
  service: Service | undefined,
): Promise<RoundResult> {
  const random = seededRandom(seed, round);
  const plan = planOf(broker, random);
  const options: WorldOptions = {
    broker,
    service,
    seed,
    instances: plan.instances,
    share: plan.share,
    a: { size: 1_200, pauseMs: 6, journal: true },
    b: { silentMs: 1_200 },
  };
  const world = await World.start(options);
  const came = { updates: 0, lost: 0, doubled: 0 };
  let failure: string | undefined;
  try {
    if (plan.from === 'following') await following(world);
    await inject(world, plan, random);
    await following(world);
    await writtenOn(world);
    await settle(world);
    const { lines, ...counts } = compare(world);
    Object.assign(came, counts);
    if (lines.length > 0) throw new ChaosFailed(`the replica differs in ${lines.length} things:\n${first(lines)}`);
    const { breaches, looks } = world.watch;
    if (breaches.length > 0) throw new ChaosFailed(`a reader of the replica has seen:\n${first(breaches)}`);
    if (looks === 0) throw new ChaosFailed('nobody has looked at the replica');
    await stopCleanly(world);
  } catch (error) {
    const why = error instanceof ChaosFailed ? error.message : String((error as Error).stack);
    failure = `${why}\nboth databases are kept in ${world.directory}\n${world.tails}`;
  } finally {
    await world.abandon({ keep: failure !== undefined });
  }
  return { plan, ...came, snapshots: world.count('snapshotEnd'), superseded: world.superseded, failure };
}

/** Each fault at its moment, one after the other within its lane. */
async function inject(world: World, plan: RoundPlan, random: Random): Promise<void> {
  const lanes = new Map<Fault['lane'], Promise<void>>();
  for (const { name, atMs } of plan.faults) {
    const { lane, inject: happen } = faults[name];
    const chance = seededRandom(Math.floor(random() * 2 ** 31), 0);
    const before = lanes.get(lane);
    lanes.set(
      lane,
      Promise.all([before, pause(atMs)]).then(() => happen(world, chance)),
    );
  }
  await Promise.all(lanes.values());
  world.heal();
  for (const instance of world.instances) world.startB(instance);
}

/** B has rows, and a position to follow the log from. */
async function following(world: World): Promise<void> {
  await eventually(world, 'B follows', async () => (await storedIn(world.file))?.state === 'ready');
}

/** So much is written that B has to follow, too. */
async function writtenOn(world: World): Promise<void> {
  const before = writtenBy(world);
  await eventually(world, 'A writes', async () => writtenBy(world) > before + 250);
}

async function eventually(world: World, what: string, condition: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + patienceMs; !(await condition()); await pause(20)) {
    if (world.failure !== undefined) throw world.failure;
    if (performance.now() > end) throw new ChaosFailed(`not within ${patienceMs} ms: ${what}`);
  }
}

/** All is well again, A writes no more: B must come to the head of the log by the deadline. */
async function settle(world: World): Promise<void> {
  await world.quiet();
  const head = await world.log.head();
  let lack: string | undefined;
  try {
    await eventually(world, 'B comes to the head', async () => {
      lack = missing(await storedIn(world.file), head, String(world.version));
      return lack === undefined;
    });
  } catch (error) {
    throw error instanceof ChaosFailed && lack !== undefined ? new ChaosFailed(`${lack}; ${error.message}`) : error;
  }
}

async function stopCleanly(world: World): Promise<void> {
  const stopping = Promise.all([...world.instances.map((instance) => world.stopB(instance)), world.stopA()]);
  let stopped = false;
  await Promise.race([
    stopping.then(() => (stopped = true)),
    until('all processes stop cleanly', () => stopped, patienceMs),
  ]);
  if (world.failure !== undefined) throw world.failure;
}

const first = (lines: readonly string[]): string => lines.slice(0, 10).join('\n');
