import { function as fp } from 'fp-ts';
import { applyTo, type Change, type Pipeline, type Replica, type Sync, SyncError, translate } from '@tidemark/core';
import { type Work } from './model';
import { snapshot, works } from './ports';
import { source } from './source';

/** A service's main: runs until it is told to stop, and says by what it failed. */
export async function main(pipeline: Pipeline<unknown>): Promise<number> {
  await using running = pipeline;
  const controller = new AbortController();
  process.once('SIGTERM', () => {
    controller.abort();
  });
  try {
    await running.run({ signal: controller.signal });
    return 0;
  } catch (error) {
    if (error instanceof SyncError) console.error(error.code, error.retryable, error.cause);
    return 1;
  }
}

/** A step of the user's own, generic in what comes through it. */
export const counting =
  <M>(seen: (count: number) => void) =>
  (from: Sync<M>): Sync<M> => {
    let count = 0;
    return from.pipe(
      translate((message) => {
        seen(++count);
        return [message];
      }),
    );
  };

export const kindsTo = (replica: Replica<'row' | 'update'>) =>
  fp.pipe(
    source,
    translate((m) => m.kind),
    applyTo(replica),
  );

/** Ports are plain interfaces: decorating one keeps its type. */
export const logged: typeof snapshot = {
  async open(request) {
    const opened = await snapshot.open(request);
    console.log(opened.id, opened.count ?? 'unknown', request.scope ?? 'everything');
    return opened;
  },
};

export const traced: Replica<Change<Work>> = {
  shared: works.shared,
  load: () => works.load(),
  take: (seen, into) => {
    console.log(seen.state, into.pipeline);
    return works.take(seen, into);
  },
  apply: (term, batches) => works.apply(term, batches),
  amend: (term, amendment) => works.amend(term, amendment),
  letters: (which) => works.letters(which),
  pause: (pipeline, paused) => works.pause(pipeline, paused),
};
