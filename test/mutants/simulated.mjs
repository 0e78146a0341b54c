import { fork } from 'node:child_process';
import { join } from 'node:path';
import { clearTimeout, setTimeout } from 'node:timers';
import { applyMutant } from './apply.mjs';
import { workerFlags } from '../simulate/worker-flags.mjs';
import { copyOfPackages, removeCopy } from './copy.mjs';

/** Where the starts are apart, so that none sees what another one has seen. */
const apart = 1_000_000;

/** A worker that has told nothing for so long goes round in circles within one moment: that is seen, too. In milliseconds. */
const silence = 60_000;

/**
 * How many seeds the simulator needs until it sees a mutant, from each start, fewest first; `Infinity`: none of `cap` seeds did.
 *
 * @typedef {object} Seen
 * @property {import('./mutant.mjs').Mutant} mutant
 * @property {readonly number[]} seeds
 * @property {number} cpuMs Processor time of all starts.
 * @property {string | undefined} how What the first start saw.
 */

/**
 * Runs the simulator on each mutant, in two copies of the packages; tells each as it is done.
 *
 * @param {readonly import('./mutant.mjs').Mutant[]} mutants
 * @param {{ starts: number, cap: number, copies: number, tell: (seen: Seen) => void }} options
 */
export async function simulateMutants(mutants, { starts, cap, copies, tell }) {
  const left = [...mutants];
  const worker = async () => {
    const copy = copyOfPackages({ also: ['test/simulate'] });
    try {
      for (let mutant = left.shift(); mutant !== undefined; mutant = left.shift()) {
        const takeBack = applyMutant(mutant.name, copy);
        try {
          tell({ mutant, ...(await seedsUntilSeen(copy, starts, cap)) });
        } finally {
          takeBack();
        }
      }
    } finally {
      removeCopy(copy);
    }
  };
  await Promise.all(Array.from({ length: Math.min(copies, mutants.length) }, worker));
}

async function seedsUntilSeen(copy, starts, cap) {
  const seeds = [];
  let cpuMs = 0;
  let how;
  for (let start = 0; start < starts; start++) {
    const first = 1 + start * apart;
    let runs = 0;
    let found = Infinity;
    const see = (/** @type {number} */ nth, /** @type {string} */ text) => {
      found = Math.min(found, nth);
      how ??= text.split('\n')[0];
    };
    await run(copy, { first, step: 1, count: cap, untilFailure: true, replica: 'all' }, (told) => {
      if (told.type === 'failed') see(told.seed - first + 1, told.text);
      if (told.type !== 'ran') return;
      runs += told.runs;
      cpuMs += told.cpuMs;
    }).catch((error) => {
      see(runs + 1, error.message);
    });
    seeds.push(found);
  }
  return { seeds: seeds.sort((a, b) => a - b), cpuMs, how };
}

/** Resolves when the worker is through; rejects when it says nothing any more. */
function run(copy, work, tell) {
  return new Promise((resolve, reject) => {
    const child = fork(join(copy, 'test/simulate/worker.ts'), {
      execArgv: [...workerFlags, '-r', join(copy, 'test/simulate/register.cjs')],
      cwd: copy,
    });
    let timer;
    const heard = () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        child.kill('SIGKILL');
        reject(new Error('it never ends'));
      }, silence);
    };
    heard();
    child.on('message', (told) => {
      heard();
      tell(told);
    });
    child.once('exit', (code) => {
      clearTimeout(timer);
      if (code === 0) resolve(undefined);
      else reject(new Error(`the simulation ended with ${code}`));
    });
    child.send(work);
  });
}

/** The mutants and how many seeds the simulator needs for each, in Markdown. */
export function simulatedTable(seen, cap) {
  const rows = seen.map(({ mutant, seeds }) => {
    const shown = (/** @type {number | undefined} */ n) => (n === undefined || n === Infinity ? `> ${cap}` : String(n));
    return `| ${mutant.name} | ${shown(seeds[seeds.length >> 1])} | ${shown(seeds.at(-1))} |`;
  });
  return ['| mutant | seeds, median | seeds, worst |', '| --- | --- | --- |', ...rows].join('\n');
}
