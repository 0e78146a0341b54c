import { randomUUID } from 'node:crypto';
import { SnapshotRejected } from './errors';
import { type Position } from './position';
import { type Locator, type Point } from './publisher';
import { type SnapshotSource } from './snapshot';

/**
 * Starts from a place in the log instead of a snapshot: a position, a time, an end, or the head less a number of records per
 * partition (the paper's alternative, section 2.1: measuring the risk of missing an update against the work of a snapshot).
 * WHATEVER HAPPENED BEFORE THAT PLACE IS MISSING IN B, for good, and nothing will tell. It serves the very first start only:
 * when the position can't be followed any more there is no state to take over, and the pipeline ends with `SnapshotRejected`.
 *
 * @example
 * snapshot: withoutSnapshot(log, { headLess: 1000 })
 */
export function withoutSnapshot(log: Locator, from: Point | Position): SnapshotSource {
  return {
    async open({ notOlderThan, scope, signal }) {
      if (notOlderThan !== undefined)
        throw new SnapshotRejected(
          'a pipeline without a snapshot source can only be started, not synchronised anew; give it one, or empty the replica to start over',
          false,
        );
      const position = typeof from === 'object' && 'source' in from ? from : await log.locate(from, signal);
      return { id: randomUUID(), position, scope, chunks: nothing() };
    },
  };
}

async function* nothing(): AsyncGenerator<never, void, undefined> {
  // no rows
}
