import { type SimulatedRun, simulate, SimulationFailed } from '@tidemark/testkit';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { flaws } from './flaws';
import { regressions } from './regressions';
import { accountScenario, type Kind, memoryStore, stores, type Wrap } from './scenarios';

const root = join(__dirname, '../..');

async function run(seed: number, kind: Kind = 'memory'): Promise<SimulatedRun | undefined> {
  let told: SimulatedRun | undefined;
  const onRun = (one: SimulatedRun) => (told = one);
  await simulate({ ...accountScenario(seed, stores[kind]), seeds: 1, firstSeed: seed, onRun });
  return told;
}

/** The first seed that fails. */
async function found(store: () => ReturnType<typeof memoryStore>, wrap: Wrap | undefined, seeds: number) {
  for (let seed = 1; seed <= seeds; seed++)
    try {
      await simulate({ ...accountScenario(seed, store, wrap), seeds: 1, firstSeed: seed });
    } catch (error) {
      if (error instanceof SimulationFailed) return error;
      throw error;
    }
  return undefined;
}

/** The command, as a developer gives it. */
function command(...args: readonly string[]): Promise<{ readonly code: number | null; readonly out: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(root, 'test/simulate/main.mjs'), ...args], { cwd: root });
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.on('exit', (code) => {
      resolve({ code, out });
    });
  });
}

it('nothing is lost, doubled, reordered or stuck, whatever happens (I1–I11): a reduced round', async () => {
  const { code, out } = await command('--seeds', '8000');
  expect(out).toMatch(/8000 runs .* 0 failed/);
  expect(code).toBe(0);
}, 600_000);

it.each(regressions)('seed $seed, which found: $found', async ({ seed, kind }) => {
  await run(seed, kind);
});

it('the same seed gives the same run, step by step; another one gives another', async () => {
  for (const kind of ['memory', 'sqlite'] as const) {
    const [first, , again, other] = [
      await run(11, kind),
      await run(12, kind),
      await run(11, kind),
      await run(13, kind),
    ];
    expect(again).toEqual(first);
    expect(other?.hash).not.toBe(first?.hash);
  }
});

it('the same in views, which live and die with their processes', async () => {
  const { code, out } = await command('--seeds', '200', '--replica', 'view');
  expect(out).toMatch(/200 runs .* 0 failed/);
  expect(code).toBe(0);
});

it.each(Object.entries(flaws))('it sees %s', async (_, { store, wrap }) => {
  const failed = await found(store ?? (() => memoryStore()), wrap, 150);
  expect(failed?.message).toMatch(/^seed \d+: /);
  expect(failed?.trace.length).toBeGreaterThan(10);
  const again = await found(store ?? (() => memoryStore()), wrap, 150);
  expect({ seed: again?.seed, trace: again?.trace }).toEqual({ seed: failed?.seed, trace: failed?.trace });
});

it('the command says which seed to run again, and fails; a planted mistake that it sees is no failure', async () => {
  const { code, out } = await command('--flaw', 'M7', '--seeds', '20', '--workers', '1');
  expect({ code, out }).toEqual({ code: 0, out: expect.stringMatching(/^M7 was noticed at seed \d+: /) as string });
  expect((await command('--seeds', 'many')).code).toBe(2);
});
