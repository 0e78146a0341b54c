import { follow, followSinceTheFirst, keys, requireAll } from './follow.mjs';
import { logOfWorks, pagesOf } from './logs.mjs';
import { compare, median, seconds } from './pairs.mjs';
import { decodedWork } from './works.mjs';

/** Memory log → JSON → io-ts → translate → live view; and what a record costs, with more records and more partitions. */
export async function core({ scale, pairs }) {
  const many = Math.max(1_000, Math.round(1_000_000 * scale));
  const few = Math.max(100, Math.round(many / 100));
  const wide = Math.max(10, Math.round(1_000 * scale));
  const one = await logOfWorks({ count: many, partitions: 1, keys });
  const pages = await pagesOf(one);
  const results = [
    await compare({
      name: `${many} records of 200 B into a live view`,
      unit: 'records/s',
      count: many,
      pairs,
      tidemark: () => follow(one, many),
      baseline: () => byHand(pages, many),
    }),
  ];
  const small = await logOfWorks({ count: few, partitions: 1, keys });
  results.push(
    await compare({
      name: `a record among ${many}, against one among ${few}`,
      unit: 'records/s',
      count: 1,
      pairs,
      tidemark: async () => (await followSinceTheFirst(one, many)) / many,
      baseline: async () => (await repeated(small, few)) / few,
    }),
  );
  const spread = await logOfWorks({ count: many, partitions: wide, keys });
  results.push(
    await compare({
      name: `a record in ${wide} partitions, against one in 1`,
      unit: 'records/s',
      count: many,
      pairs,
      tidemark: () => follow(spread, many),
      baseline: () => follow(one, many),
    }),
  );
  return results;
}

/** A run of few records is short: the median of twenty. Nothing is collected in between: V8 is slow for a while after that. */
async function repeated(log, count) {
  const times = [];
  for (let i = 0; i < 20; i++) times.push(await followSinceTheFirst(log, count));
  return median(times);
}

async function byHand(pages, count) {
  const view = new Map();
  const took = await seconds(() => {
    for (const records of pages)
      for (const { value } of records) {
        const row = decodedWork(JSON.parse(value.toString('utf8')));
        view.set(row.workId, row);
      }
  });
  requireAll(view, count);
  return took;
}
