/**
 * `npm run simulate -- --seeds N [--seed S] [--workers W] [--replica all|memory|sqlite|view] [--mutant M] [--flaw F]`
 *
 * Runs the real pipeline in simulated worlds, seed after seed. A failure prints its seed and what happened last; `--seed` of it
 * runs it again, exactly. With a mutant (a small wrong change of the code, see test/mutants) or a flaw (a planted mistake, see
 * flaws.ts) a failure is what is wanted: the first one ends the run well, and none ends it badly.
 */
import { fork } from 'node:child_process';
import console from 'node:console';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { clearInterval, setInterval } from 'node:timers';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { applyMutant, mutantNames } from '../mutants/apply.mjs';
import { workerFlags } from './worker-flags.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const { values } = parseArgs({
  options: {
    seeds: { type: 'string' },
    seed: { type: 'string' },
    workers: { type: 'string' },
    replica: { type: 'string', default: 'all' },
    mutant: { type: 'string' },
    flaw: { type: 'string' },
  },
});
const first = whole('seed', values.seed ?? '1');
const seeds = whole('seeds', values.seeds ?? (values.seed === undefined ? '1000' : '1'));
const workers = Math.min(seeds, whole('workers', values.workers ?? String(availableParallelism())));
const planted = values.mutant ?? values.flaw;
if (!['all', 'memory', 'sqlite', 'view'].includes(values.replica)) usage('--replica is all, memory, sqlite or view');
if (values.flaw !== undefined && !/^M[1-8]$/.test(values.flaw)) usage('--flaw is one of M1 to M8');

const home = values.mutant === undefined ? root : await mutated(values.mutant);
process.exitCode = await main().finally(() => {
  if (home !== root) rmSync(home, { recursive: true, force: true });
});

async function main() {
  const began = Date.now();
  const state = { runs: 0, cpuMs: 0, failures: [] };
  const bar = progress(state);
  const children = Array.from({ length: workers }, (_, i) => start(i, state));
  if (planted !== undefined)
    for (const { child } of children)
      child.on('message', ({ type }) => {
        if (type === 'failed') for (const one of children) one.child.kill();
      });
  const codes = await Promise.all(children.map(({ ended }) => ended));
  bar.end();
  const seconds = (Date.now() - began) / 1_000;
  const rate = state.cpuMs === 0 ? 0 : (state.runs * 1_000) / state.cpuMs;
  const failures = state.failures.sort((a, b) => a.seed - b.seed);
  if (planted !== undefined) {
    const [found] = failures;
    console.log(
      found === undefined
        ? `${planted} went unnoticed in ${state.runs} runs`
        : `${planted} was noticed at seed ${found.seed}: ${found.text.split('\n')[0]}`,
    );
    return found === undefined ? 1 : 0;
  }
  for (const { seed, text } of failures.slice(0, 5))
    console.log(`\n${text}\nagain: npm run simulate -- --seed ${seed} --replica ${values.replica}\n`);
  if (failures.length > 0) console.log(`failing seeds: ${failures.map(({ seed }) => seed).join(' ')}`);
  console.log(
    `${state.runs} runs in ${seconds.toFixed(1)} s, ${rate.toFixed(0)} a second and core, ${failures.length} failed`,
  );
  return failures.length > 0 || codes.some((code) => code !== 0) || state.runs < seeds ? 1 : 0;
}

function start(index, state) {
  const child = fork(join(home, 'test/simulate/worker.ts'), {
    execArgv: [...workerFlags, '-r', join(home, 'test/simulate/register.cjs')],
    cwd: home,
  });
  child.on('message', (told) => {
    if (told.type === 'failed') {
      state.failures.push(told);
      if (planted === undefined) console.error(`seed ${told.seed} failed`);
    }
    if (told.type !== 'ran') return;
    state.runs += told.runs;
    state.cpuMs += told.cpuMs;
  });
  const count = Math.ceil((seeds - index) / workers);
  child.send({ first: first + index, step: workers, count, replica: values.replica, flaw: values.flaw });
  return { child, ended: new Promise((resolve) => child.once('exit', (code) => resolve(code))) };
}

/** A bar on a terminal, a line every few seconds elsewhere. */
function progress(state) {
  const tty = process.stderr.isTTY === true;
  const show = () => {
    const part = state.runs / seeds;
    const filled = Math.floor(part * 30);
    const line = `${'█'.repeat(filled)}${'░'.repeat(30 - filled)} ${state.runs}/${seeds}, ${state.failures.length} failed`;
    process.stderr.write(tty ? `\r${line}` : `${line}\n`);
  };
  const timer = setInterval(show, tty ? 200 : 5_000);
  return {
    end() {
      clearInterval(timer);
      if (tty) show();
      if (tty) process.stderr.write('\n');
    },
  };
}

/** A copy of what is simulated, with the mutant applied. */
async function mutated(name) {
  if (!mutantNames().includes(name)) usage(`--mutant is one of ${mutantNames().join(', ')}`);
  const copy = mkdtempSync(join(tmpdir(), 'tidemark-simulate-'));
  const filter = (path) => !/(^|\/)(node_modules|dist)(\/|$)/.test(path.slice(root.length));
  for (const folder of ['packages', 'test/simulate'])
    cpSync(join(root, folder), join(copy, folder), { recursive: true, filter });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  await applyMutant(name, copy);
  return copy;
}

function whole(name, text) {
  if (!/^[1-9]\d*$/.test(text)) usage(`--${name} is a whole number above 0`);
  return Number(text);
}

function usage(problem) {
  console.error(
    `${problem}\nusage: npm run simulate -- --seeds N [--seed S] [--workers W] [--replica all|memory|sqlite|view] [--mutant M] [--flaw M1…M8]`,
  );
  process.exit(2);
}
