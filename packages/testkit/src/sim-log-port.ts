import { orAborted, type PagedLog } from '@tidemark/core';
import { type Faulty } from './sim-faults';
import { type SimHost } from './sim-host';
import { type SimLog } from './sim-log';
import { type Random } from './sim-random';

export interface LogPortOptions {
  readonly log: SimLog;
  readonly faulty: Faulty;
  readonly random: Random;
  /** Records a page, at most. */
  readonly pageRecords: number;
  /** How likely an answer is of an earlier moment, and of how much earlier at most. */
  readonly mirror: { readonly lagging: number; readonly ms: number };
}

/** The log as one process reads it, page by page. */
export function logPort(host: SimHost, options: () => LogPortOptions): PagedLog {
  const { topics } = options().log;
  const view = () => {
    const { log, random, mirror } = options();
    return random.chance(mirror.lagging) ? log.earlierInThisLife(mirror.ms) : log.view();
  };
  return {
    kind: 'simulated',
    topics: Object.fromEntries(topics.map((topic) => [topic, topic])),
    describe: (signal) => {
      const { log, faulty } = options();
      return host.step('describe', () => faulty.call(() => log.describe(view())), signal);
    },
    async page(partition, after, { wait, signal }) {
      const label = `page ${partition.topic}/${partition.partition} after ${after}`;
      for (;;) {
        const { log, faulty, random, pageRecords } = options();
        const limit = random.between(1, pageRecords);
        const seen = await host.step(
          label,
          () =>
            faulty.call(() => {
              const of = view();
              return { page: log.page(of, partition, after, limit), of, isCurrent: of === log.view() };
            }),
          signal,
        );
        const { page, of, isCurrent } = seen;
        if ('lost' in page || !wait || page.through !== after) return page;
        if (!isCurrent)
          await host.runtime.sleep(1_000, signal); // a mirror that lags has more to say soon
        else if (of === log.view()) await orAborted(log.news(), signal);
      }
    },
  };
}
