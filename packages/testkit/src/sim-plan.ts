import { type Times } from '@tidemark/core';
import { type CallFaults, noFaults } from './sim-faults';
import { type Random } from './sim-random';
import { noSnapshotFaults, type SnapshotFaults } from './sim-snapshot';
import { type Pace } from './sim-scheduler';

/**
 * What may go wrong in a simulated world.
 *
 * | fault | what happens |
 * |---|---|
 * | `crash` | a process dies at any await and is started again; what it had asked for has taken effect, or not |
 * | `freeze` | a process stands still for up to half a minute, and goes on as if nothing had happened |
 * | `stop` | a process is stopped in order and started again |
 * | `pause` | a pipeline is paused for a while |
 * | `share` | the partitions are divided among the instances by leases, which move |
 * | `replica` | calls of the replica fail before or after their effect, or all of them for a while |
 * | `log` | reading the log fails, now and then or for a while |
 * | `mirror` | answers of the log are some seconds old |
 * | `snapshot` | snapshots are old, also of an earlier life of a topic, cut off, damaged, miscounted, stand still, or A is away |
 * | `redeploy` | A is started anew and has none of the snapshots that were begun; with `snapshot`, it may go on with another one |
 * | `markers` | offsets that no record has |
 * | `trim` | retention removes records, read or not |
 * | `grow` | a topic gets more partitions |
 * | `recreate` | a topic is deleted and created anew |
 * | `deploy` | another version of the pipeline is rolled out |
 * | `scatter` | records of one key go to any partition |
 * | `truncate` | the log loses records that it had acknowledged |
 * | `foreign` | A hands out snapshots of another log, for a while |
 */
export type SimFault = (typeof everyFault)[number];

export const everyFault = [
  'crash',
  'freeze',
  'stop',
  'pause',
  'share',
  'replica',
  'log',
  'mirror',
  'snapshot',
  'redeploy',
  'markers',
  'trim',
  'grow',
  'recreate',
  'deploy',
  'scatter',
  'truncate',
  'foreign',
] as const;

/** What a run is like: drawn from its seed. */
export interface SimPlan {
  readonly faults: ReadonlySet<SimFault>;
  readonly instances: number;
  /** How likely something happens to the world at each turn. */
  readonly unrest: number;
  /** How long that goes on, in simulated milliseconds. */
  readonly unrestMs: number;
  readonly pageRecords: number;
  readonly maxInFlight: number;
  readonly describeMs: number;
  readonly times: Times;
  readonly pace: Pace;
  readonly log: CallFaults;
  readonly replica: CallFaults;
  readonly leases: CallFaults;
  readonly a: CallFaults;
  readonly snapshot: SnapshotFaults;
  readonly mirror: { readonly lagging: number; readonly ms: number };
}

/** Each of these faults is in about half of the plans. */
export function planOf(
  random: Random,
  { faults: possible, instances }: { readonly faults: readonly SimFault[]; readonly instances: number },
): SimPlan {
  const faults = new Set(possible.filter(() => random.chance(0.5)));
  // where the record at a position can't be read nothing proves which history it is: a log that may lose records keeps the others
  if (faults.has('truncate')) for (const fault of ['markers', 'trim'] as const) faults.delete(fault);
  const rate = (fault: SimFault, max: number) => (faults.has(fault) ? random.next() * max : 0);
  const aheadMs = random.between(3_000, 12_000);
  const takeoverMs = random.between(2_000, 10_000);
  return {
    faults,
    instances: random.between(1, instances),
    unrest: random.next() * 0.08,
    unrestMs: random.between(500, 12_000),
    pageRecords: random.between(1, 12),
    maxInFlight: random.pick([1, 200, 2 ** 24]) ?? 1,
    describeMs: random.between(1_000, 8_000),
    times: {
      takeoverMs,
      beatMs: Math.floor(takeoverMs / 4),
      watchMs: random.between(1_000, 5_000),
      aheadMs,
      stuckMs: 60_000,
      censusMs: random.between(1_000, 10_000),
      headroomMs: 20_000,
      retryMs: random.between(500, 5_000),
    },
    pace: { slowAnswers: random.next() * 0.5, leaps: random.next() * 0.1 },
    log: faults.has('log') ? { before: random.next() * 0.2, after: random.next() * 0.05 } : noFaults,
    replica: faults.has('replica') ? { before: random.next() * 0.15, after: random.next() * 0.15 } : noFaults,
    leases: faults.has('replica') ? { before: random.next() * 0.1, after: random.next() * 0.1 } : noFaults,
    a: faults.has('snapshot') ? { before: random.next() * 0.3, after: 0 } : noFaults,
    snapshot: faults.has('snapshot')
      ? {
          stale: random.next(),
          staleMs: random.between(1_000, 12_000),
          foreign: rate('foreign', 0.3),
          mixed: rate('redeploy', 0.5),
          miscounted: random.next() * 0.1,
          cutOff: random.next() * 0.15,
          damaged: random.next() * 0.05,
          stalled: random.next() * 0.05,
        }
      : noSnapshotFaults,
    mirror: { lagging: rate('mirror', 0.5), ms: Math.min(4_000, aheadMs / 3) },
  };
}

/** The same world when nothing goes wrong any more. */
export const calm = (plan: SimPlan): SimPlan => ({
  ...plan,
  unrest: 0,
  snapshot: noSnapshotFaults,
  mirror: { lagging: 0, ms: 0 },
});
