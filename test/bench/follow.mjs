import { applyTo, liveView, snapshotThenSubscribe, translate, upsert } from '@tidemark/core';
import { nothingYet } from './logs.mjs';
import { clock, collectGarbage } from './pairs.mjs';
import { Work } from './works.mjs';

/** How many different works the logs hold. */
export const keys = 10_000;

/** Seconds until a new pipeline has caught up, into a live view, on a clean heap. */
export async function follow(log, count) {
  collectGarbage();
  const passed = clock();
  return caughtUp(log, count, () => passed);
}

/** The same from its first record on: starting a pipeline, joining and connecting take as long, however much there is to read. */
export async function followSinceTheFirst(log, count) {
  let passed;
  return caughtUp(log, count, () => (passed ??= clock()));
}

/** Seconds by the clock that `onRecord` answers. */
async function caughtUp(log, count, onRecord) {
  const view = liveView({ key: ({ workId }) => workId });
  let passed = () => 0;
  const pipeline = snapshotThenSubscribe({
    name: 'bench',
    snapshot: nothingYet(log),
    transport: log,
    decode: { works: { row: Work, update: Work } },
  }).pipe(
    translate((message) => {
      passed = onRecord();
      return upsert(message.value);
    }),
    applyTo(view),
  );
  const running = pipeline.run();
  await Promise.race([pipeline.caughtUp(), running]);
  const took = passed();
  await pipeline.stop();
  requireAll(view, count);
  return took;
}

export function requireAll(view, count) {
  const expected = Math.min(keys, count);
  if (view.size !== expected) throw new Error(`${view.size} rows instead of ${expected}`);
}
