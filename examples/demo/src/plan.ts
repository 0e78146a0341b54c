/** When the follower is killed, counted in updates written. */
export interface Plan {
  /** Written before the follower starts for the first time: what its first snapshot holds. */
  readonly initial: number;
  /** Written while the follower takes its first snapshot, up to here. */
  readonly bootstrapThrough: number;
  /** Kill it in the middle of its first snapshot too. */
  readonly killInFirstSnapshot: boolean;
  /** Kill it in the middle of the snapshot that follows the outage too. */
  readonly killInSecondSnapshot: boolean;
  /** In order. */
  readonly crashes: readonly Crash[];
}

export interface Crash {
  /** The follower is killed when so many updates are written, … */
  readonly at: number;
  /** … while writing goes on up to here. */
  readonly through: number;
  /** `outage`: it stays dead until all that is written and the log is trimmed, so that it has to take a new snapshot. */
  readonly kind: 'crash' | 'outage';
  /** Written while it comes back, up to here. */
  readonly backThrough: number;
}

/**
 * One outage in the middle, and `kills` crashes around it; the third and the sixth of them are moved into the two snapshots.
 * Moments are random; writing goes on at each.
 */
export function planOf(total: number, initial: number, kills: number, random: () => number): Plan {
  const [killInFirstSnapshot, killInSecondSnapshot] = [kills >= 3, kills >= 6];
  const inStream = kills - Number(killInFirstSnapshot) - Number(killInSecondSnapshot);
  const count = inStream + 1;
  const outage = Math.floor(count / 2);
  // the first stretch is for the first snapshot, the last for catching up, and each between them has one crash
  const stretch = (total - initial) / (count + 2);
  const point = (stretches: number) => Math.floor(initial + stretch * stretches);
  const crashes = Array.from({ length: count }, (_, i): Crash => {
    const at = point(i + 1 + random() / 2);
    const through = point(i + 1.7);
    return i === outage
      ? { kind: 'outage', at, through: Math.max(through, at + 1), backThrough: point(i + 1.9) }
      : { kind: 'crash', at, through, backThrough: through };
  });
  return { initial, bootstrapThrough: point(0.9), killInFirstSnapshot, killInSecondSnapshot, crashes };
}
