import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/**
 * Each patch in this folder is a small wrong change of the real code. Applied to a temporary copy, it must make a test fail that
 * carries the number of its invariant; otherwise nobody knows that the tests can see.
 */
const run = promisify(execFile);
const root = join(__dirname, '../..');
const patches = readdirSync(__dirname)
  .filter((file) => file.endsWith('.patch'))
  .sort(byNumber);
let copy: string;

beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'tidemark-mutants-'));
  const sources = (path: string) => !/(^|\/)(node_modules|dist)(\/|$)/.test(path.slice(root.length));
  for (const name of ['core', 'memory'])
    cpSync(join(root, 'packages', name), join(copy, 'packages', name), { recursive: true, filter: sources });
  for (const file of ['jest.config.js', 'package.json', 'docs/spec/handoff.md'])
    cpSync(join(root, file), join(copy, file));
  for (const name of ['contract', 'e2e'])
    cpSync(join(root, `test/setup-${name}.ts`), join(copy, `test/setup-${name}.ts`));
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
});
afterAll(() => {
  rmSync(copy, { recursive: true, force: true });
});

interface Outcome {
  readonly failed: readonly string[];
  readonly passed: number;
}

/** Runs the tests of core whose names carry the invariant, in the copy. */
async function testsOf(invariant: string): Promise<Outcome> {
  const jest = join(root, 'node_modules/jest/bin/jest.js');
  const only = `\\b${invariant}\\b.*:`;
  const folder = join(copy, 'packages/core/test');
  const carriers = readdirSync(folder).filter(
    (file) => file.endsWith('.test.ts') && new RegExp(`'.*${only}`).test(readFileSync(join(folder, file), 'utf8')),
  );
  const args = [
    jest,
    '--rootDir',
    copy,
    '--selectProjects',
    'unit',
    '--json',
    '--forceExit',
    '--testTimeout',
    '8000',
    '-t',
    only,
    '--testPathPatterns',
    ...carriers,
  ];
  const { stdout } = await run(process.execPath, args, { cwd: copy, maxBuffer: 2 ** 26, timeout: 60_000 }).catch(
    (error: unknown) => error as { stdout: string },
  );
  if (stdout === '') throw new Error(`the tests of ${invariant} hang`);
  const report = JSON.parse(stdout) as {
    readonly testResults: readonly {
      readonly message: string;
      readonly assertionResults: readonly { readonly status: string; readonly title: string }[];
    }[];
  };
  const tests = report.testResults.flatMap(({ assertionResults }) => assertionResults);
  const broken = report.testResults.filter(({ assertionResults }) => assertionResults.length === 0);
  if (broken.length > 0) throw new Error(`the copy doesn't run: ${broken[0]?.message ?? ''}`);
  return {
    failed: tests.filter(({ status }) => status === 'failed').map(({ title }) => title),
    passed: tests.filter(({ status }) => status === 'passed').length,
  };
}

const applied = (patch: string, ...flags: readonly string[]) =>
  run('git', ['apply', ...flags, join(__dirname, patch)], { cwd: copy });

function numberOf(patch: string): string {
  return patch.split('-')[0] ?? '';
}

function byNumber(a: string, b: string): number {
  return Number(numberOf(a).slice(1)) - Number(numberOf(b).slice(1));
}

it('there is at least one for each invariant', () => {
  expect([...new Set(patches.map(numberOf))]).toEqual(Array.from({ length: 11 }, (_, i) => `I${i + 1}`));
});

it.each(patches)('%s is caught', async (patch) => {
  await applied(patch);
  try {
    const { failed } = await testsOf(numberOf(patch));
    expect({ patch, caughtBy: failed.length > 0 }).toEqual({ patch, caughtBy: true });
    for (const title of failed) expect(title).toContain(numberOf(patch));
    process.stdout.write(
      `${patch}: ${readFileSync(join(__dirname, patch), 'utf8').split('\n')[0]} Caught by: ${failed.join('; ')}\n`,
    );
  } finally {
    await applied(patch, '--reverse');
  }
});

it('without them the same tests pass', async () => {
  const { failed, passed } = await testsOf('I\\d+');
  expect(failed).toEqual([]);
  expect(passed).toBeGreaterThan(11);
});
