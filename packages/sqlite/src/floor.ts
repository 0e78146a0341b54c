import { compareSources, OffsetMap, type Partition, type Position } from '@tidemark/core';

/** What a new snapshot must cover: the stored position less the partitions whose history is gone (I8). */
export const floorOf = ({ source, offsets }: Position, lost: readonly Partition[]): Position => ({
  source,
  offsets: offsets.without(lost),
});

/** Does the position include everything that the floor does? A mark of another history (I7) is never covered. */
export function coversFloor(position: Position, floor: Position): boolean {
  const { order } = floor.source;
  for (const mark of floor.offsets) {
    if (compareSources(position.source, floor.source, mark.topic) === 'different') return false;
    const through = position.offsets.through(mark);
    if (!OffsetMap.from(order, [{ ...mark, through }]).covers(OffsetMap.from(order, [mark]))) return false;
  }
  return true;
}
