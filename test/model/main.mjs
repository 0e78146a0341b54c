/**
 * `npm run model [-- --full] [--only TEXT] [--trace] [--json]`: checks the specification of the handoff, docs/spec/handoff.tla, with
 * TLC. The rules must hold, and leaving one out must give a counter-example; what is found is told in docs/spec/model.md.
 */
import process from 'node:process';
import { parseArgs } from 'node:util';
import { checker, Unavailable } from './checker.mjs';
import { configOf } from './config.mjs';
import { full, listing, mutants, small } from './runs.mjs';
import { tlc } from './tlc.mjs';

const { values } = parseArgs({
  options: {
    full: { type: 'boolean', default: false }, // the larger bounds and every rule
    only: { type: 'string', default: '' }, // what the name of a run must contain; of all runs
    trace: { type: 'boolean', default: false }, // print each counter-example, state by state
    json: { type: 'boolean', default: false },
  },
});

const every = [...listing, ...small, ...mutants, ...full];
const chosen =
  values.only !== ''
    ? every.filter(({ name }) => name.includes(values.only))
    : every.filter((run) => values.full || run.quick);

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

const say = (line) => process.stdout.write(`${line}\n`);

try {
  if (chosen.length === 0) throw new Unavailable(`no run has "${values.only}" in its name`);
  const jar = await checker();
  const rest = chosen.values();
  const inTurn = async () => {
    for (const run of rest)
      report(run, await tlc({ jar, module: run.module, config: configOf(run), quick: run.quick }));
  };
  await Promise.all([inTurn(), inTurn()]);
} catch (error) {
  if (!(error instanceof Unavailable)) throw error;
  if (values.json) say(JSON.stringify({ missing: error.message }));
  else say(`NOT CHECKED: ${error.message}`);
  if (process.env.CI === 'true') process.exitCode = 1;
}

/** As expected: a run without `expected` holds, the others break just that. */
function report({ name, check, expected }, { verdict, states, depth, broken, steps, seconds, text }) {
  const good = expected === undefined ? verdict === 'holds' : broken === expected;
  if (!good) process.exitCode = 1;
  if (values.json) {
    say(JSON.stringify({ name, good, states, depth, broken, steps }));
    return;
  }
  const found =
    verdict === 'holds'
      ? `holds: ${check.join(', ')}`
      : `breaks ${broken} in ${steps.length} steps: ${steps.join(', ')}`;
  const size = `${states} states${depth === undefined ? '' : `, depth ${depth}`}, ${seconds.toFixed(0)} s`;
  say(`${good ? 'as it should' : 'NOT AS IT SHOULD'}: ${name} ${found} (${size})`);
  if (values.trace && steps.length > 0) say(text);
}
