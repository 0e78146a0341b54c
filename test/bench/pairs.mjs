import { performance } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose_gc');
/** What ran before leaves nothing to clean up. */
export const collectGarbage = runInNewContext('gc');

/** Seconds that `work` takes, on a clean heap. */
export async function seconds(work) {
  collectGarbage();
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1_000;
}

/** The middle one of these numbers; of an even count, the mean of the two in the middle. */
export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Starts a clock; the function that it answers says how many seconds ago that was. */
export function clock() {
  const start = performance.now();
  return () => (performance.now() - start) / 1_000;
}

/**
 * Two ways to do the same work, in turn; who begins changes from pair to pair, and one pair before the first warms both up.
 * `tidemark` and `baseline` answer with seconds; `count` is how many things they deal with.
 */
export async function compare({ name, unit, count, pairs, tidemark, baseline }) {
  const [ours, theirs] = [[], []];
  for (let pair = 0; pair <= pairs; pair++) {
    const [a, b] = pair % 2 === 0 ? [await tidemark(), await baseline()] : await inverse(tidemark, baseline);
    if (pair === 0) continue;
    ours.push(count / a);
    theirs.push(count / b);
  }
  return {
    name,
    unit,
    tidemark: rounded(median(ours)),
    baseline: rounded(median(theirs)),
    ratio: rounded(median(ours.map((rate, i) => rate / theirs[i]))),
    pairs,
  };
}

async function inverse(tidemark, baseline) {
  const b = await baseline();
  return [await tidemark(), b];
}

/** Four digits say enough. */
export const rounded = (number) => Number(number.toPrecision(4));
