/** How fast something grows, per minute, by least squares; 0 where there is nothing to tell it from. */
export function slopePerMinute(points: readonly { readonly ms: number; readonly value: number }[]): number {
  const mean = (of: (point: (typeof points)[number]) => number) =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const [ms, value] = [mean((point) => point.ms), mean((point) => point.value)];
  const spread = points.reduce((sum, point) => sum + (point.ms - ms) ** 2, 0);
  if (points.length < 2 || spread === 0) return 0;
  return (points.reduce((sum, point) => sum + (point.ms - ms) * (point.value - value), 0) / spread) * 60_000;
}

/** The last two thirds: a process may warm up first. */
export const settledPart = <T>(samples: readonly T[]): readonly T[] => samples.slice(Math.floor(samples.length / 3));
