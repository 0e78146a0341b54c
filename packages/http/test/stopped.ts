import { type Pipeline } from '@tidemark/core';

const pipelines: Pick<Pipeline<unknown>, 'stop'>[] = [];

/** After the test, also when that fails in the middle: what runs on would hold the process for ever. */
afterEach(async () => {
  for (const pipeline of pipelines.splice(0)) await pipeline.stop({ deadlineMs: 100 }).catch(() => undefined);
});

/** This pipeline is stopped after the test. */
export function stopped<P extends Pick<Pipeline<unknown>, 'stop'>>(pipeline: P): P {
  pipelines.push(pipeline);
  return pipeline;
}
