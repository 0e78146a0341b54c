/**
 * `npm run mutants -- [--only NAME]… [--json]`: applies each small wrong change of list/ to a temporary copy of the packages; the
 * tests that it names must fail there, and pass without it. Prints the table of docs/proof/mutants.md; with `--json` a line for
 * each mutant as it is done, and one for all.
 *
 * `--simulator` tells how many seeds the simulator needs until it sees each of them: with `--starts 7` from so many first seeds, up to
 * `--cap 3000` from each.
 *
 * `--in FILE`… runs whole test files instead and tells which tests fail: for writing a mutant. `--names` tells which there are.
 */
import process from 'node:process';
import { parseArgs } from 'node:util';
import { mutantNamed, mutantNames } from './apply.mjs';
import { simulatedTable, simulateMutants } from './simulated.mjs';
import { table } from './table.mjs';
import { failingAnyway, tryMutants } from './try-mutants.mjs';

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    in: { type: 'string', multiple: true },
    json: { type: 'boolean' },
    names: { type: 'boolean' },
    simulator: { type: 'boolean' },
    starts: { type: 'string', default: '7' },
    cap: { type: 'string', default: '3000' },
  },
});
const mutants = (values.only ?? mutantNames()).map(mutantNamed);
const say = (/** @type {string} */ text) => process.stdout.write(`${text}\n`);
const complain = (/** @type {string} */ text) => process.stderr.write(`${text}\n`);

if (values.names === true) mutantNames().forEach(say);
else if (values.in !== undefined) await search(values.in);
else if (values.simulator === true) await simulated(Number(values.starts), Number(values.cap));
else await prove();

/** @param {readonly string[]} everything */
async function search(everything) {
  await tryMutants(mutants, {
    copies: 2,
    everything,
    tell: ({ mutant, failed, problem }) => say([mutant.name, ...(problem ? [problem] : failed)].join('\n  ')),
  });
}

/**
 * @param {number} starts
 * @param {number} cap
 */
async function simulated(starts, cap) {
  /** @type {import('./simulated.mjs').Seen[]} */
  const all = [];
  const tell = (/** @type {import('./simulated.mjs').Seen} */ seen) => {
    all.push(seen);
    const { mutant, seeds, cpuMs, how } = seen;
    complain(`${mutant.name}: ${seeds.join(' ')} (${(cpuMs / 1_000).toFixed(1)} s) ${how ?? ''}`);
  };
  await simulateMutants(mutants, { starts, cap, copies: 2, tell });
  const inOrder = mutants.flatMap((mutant) => all.filter((seen) => seen.mutant === mutant));
  say(simulatedTable(inOrder, cap));
}

async function prove() {
  /** @type {import('./try-mutants.mjs').Outcome[]} */
  const outcomes = [];
  const tell = (/** @type {import('./try-mutants.mjs').Outcome} */ outcome) => {
    outcomes.push(outcome);
    const { mutant, failed, missing, problem, seconds } = outcome;
    if (values.json === true) say(JSON.stringify({ name: mutant.name, failed, missing, problem }));
    else complain(`${missing.length === 0 ? 'caught' : 'SURVIVES'} ${mutant.name} (${seconds.toFixed(1)} s)`);
  };
  await tryMutants(mutants, { copies: 2, everything: undefined, tell });
  const failing = await failingAnyway(mutants);
  const result = table(mutants, outcomes);
  say(values.json === true ? JSON.stringify({ failing, table: result }) : result);
  const surviving = outcomes.filter(({ missing }) => missing.length > 0);
  for (const { mutant, missing, problem } of surviving)
    complain(`${mutant.name}: ${problem ?? `not caught by: ${missing.join('; ')}`}`);
  for (const title of failing) complain(`fails, or isn't there, without any mutant: ${title}`);
  if (values.json !== true) say(`\n${mutants.length} mutants, ${mutants.length - surviving.length} caught`);
  if (surviving.length + failing.length > 0) process.exitCode = 1;
}
