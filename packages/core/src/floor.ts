import { InvalidConfiguration } from './errors';
import { type Partition } from './partition';
import { type Position } from './position';
import { compareSources } from './source';

/**
 * What a re-snapshot must cover (I8): the marks reached, less the partitions whose history is gone (`ahead`, `changed`,
 * `unknown`). For replicas, inside the swap.
 */
export const floorOf = (stored: Position, lost: readonly Partition[]): Position => ({
  source: stored.source,
  offsets: stored.offsets.without(lost),
});

/** Is the position at or above the floor? Throws {@link InvalidConfiguration} where their offsets can't be compared. */
export function coversFloor(position: Position, floor: Position): boolean {
  if ([...floor.offsets].length === 0) return true;
  if (position.source.kind !== floor.source.kind || position.source.order !== floor.source.order)
    throw new InvalidConfiguration(
      `a position of ${position.source.kind} can't cover one of ${floor.source.kind}: their partitions should have been lost`,
    );
  return position.offsets.covers(floor.offsets);
}

/**
 * May rows of a snapshot at this position replace what has reached the floor (I8)? Offsets of another history (I7) prove nothing,
 * however high they are: a topic made anew must first be found lost. Throws as {@link coversFloor}.
 */
export const mayReplace = (position: Position, floor: Position): boolean =>
  coversFloor(position, floor) &&
  [...floor.offsets].every(({ topic }) => compareSources(position.source, floor.source, topic) !== 'different');
