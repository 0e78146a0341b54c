/**
 * `npm run mutants -- [--only NAME]… [--json] [--in FILE]…`: applies each small wrong change of list/ to a temporary copy of the
 * packages; the tests that it names must fail there, and pass without it. Prints the table of docs/proof/mutants.md; with `--json`
 * a line for each mutant, as it is done. `--in` runs whole test files and tells which tests fail: for writing a new mutant.
 */
import process from 'node:process';
import { parseArgs } from 'node:util';
import { mutantNamed, mutantNames } from './apply.mjs';
import { table } from './table.mjs';
import { failingAnyway, tryMutants } from './try-mutants.mjs';

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    in: { type: 'string', multiple: true },
    json: { type: 'boolean' },
  },
});
const mutants = (values.only ?? mutantNames()).map(mutantNamed);

/** @type {import('./try-mutants.mjs').Outcome[]} */
const outcomes = [];
await tryMutants(mutants, {
  copies: 2,
  everything: values.in,
  tell: (outcome) => {
    outcomes.push(outcome);
    const { mutant, failed, missing, problem, seconds } = outcome;
    if (values.json === true)
      process.stdout.write(`${JSON.stringify({ name: mutant.name, failed, missing, problem })}\n`);
    else if (values.in)
      process.stdout.write(`${[mutant.name, ...(problem === undefined ? failed : [problem])].join('\n  ')}\n`);
    else
      process.stderr.write(
        `${missing.length === 0 ? 'caught' : 'SURVIVES'} ${mutant.name} (${seconds.toFixed(1)} s)\n`,
      );
  },
});
if (!values.in) {
  const failing = await failingAnyway(mutants);
  if (values.json === true) process.stdout.write(`${JSON.stringify({ failing })}\n`);
  else process.stdout.write(`${table(mutants, outcomes)}\n`);
  const surviving = outcomes.filter(({ missing }) => missing.length > 0);
  for (const { mutant, missing, problem } of surviving)
    process.stderr.write(`${mutant.name}: ${problem ?? `isn't caught by: ${missing.join('; ')}`}\n`);
  for (const title of failing) process.stderr.write(`fails, or isn't there, without any mutant: ${title}\n`);
  if (surviving.length + failing.length > 0) process.exitCode = 1;
}
