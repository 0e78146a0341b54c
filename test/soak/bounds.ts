import { type Sample } from '../chaos/sample';
import { settledPart, slopePerMinute } from './slope';

/** A sample, and when it was taken. */
export interface Moment extends Sample {
  readonly ms: number;
}

/** What a process may grow by, per minute. */
interface Bounds {
  /** MiB of JavaScript heap after a collection. */
  readonly heap: number;
  /** MiB of memory that the system has given. */
  readonly rss: number;
  /** Handles that the middle of the last third may have more than the middle of the second one; the same for files. */
  readonly handles: number;
}

/** `whole`: from five minutes on. `reduced`: where start-up still shows, so it only catches what grows with every reconnect. */
export const bounds: { readonly whole: Bounds; readonly reduced: Bounds } = {
  whole: { heap: 1, rss: 2, handles: 4 },
  reduced: { heap: 8, rss: 40, handles: 8 },
};

export const boundsFor = (minutes: number): Bounds => (minutes >= 5 ? bounds.whole : bounds.reduced);

export interface Growth {
  readonly heap: number;
  readonly rss: number;
  readonly handles: number;
  readonly files: number;
}

/** How a process has grown over the last two thirds of its samples. */
export function growthOf(moments: readonly Moment[]): Growth {
  const settled = settledPart(moments);
  const slope = (of: 'heap' | 'rss') =>
    slopePerMinute(settled.map((moment) => ({ ms: moment.ms, value: moment[of] / 2 ** 20 })));
  const half = Math.ceil(settled.length / 2);
  const rise = (of: 'handles' | 'files') =>
    median(settled.slice(half).map((moment) => moment[of])) -
    median(settled.slice(0, half).map((moment) => moment[of]));
  return { heap: slope('heap'), rss: slope('rss'), handles: rise('handles'), files: rise('files') };
}

/** What is over its bound, for people. */
export function excess(name: string, growth: Growth, { heap, rss, handles }: Bounds): string[] {
  const over = (what: string, value: number, bound: number, unit: string) =>
    value <= bound ? [] : [`${name}: ${what} grow by ${value.toFixed(2)} ${unit}; at most ${bound} may`];
  return [
    ...over('the heap', growth.heap, heap, 'MiB/min'),
    ...over('the RSS', growth.rss, rss, 'MiB/min'),
    ...over('the handles', growth.handles, handles, ''),
    ...over('the open files', growth.files, handles, ''),
  ];
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
