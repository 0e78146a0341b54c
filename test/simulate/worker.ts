import { simulate, SimulationFailed } from '@tidemark/testkit';
import { accountScenario, type Kind, stores } from './scenarios';
import { flaws } from './flaws';

/** What a worker is asked to run: every `step`th seed. */
export interface Work {
  readonly first: number;
  readonly step: number;
  readonly count: number;
  readonly replica: Kind | 'both';
  /** A planted mistake of `flaws.ts`. */
  readonly flaw?: string | undefined;
}

/** What it tells. */
export type Told =
  | { readonly type: 'ran'; readonly runs: number; readonly cpuMs: number }
  | { readonly type: 'failed'; readonly seed: number; readonly text: string }
  | { readonly type: 'done' };

const runsBetweenReports = 10;
const tell = (told: Told): void => void process.send?.(told);

/** SQLite in every fifth world, unless one kind is asked for. */
export const kindOf = (seed: number, replica: Kind | 'both'): Kind =>
  replica === 'both' ? (seed % 5 === 0 ? 'sqlite' : 'memory') : replica;

async function work({ first, step, count, replica, flaw }: Work): Promise<void> {
  const { store, wrap } = (flaw === undefined ? undefined : flaws[flaw]) ?? {};
  let seed = first;
  process.on('unhandledRejection', (error) => {
    tell({
      type: 'failed',
      seed,
      text: `seed ${seed} or one before it: a rejection that nobody handles: ${String(error)}`,
    });
  });
  let cpu = process.cpuUsage();
  let runs = 0;
  const report = () => {
    const { user, system } = process.cpuUsage(cpu);
    tell({ type: 'ran', runs, cpuMs: (user + system) / 1_000 });
    cpu = process.cpuUsage();
    runs = 0;
  };
  for (let i = 0; i < count; i++, seed += step) {
    try {
      await simulate({
        ...accountScenario(seed, store ?? stores[kindOf(seed, replica)], wrap),
        seeds: 1,
        firstSeed: seed,
      });
    } catch (error) {
      const cause =
        error instanceof SimulationFailed && error.cause instanceof Error ? `\n${error.cause.stack ?? ''}` : '';
      tell({ type: 'failed', seed, text: String(error) + cause });
    }
    if (++runs === runsBetweenReports) report();
  }
  report();
  tell({ type: 'done' });
}

process.once('message', (asked) => {
  void work(asked as Work).finally(() => {
    process.disconnect();
  });
});
