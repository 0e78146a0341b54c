import {
  FencedOut,
  InvalidConfiguration,
  type KeptLetter,
  type Mark,
  type OffsetMap,
  type Position,
  positionFromJson,
  type PositionStore,
  positionToJson,
  type Settled,
  showPartition,
  type StoredPosition,
} from '@tidemark/core';
import { type Bucket } from './bucket';
import { keyOf } from './kv-key';

/** What is stored, and on which condition it may be replaced. */
interface Place {
  readonly stored: StoredPosition | undefined;
  /** 0: nothing has ever been there. */
  readonly revision: number;
}

/**
 * Positions in a KV bucket: one key for each name holds the whole position, as JSON. At-least-once. Each `save` compares what is stored
 * and writes on the condition that it is stored still, so several instances may save partitions of one position at the same time.
 */
export class KvPositions implements PositionStore {
  private readonly key: string;
  /** Saves of this process wait for each other, or they would only be in each other's way. */
  private saving: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly bucket: Bucket,
    private readonly name: string,
  ) {
    this.key = keyOf('positions', name);
  }

  async load(): Promise<StoredPosition | undefined> {
    return (await this.place()).stored;
  }

  async reset(position: Position, snapshotId: string): Promise<void> {
    for (let unsure = false; ;) {
      const { stored, revision } = await this.place();
      if (unsure && stored?.snapshotId === snapshotId) return; // somebody has gone on from it
      const written = await this.write({ position, snapshotId }, revision);
      if (typeof written === 'number') return;
      unsure ||= written === 'unsure';
    }
  }

  save(snapshotId: string, advances: readonly Settled[]): Promise<void> {
    const saved = this.saving.then(() => this.saveNow(snapshotId, advances));
    this.saving = saved.catch(() => undefined);
    return saved;
  }

  letters(): Promise<readonly KeptLetter[]> {
    return Promise.resolve([]);
  }

  forget(): Promise<boolean> {
    return Promise.resolve(false);
  }

  private async saveNow(snapshotId: string, advances: readonly Settled[]): Promise<void> {
    if (advances.some(({ rejected = [] }) => rejected.length > 0))
      throw new InvalidConfiguration(
        `bucket ${this.bucket.name} keeps no dead letters; store positions elsewhere, or skip poison`,
      );
    for (let unsure = false; ;) {
      const { stored, revision } = await this.place();
      if (stored?.snapshotId !== snapshotId)
        throw new FencedOut(`${this.where} belongs to another snapshot: somebody has bootstrapped since`);
      const { position } = stored;
      if (unsure && advances.every(({ partition, through }) => isAt(position.offsets.get(partition), through))) return;
      const offsets = this.advanced(position.offsets, advances);
      if (offsets === position.offsets) return;
      const written = await this.write({ snapshotId, position: { source: position.source, offsets } }, revision);
      if (typeof written === 'number') return;
      unsure ||= written === 'unsure';
    }
  }

  private advanced(from: OffsetMap, advances: readonly Settled[]): OffsetMap {
    let offsets = from;
    for (const { partition, after, through } of advances) {
      const stands = offsets.through(partition);
      if (stands !== after)
        throw new FencedOut(
          `${this.where}: ${showPartition(partition)} stands at ${stands}, not at ${after}: somebody else saved it`,
        );
      offsets = offsets.with(partition, through);
    }
    return offsets;
  }

  private async place(): Promise<Place> {
    const { value, revision = 0 } = (await this.bucket.get(this.key)) ?? {};
    return { stored: value === undefined ? undefined : this.parsed(value), revision };
  }

  /** Throws `MalformedPosition`, and `InvalidConfiguration` for what never was a position. */
  private parsed(value: string): StoredPosition {
    const foreign = (cause?: unknown) =>
      new InvalidConfiguration(`${this.where} is something else; give another name or bucket`, { cause });
    let json: unknown;
    try {
      json = JSON.parse(value);
    } catch (error) {
      throw foreign(error);
    }
    const { snapshotId, position } = (json ?? {}) as { readonly snapshotId?: unknown; readonly position?: unknown };
    if (typeof snapshotId !== 'string') throw foreign();
    return { snapshotId, position: positionFromJson(position) };
  }

  private write({ snapshotId, position }: StoredPosition, seen: number) {
    return this.bucket.write(this.key, JSON.stringify({ snapshotId, position: positionToJson(position) }), seen);
  }

  private get where(): string {
    return `position ${JSON.stringify(this.name)} in bucket ${this.bucket.name}`;
  }
}

const isAt = (mark: Mark | undefined, wanted: Mark): boolean =>
  mark?.through === wanted.through && mark.witness === wanted.witness;

/** Of a log that was told of no bucket. */
export const noPositions: PositionStore = {
  load: () => Promise.reject(noBucket()),
  reset: () => Promise.reject(noBucket()),
  save: () => Promise.reject(noBucket()),
  letters: () => Promise.reject(noBucket()),
  forget: () => Promise.reject(noBucket()),
};

const noBucket = () =>
  new InvalidConfiguration('natsLog keeps positions in a KV bucket: give it `positions`, or keep them elsewhere');
