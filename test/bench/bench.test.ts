import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

interface Result {
  readonly name: string;
  readonly unit: string;
  readonly tidemark: number;
  readonly baseline: number;
  readonly ratio: number;
  readonly pairs: number;
}

const bench = (...args: readonly string[]) =>
  promisify(execFile)(process.execPath, [join(__dirname, 'main.mjs'), ...args]);

it.each([
  ['core', 3],
  ['http', 2],
  ['sqlite', 2],
])('bench %s --json: one line, %i results', async (suite, results) => {
  const { stdout } = await bench(suite, '--json', '--pairs', '3', '--scale', '0.005');
  expect(stdout).toMatch(/^[^\n]+\n$/);
  const printed = JSON.parse(stdout) as { readonly suite: string; readonly results: readonly Result[] };
  expect(Object.keys(printed)).toEqual(['suite', 'results']);
  expect(printed.suite).toBe(suite);
  expect(printed.results).toHaveLength(results);
  for (const result of printed.results) {
    expect(Object.keys(result)).toEqual(['name', 'unit', 'tidemark', 'baseline', 'ratio', 'pairs']);
    expect(result).toMatchObject({ name: expect.any(String) as string, unit: expect.any(String) as string, pairs: 3 });
    for (const number of [result.tidemark, result.baseline, result.ratio]) expect(number).toBeGreaterThan(0);
  }
});

it.each([
  ['no suite', []],
  ['an unknown suite', ['quantum']],
  ['no number of pairs', ['core', '--pairs', 'some']],
  ['no scale', ['core', '--scale', '0']],
])('%s is refused, with nothing on stdout', async (_, args) => {
  await expect(bench(...args)).rejects.toMatchObject({ code: 2, stdout: '' });
});
