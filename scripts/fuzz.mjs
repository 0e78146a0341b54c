/**
 * `npm run fuzz -- [--runs 1000000] [--seed N] [--only "feeds manifests"]`: every decoder of bytes from outside, with so many inputs each. Prints
 * how many were taken and how many refused; fails where one throws anything but a typed error, or takes too long.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { runs: { type: 'string' }, seed: { type: 'string' }, only: { type: 'string' } },
});
const runs = Number(values.runs ?? 100_000);
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
if (!(Number.isInteger(runs) && runs > 0 && Number.isInteger(seed))) {
  process.stderr.write('--runs takes a whole number, 1 or more; --seed a whole number\n');
  process.exit(2);
}

/** A decoder that hangs for good ends with its process. */
const longestMs = 600_000 + runs * 15;

const directory = mkdtempSync(join(tmpdir(), 'tidemark-fuzz-'));
const count = join(directory, 'count.ndjson');
writeFileSync(count, '');
process.stdout.write(`${runs} inputs for each decoder, seed ${seed}\n`);
try {
  const arguments_ = ['--testPathPatterns', String.raw`\.fuzz\.test\.ts$`, '--verbose'];
  if (values.only !== undefined) arguments_.push('--testNamePattern', values.only);
  const jest = spawn(process.execPath, ['node_modules/jest/bin/jest.js', ...arguments_], {
    stdio: 'inherit',
    env: { ...process.env, FUZZ_RUNS: String(runs), FUZZ_SEED: String(seed), FUZZ_COUNT: count },
    timeout: longestMs,
    killSignal: 'SIGKILL',
  });
  const code = await new Promise((resolve) => jest.once('close', resolve));
  let inputs = 0;
  for (const line of readFileSync(count, 'utf8').split('\n').filter(Boolean)) {
    const { name, taken, refused } = JSON.parse(line);
    inputs += taken + refused;
    process.stdout.write(`  ${name}: ${taken} taken, ${refused} refused\n`);
  }
  process.stdout.write(
    `${inputs} inputs, seed ${seed}: ${code === 0 ? 'nothing but values and typed errors' : 'FAILED'}\n`,
  );
  process.exitCode = code === 0 ? 0 : 1;
} finally {
  rmSync(directory, { recursive: true, force: true });
}
