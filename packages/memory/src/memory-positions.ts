import {
  FencedOut,
  InvalidConfiguration,
  type KeptLetter,
  type Position,
  type PositionStore,
  type Settled,
  showPartition,
  type StoredPosition,
} from '@tidemark/core';

/** Positions that last as long as the process. */
export class MemoryPositions implements PositionStore {
  private current: StoredPosition | undefined;

  load(): Promise<StoredPosition | undefined> {
    return Promise.resolve(this.current);
  }

  reset(position: Position, snapshotId: string): Promise<void> {
    this.current = { snapshotId, position };
    return Promise.resolve();
  }

  async save(snapshotId: string, advances: readonly Settled[]): Promise<void> {
    await Promise.resolve();
    const { current } = this;
    if (current?.snapshotId !== snapshotId)
      throw new FencedOut('the positions belong to another snapshot: somebody has bootstrapped since');
    if (advances.some(({ rejected = [] }) => rejected.length > 0))
      throw new InvalidConfiguration(
        'positions in memory keep no dead letters; store positions elsewhere, or skip poison',
      );
    let { offsets } = current.position;
    for (const { partition, after, through } of advances) {
      const stands = offsets.through(partition);
      if (stands !== after)
        throw new FencedOut(`${showPartition(partition)} stands at ${stands}, not at ${after}: somebody else saved it`);
      offsets = offsets.with(partition, through);
    }
    this.current = { snapshotId, position: { source: current.position.source, offsets } };
  }

  letters(): Promise<readonly KeptLetter[]> {
    return Promise.resolve([]);
  }

  forget(): Promise<boolean> {
    return Promise.resolve(false);
  }
}
