import { type Pipeline } from '@tidemark/core';

const ends: (() => unknown)[] = [];

/** After the test, also when that fails in the middle: what runs on would hold the process for ever. */
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

/** This pipeline is stopped after the test. */
export function stopped<P extends Pick<Pipeline<unknown>, 'stop'>>(pipeline: P): P {
  ends.push(() => pipeline.stop({ deadlineMs: 100 }).catch(() => undefined));
  return pipeline;
}

/** Aborts after the test, if the test hasn't done it. */
export function stopper(): AbortController {
  const stop = new AbortController();
  ends.push(() => {
    stop.abort();
  });
  return stop;
}
