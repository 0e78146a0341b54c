/**
 * `npm run bench -- core|http|sqlite|memory|kafka|nats [--json] [--pairs N] [--scale 0.01]`: Tidemark against the same work written by
 * hand, in one process, in turn. Prints the median of the pairwise ratios, higher is better; see docs/proof/bench.md.
 */
import process from 'node:process';
import { parseArgs } from 'node:util';
import { core } from './core.mjs';
import { http } from './http.mjs';
import { kafka } from './kafka.mjs';
import { memory } from './memory.mjs';
import { nats } from './nats.mjs';
import { sqlite } from './sqlite.mjs';

const suites = { core, http, sqlite, memory, kafka, nats };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean' }, pairs: { type: 'string' }, scale: { type: 'string' } },
});
const [pairs, scale] = [Number(values.pairs ?? 5), Number(values.scale ?? 1)];
const wrong =
  positionals.length === 0 || positionals.some((name) => !Object.hasOwn(suites, name))
    ? `name a suite: ${Object.keys(suites).join(', ')}`
    : !(Number.isInteger(pairs) && pairs > 0)
      ? '--pairs takes a whole number'
      : !(scale > 0)
        ? '--scale takes a number, 1 for the whole size'
        : undefined;
if (wrong === undefined) for (const suite of positionals) print(suite, await suites[suite]({ scale, pairs }));
else {
  process.stderr.write(`${wrong}\n`);
  process.exitCode = 2;
}

function print(suite, results) {
  const lines = values.json === true ? [JSON.stringify({ suite, results })] : [suite, ...results.map(readable)];
  process.stdout.write(`${lines.join('\n')}\n`);
}

function readable({ name, unit, tidemark, baseline, ratio, pairs }) {
  return `  ${ratio.toFixed(3)}  ${name} (${tidemark} / ${baseline} ${unit}, ${pairs} pairs)`;
}
