import type { IncomingMessage, ServerResponse } from 'node:http';
import { applyTo, type Change, liveView, type Pipeline, remove, translate, upsert } from '@tidemark/core';
import { toWork, type Work } from './model';
import { source } from './source';

/** A view in memory behind a request handler. */
const view = liveView<Work>({ key: (work) => work.workId });
const pipeline: Pipeline<Change<Work>> = source.pipe(
  translate((m) =>
    m.kind === 'row'
      ? upsert(toWork(m.value))
      : m.value.type === 'assigned'
        ? upsert(toWork(m.value.assignment))
        : remove(m.value.id),
  ),
  applyTo(view),
);

export const start = () =>
  pipeline.subscribe({
    error: (error: unknown) => {
      console.error(error);
    },
  });

export async function handler(request: IncomingMessage, response: ServerResponse): Promise<void> {
  await pipeline.caughtUp({ timeoutMs: 2_000 });
  const work: Work | undefined = view.get(request.url ?? '');
  response.end(JSON.stringify(work ?? [...view.values()]));
}

/** Keys of another type, and a view passed on as what it is: a map. */
const byVersion = liveView<Work, number>({ key: (work) => work.version });
export const readable: ReadonlyMap<number, Work> = byVersion;
export const numbered = source.pipe(
  translate((m) => (m.kind === 'row' ? upsert(toWork(m.value)) : remove(m.value.type.length))),
  applyTo(byVersion),
);

export async function untilCaughtUp(): Promise<void> {
  for await (const event of pipeline) if (event.type === 'caughtUp') break;
}
