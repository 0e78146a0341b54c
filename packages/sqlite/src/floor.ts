import { compareSources, coversFloor, type Position } from '@tidemark/core';

/**
 * May a snapshot at this position replace what has reached the floor (I8)? Offsets of another history (I7) prove nothing, however
 * high they are: a topic made anew must first be found lost.
 */
export const mayReplace = (position: Position, floor: Position): boolean =>
  coversFloor(position, floor) &&
  [...floor.offsets].every(({ topic }) => compareSources(position.source, floor.source, topic) !== 'different');
