import { performance } from 'node:perf_hooks';
import { applyMutant } from './apply.mjs';
import { copyOfPackages, removeCopy } from './copy.mjs';
import { runTests } from './run-tests.mjs';

/** A test that waits for what the mutant prevents has failed after this, in milliseconds. */
const testTimeoutMs = 8_000;

/**
 * What became of one mutant: the tests that failed, as they should; those of its tests that didn't; how long it took.
 *
 * @typedef {object} Outcome
 * @property {import('./mutant.mjs').Mutant} mutant
 * @property {readonly string[]} failed
 * @property {readonly string[]} missing
 * @property {string | undefined} problem Why the tests couldn't tell: the mutant has no place, or they don't run.
 * @property {number} seconds
 */

/**
 * Tries the mutants, each copy of the packages by itself, in turn; tells each as it is done. `everything` runs whole test files.
 *
 * @param {readonly import('./mutant.mjs').Mutant[]} mutants
 * @param {{ copies: number, everything: readonly string[] | undefined, tell: (outcome: Outcome) => void }} options
 */
export async function tryMutants(mutants, { copies, everything, tell }) {
  const left = [...mutants];
  const worker = async () => {
    const copy = copyOfPackages({ testTimeoutMs });
    try {
      for (let mutant = left.shift(); mutant !== undefined; mutant = left.shift())
        tell(await tryMutant(mutant, copy, everything));
    } finally {
      removeCopy(copy);
    }
  };
  await Promise.all(Array.from({ length: Math.min(copies, mutants.length) }, worker));
}

async function tryMutant(mutant, copy, everything) {
  const began = performance.now();
  const outcome = await failedUnder(mutant, copy, everything).catch((error) => ({
    failed: [],
    problem: error.message,
  }));
  const titles = Object.values(mutant.caughtBy).flat();
  const missing = titles.filter((title) => !outcome.failed.includes(title));
  return { mutant, problem: undefined, ...outcome, missing, seconds: (performance.now() - began) / 1_000 };
}

async function failedUnder(mutant, copy, everything) {
  const takeBack = applyMutant(mutant.name, copy);
  try {
    const wanted = everything ? Object.fromEntries(everything.map((file) => [file, undefined])) : mutant.caughtBy;
    return { failed: (await runTests(copy, wanted)).failed };
  } finally {
    takeBack();
  }
}

/** Without any mutant the same tests pass: those of them that don't. @param {readonly import('./mutant.mjs').Mutant[]} mutants */
export async function failingAnyway(mutants) {
  /** @type {Record<string, string[]>} */
  const wanted = {};
  for (const { caughtBy } of mutants)
    for (const [file, titles] of Object.entries(caughtBy)) (wanted[file] ??= []).push(...titles);
  const copy = copyOfPackages();
  try {
    const { passed } = await runTests(copy, wanted);
    return Object.values(wanted)
      .flat()
      .filter((title) => !passed.includes(title));
  } finally {
    removeCopy(copy);
  }
}
