import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { embedded } from './brokers/embedded';
import { embeddedFaults } from './broker';
import { difference, foldOf } from './oracle';
import { seededRandom } from './random';
import { planOf } from './round';

const chaos = (...args: readonly string[]) =>
  // it ends its processes when it is ended
  promisify(execFile)(process.execPath, [join(__dirname, '../dist/chaos/main.js'), ...args], { timeout: 170_000 });

it('I1, I2, I3, I8, I11: three rounds of everything that can go wrong: nothing lost, nothing doubled', async () => {
  const { stdout } = await chaos('--rounds', '3', '--seed', '20');
  expect(stdout).toContain('3 rounds (seed 20, embedded)');
  expect(stdout).toContain('0 rounds failed, 0 updates lost, 0 doubled');
});

it('the oracle sees: a transport that leaves out a record fails the round, and the report says how to see it again', async () => {
  const failed: unknown = await chaos('--broker', 'forgetful', '--round', '1').catch((error: unknown) => error);
  expect(failed).toMatchObject({ code: 1 });
  const { stdout } = failed as { readonly stdout: string };
  expect(stdout).toMatch(/^FAILED: seed 1, round 1: .* cut at \d+ ms/);
  expect(stdout).toContain('again: npm run chaos -- --broker forgetful --seed 1 --round 1');
  expect(stdout).toMatch(/\n1 rounds failed, [1-9]\d* updates lost, 0 doubled\n/);
});

it.each([
  ['an unknown broker', ['--broker', 'carrier-pigeon']],
  ['no number', ['--rounds', 'some']],
  ['an unknown option', ['--quick']],
])('%s is refused, with nothing on stdout', async (_, args) => {
  await expect(chaos(...args)).rejects.toMatchObject({ code: 2, stdout: '' });
});

it('a round does the same for the same seed and number, and every fault has its turn', () => {
  const plan = (seed: number, round: number) => planOf('embedded', seededRandom(seed, round));
  expect(plan(3, 9)).toEqual(plan(3, 9));
  expect(plan(3, 9)).not.toEqual(plan(3, 10));
  expect(plan(3, 9)).not.toEqual(plan(4, 9));
  const plans = Array.from({ length: 200 }, (_, round) => plan(1, round));
  expect(new Set(plans.flatMap(({ faults }) => faults.map(({ name }) => name)))).toEqual(new Set(embeddedFaults));
  expect(new Set(plans.map(({ instances, share, from }) => `${instances} ${share} ${from}`)).size).toBe(8);
  expect(embedded.faults).toEqual(embeddedFaults);
});

describe('the oracle', () => {
  const expected = foldOf([
    { id: 'a', added: 1 },
    { id: 'b', added: 2 },
    { id: 'a', added: 3 },
  ]);

  it('folds what was written', () => {
    expect(expected).toEqual([
      { id: 'a', n: 4, updates: 2 },
      { id: 'b', n: 2, updates: 1 },
    ]);
    expect(difference(expected, expected)).toEqual({ lost: 0, doubled: 0, lines: [] });
  });

  it.each([
    ['a lost update', [expected[0]!, { id: 'b', n: 0, updates: 0 }], { lost: 1, doubled: 0 }],
    ['a lost thing', [expected[0]!], { lost: 1, doubled: 0 }],
    ['a doubled update', [expected[0]!, { id: 'b', n: 4, updates: 2 }], { lost: 0, doubled: 1 }],
    ['one lost, another doubled', [{ id: 'a', n: 6, updates: 2 }, expected[1]!], { lost: 0, doubled: 0 }],
    ['a thing that never was', [...expected, { id: 'c', n: 1, updates: 1 }], { lost: 0, doubled: 1 }],
  ])('sees %s', (_, replica, counts) => {
    const found = difference(expected, replica);
    expect(found).toMatchObject(counts);
    expect(found.lines).toHaveLength(1);
  });
});
