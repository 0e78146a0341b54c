import { type Pipeline } from '@tidemark/core';

const begun: Pick<Pipeline<unknown>, 'stop'>[] = [];

afterEach(async () => {
  for (const pipeline of begun.splice(0)) await pipeline.stop({ deadlineMs: 1_000 }).catch(() => undefined);
});

/** This pipeline is stopped after the test, also when that fails in the middle: a run would hold the process for ever. */
export function stopped<P extends Pick<Pipeline<unknown>, 'stop'>>(pipeline: P): P {
  begun.push(pipeline);
  return pipeline;
}
