import { simulate, SimulationFailed } from '@tidemark/testkit';
import { flaws } from './flaws';
import { accountScenario, type Kind, stores } from './scenarios';
import { viewScenario } from './views';

/** Where B's state is: a store of accounts, or views in memory. */
type World = Kind | 'view';

/** What a worker is asked to run: every `step`th seed. */
export interface Work {
  readonly first: number;
  readonly step: number;
  readonly count: number;
  /** It ends with the first seed that fails. */
  readonly untilFailure?: boolean | undefined;
  readonly replica: World | 'all';
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

/** SQLite in every fifth world and a view in every seventh, unless one kind is asked for. */
const worldOf = (seed: number, replica: World | 'all'): World =>
  replica !== 'all' ? replica : seed % 5 === 0 ? 'sqlite' : seed % 7 === 0 ? 'view' : 'memory';

async function work({ first, step, count, untilFailure = false, replica, flaw }: Work): Promise<void> {
  const { store, wrap } = (flaw === undefined ? undefined : flaws[flaw]) ?? {};
  let seed = first;
  let failures = 0;
  const fail = (text: string) => {
    failures++;
    tell({ type: 'failed', seed, text });
  };
  process.on('unhandledRejection', (error) => {
    fail(`seed ${seed} or one before it: a rejection that nobody handles: ${String(error)}`);
  });
  let cpu = process.cpuUsage();
  let runs = 0;
  const report = () => {
    const { user, system } = process.cpuUsage(cpu);
    tell({ type: 'ran', runs, cpuMs: (user + system) / 1_000 });
    cpu = process.cpuUsage();
    runs = 0;
  };
  for (let i = 0; i < count && !(untilFailure && failures > 0); i++, seed += step) {
    try {
      const world = worldOf(seed, replica);
      const one = { seeds: 1, firstSeed: seed };
      if (store === undefined && wrap === undefined && world === 'view')
        await simulate({ ...viewScenario(seed), ...one });
      else
        await simulate({
          ...accountScenario(seed, store ?? stores[world === 'view' ? 'memory' : world], wrap),
          ...one,
        });
    } catch (error) {
      const cause =
        error instanceof SimulationFailed && error.cause instanceof Error ? `\n${error.cause.stack ?? ''}` : '';
      fail(String(error) + cause);
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
