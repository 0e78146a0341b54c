import { type Bootstrap, type Replica } from '@tidemark/core';
import { type Faulty } from './sim-faults';
import { type SimHost } from './sim-host';

/**
 * A replica whose calls are steps of this process, with faults. Each must do its work before it returns, as SQLite and replicas in
 * memory do: a step is one moment. `wrote` is called when something may have been written.
 */
export function steppedReplica<Change>(
  host: SimHost,
  replica: Replica<Change>,
  faulty: Faulty,
  wrote: () => void,
): Replica<Change> {
  const read = <T>(label: string, work: () => Promise<T>) => host.step(label, () => faulty.call(work));
  const write = <T>(label: string, work: () => Promise<T>) =>
    read(label, () => {
      const result = work();
      wrote();
      return result;
    });
  const stepped = (bootstrap: Bootstrap<Change>): Bootstrap<Change> => ({
    term: bootstrap.term,
    resume: bootstrap.resume,
    beat: () => write('replica: beat', () => bootstrap.beat()),
    stage: (changes, token) => write(`replica: stage ${changes.length}`, () => bootstrap.stage(changes, token)),
    discard: () => write('replica: discard', () => bootstrap.discard()),
    swap: (position, lost) => write('replica: swap', () => bootstrap.swap(position, lost)),
    giveBack: () => write('replica: give back', () => bootstrap.giveBack()),
  });
  return {
    shared: replica.shared,
    load: () => read('replica: load', () => replica.load()),
    take: async (seen, into) => stepped(await write('replica: take', () => replica.take(seen, into))),
    apply: (term, batches) => write(`replica: apply ${told(batches)}`, () => replica.apply(term, batches)),
    amend: (term, amendment) => write('replica: amend', () => replica.amend(term, amendment)),
    letters: (which) => read('replica: letters', () => replica.letters(which)),
    pause: (pipeline, paused) => write('replica: pause', () => replica.pause(pipeline, paused)),
  };
}

const told = (batches: Parameters<Replica<unknown>['apply']>[1]): string =>
  batches
    .map(({ partition, after, through }) => `${partition.topic}/${partition.partition} ${after}..${through.through}`)
    .join(', ');
