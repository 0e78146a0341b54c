import { type Stored } from '@tidemark/core';
import { SimulationFailed } from './sim-failed';
import { type Published } from './sim-log';
import { everyFault, type SimFault } from './sim-plan';
import { runSeed } from './sim-run';
import { type RowsOf } from './sim-snapshot';
import { type Scenario, type Simulated, type SimulatedA, type SimulatedInstance } from './sim-world';

export interface SimulateOptions<Topic extends string, State> {
  /** How many runs, each with the next seed. */
  readonly seeds: number;
  /** The first seed; default 1. The seed of a failure and `seeds: 1` run it again, exactly. */
  readonly firstSeed?: number | undefined;
  /** The log that A publishes to. */
  readonly topics: { readonly [T in Topic]: { readonly partitions: number } };
  /** A's state as a function of what it has published: what a snapshot of some moment holds. */
  readonly rows: { readonly [T in Topic]?: RowsOf };
  /** A's program: publishes, sleeps, publishes. */
  readonly write: (a: SimulatedA<Topic>) => Promise<void>;
  /**
   * One process of B: called at the beginning and after each crash. Everything that it makes is new, except by `durable`; it
   * touches the world only through what it is given, and neither the clock nor chance of the real one.
   */
  readonly start: (instance: SimulatedInstance<Topic>) => Simulated<State>;
  /**
   * Called after each write to a replica from `instance.replica`, with what A had published up to the position that is stored:
   * throws where B's state isn't what follows from that.
   */
  readonly always?: ((state: State, published: readonly Published[], stored: Stored) => void) | undefined;
  /** Called at the end, when everybody is caught up, with all that A has published: throws where B's state isn't right. */
  readonly expect: (state: State, published: readonly Published[]) => void;
  /** Processes of B, at most; default 3. More than one needs a replica that they share. */
  readonly instances?: number | undefined;
  /** What may go wrong; default everything but `truncate` and `foreign`, which no application can be expected to stand. */
  readonly faults?: readonly SimFault[] | undefined;
  /** Told after each run. */
  readonly onRun?: ((run: SimulatedRun) => void) | undefined;
}

/** One run that ended well. */
export interface SimulatedRun {
  readonly seed: number;
  /** Equal for equal runs. */
  readonly hash: string;
  readonly turns: number;
  /** How much time passed in it, in simulated milliseconds. */
  readonly ms: number;
}

/** Faults that a pipeline stands by itself, whatever its handlers do. */
export const usualFaults: readonly SimFault[] = everyFault.filter((one) => one !== 'truncate' && one !== 'foreign');

/**
 * Runs your pipeline in a simulated world, seed after seed: the real code of Tidemark and of yours, under a clock, chance, log,
 * snapshots and failures that are drawn from the seed. In each run A writes while things go wrong (a process dies at any await,
 * another one freezes, answers are lost, the log is trimmed); then it is calm, everybody must catch up, and B's state must be
 * what A has published. Rejects with `SimulationFailed`.
 *
 * @example see docs/guides/testing-your-pipeline.md
 */
export async function simulate<Topic extends string, State>(options: SimulateOptions<Topic, State>): Promise<void> {
  const { seeds, firstSeed = 1, faults = usualFaults, onRun } = options;
  const scenario: Scenario<Topic, State> = options;
  for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
    const { violation, trace, hash, turns, ms } = await withoutStacks(() => runSeed(seed, scenario, faults));
    if (violation !== undefined) {
      const again = await runSeed(seed, scenario, faults); // with stacks now
      const { cause } = again.hash === hash && again.violation !== undefined ? again.violation : violation;
      throw new SimulationFailed(seed, violation.what, trace, { cause });
    }
    onRun?.({ seed, hash, turns, ms });
  }
}

/** A run throws dozens of errors which are meant, and where each comes from takes longer to write down than what it is about. */
async function withoutStacks<T>(run: () => Promise<T>): Promise<T> {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return await run();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}
