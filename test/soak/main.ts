/**
 * `npm run soak -- [--minutes 30] [--seed 1] [--json]`: A, a quick and a slow instance of B, and a network that breaks twice a second.
 * Memory, handles and open files of all three processes must stay where they are. See docs/proof/README.md.
 */
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { faults } from '../chaos/faults';
import { type Process, until } from '../chaos/process';
import { pick, type Random, seededRandom } from '../chaos/random';
import { patienceMs, World } from '../chaos/world';
import { boundsFor, excess, type Growth, growthOf, type Moment } from './bounds';

interface Options {
  readonly minutes: number;
  readonly seed: number;
  readonly json: boolean;
}

class UsageError extends Error {}

function optionsOf(args: readonly string[]): Options {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({ args: [...args], options: { minutes: text, seed: text, json: { type: 'boolean' } } });
  const [minutes, seed] = [Number(values.minutes ?? 30), Number(values.seed ?? 1)];
  if (!(minutes > 0)) throw new UsageError(`--minutes is a number above 0; it was ${values.minutes}`);
  if (!Number.isSafeInteger(seed)) throw new UsageError(`--seed is a whole number; it was ${values.seed}`);
  return { minutes, seed, json: values.json ?? false };
}

/** What breaks, again and again. Nobody is killed: it is the living that may leak. */
const troubles = ['cut', 'cut', 'cut', 'truncate', 'slow', 'blackHole', 'trim'] as const;

async function trouble(world: World, random: Random, over: AbortSignal): Promise<number> {
  for (let count = 0; ; count++) {
    if (over.aborted) return count;
    await faults[pick(random, troubles)].inject(world, random);
    await pause(200 + random() * 500, undefined, { signal: over }).catch(() => undefined);
  }
}

async function soak({ minutes, seed, json }: Options): Promise<number> {
  const world = await World.start({
    broker: 'embedded',
    seed,
    instances: 2,
    share: true,
    a: { size: 1_000, pauseMs: 10, journal: false },
    b: { silentMs: 1_500 },
    slow: { instance: 1, ms: 60 },
    execArgv: ['--expose-gc'],
  });
  try {
    const processes: readonly (readonly [string, Process])[] = [
      ['A', world.processA],
      ['B', world.processB(0)],
      ['slow B', world.processB(1)],
    ];
    for (const instance of world.instances)
      await until('B has caught up', () => world.processB(instance).count('caughtUp') > 0, patienceMs);
    const taken = new Map<string, Moment[]>(processes.map(([name]) => [name, []]));
    const over = new AbortController();
    const troubled = trouble(world, seededRandom(seed, 0), over.signal);
    const [began, lengthMs] = [performance.now(), minutes * 60_000];
    const everyMs = Math.max(500, Math.min(5_000, lengthMs / 60));
    for (let ms = 0; ms < lengthMs;) {
      await pause(everyMs);
      ms = performance.now() - began;
      for (const [name, process] of processes) {
        const { sample } = await process.ask('sample', 'sample', patienceMs);
        if (sample !== undefined) taken.get(name)?.push({ ...sample, ms });
      }
      if (world.failure !== undefined) throw world.failure;
    }
    over.abort();
    const breaks = await troubled;
    return report({ minutes, seed, json, breaks, snapshots: world.count('snapshotEnd'), taken });
  } finally {
    await world.abandon({ keep: false });
  }
}

interface Result {
  readonly minutes: number;
  readonly seed: number;
  readonly json: boolean;
  readonly breaks: number;
  readonly snapshots: number;
  readonly taken: ReadonlyMap<string, readonly Moment[]>;
}

function report({ minutes, seed, json, breaks, snapshots, taken }: Result): number {
  const allowed = boundsFor(minutes);
  const grown = new Map([...taken].map(([name, moments]) => [name, growthOf(moments)]));
  const wrong = [...grown].flatMap(([name, growth]) => excess(name, growth, allowed));
  if (json)
    say(JSON.stringify({ minutes, seed, breaks, snapshots, bounds: allowed, grown: Object.fromEntries(grown), wrong }));
  else {
    for (const [name, growth] of grown) say(line(name, growth, taken.get(name) ?? []));
    say(`${minutes} minutes, seed ${seed}: ${breaks} breaks of the network, ${snapshots} snapshots taken over`);
    say(
      `at most ${allowed.heap} MiB/min of heap, ${allowed.rss} MiB/min of RSS, ${allowed.handles} handles more may there be`,
    );
    say(wrong.length === 0 ? 'bounded' : `FAILED:\n${wrong.join('\n')}`);
  }
  return wrong.length === 0 ? 0 : 1;
}

function line(name: string, growth: Growth, moments: readonly Moment[]): string {
  const last = moments.at(-1);
  const mib = (bytes = 0) => (bytes / 2 ** 20).toFixed(1);
  return `${name.padEnd(8)} heap ${mib(last?.heap)} MiB, ${growth.heap.toFixed(2)}/min; RSS ${mib(last?.rss)} MiB, ${growth.rss.toFixed(2)}/min; ${last?.handles ?? 0} handles, ${growth.handles} more; ${last?.files ?? 0} files, ${growth.files} more (${moments.length} samples)`;
}

const say = (text: string): void => void process.stdout.write(`${text}\n`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1)); // the processes end with this one

void (async () => {
  try {
    process.exitCode = await soak(optionsOf(process.argv.slice(2)));
  } catch (error) {
    process.stderr.write(`${error instanceof UsageError ? error.message : String((error as Error).stack)}\n`);
    process.exit(2);
  }
})();
