import {
  type Batch,
  type Binding,
  type Bootstrap,
  type Change,
  type Mark,
  offsetFrom,
  OffsetMap,
  type Partition,
  type Position,
  type Replica,
  type Source,
  type Stored,
  SyncError,
  upsert,
  type Version,
  type VersionedChange,
} from '@tidemark/core';
import { fail, ok, strictEqual } from 'node:assert/strict';

/** The row that the suite writes; its key is `id`. */
export interface Item {
  readonly id: string;
  readonly text: string;
}

/** A fresh, empty store for one scenario. */
export interface ReplicaFixture {
  /** Another handle on the same store, as another process would have it; the same one where it lives in this process. */
  replica(): Replica<Change<Item>>;
  /** What a reader of the store sees now. */
  rows(): Promise<ReadonlyMap<string, Item>>;
  close(): Promise<void>;
}

/** The row of the scenarios about versions; its key is `id`. */
export interface VersionedItem extends Item {
  readonly version: Version;
}

/** A fresh, empty store that lets newer versions win, for one scenario. */
export interface VersionedFixture {
  replica(): Replica<VersionedChange<VersionedItem>>;
  /** What a reader of the store sees now; versions exact. */
  rows(): Promise<ReadonlyMap<string, VersionedItem>>;
  close(): Promise<void>;
}

/** What this replica does beyond the port; each adds scenarios. */
export interface ReplicaFeatures<F> {
  /** Lets newer versions win where it is asked to (`version`): opens a store that does. */
  readonly versioned?: (() => Promise<VersionedFixture>) | undefined;
  /** Writes a row behind the replica's back, before any pipeline has come: rows without a position. */
  readonly strangeRow?: ((fixture: F, item: Item) => unknown) | undefined;
}

export interface ReplicaContract<F extends ReplicaFixture> {
  readonly name: string;
  /** As the replica says itself: false where it lives in one process, and so keeps neither dead letters nor a pause. */
  readonly shared: boolean;
  open(): Promise<F>;
  readonly features?: ReplicaFeatures<F> | undefined;
}

/** Declares one scenario: it opens a fixture, and closes it whatever happens. */
export type ReplicaScenario<F> = (name: string, body: (fixture: F) => Promise<void>) => void;

export const binding: Binding = { pipeline: 'items', version: '1' };

export const p0: Partition = { topic: 'items', partition: '0' };
export const p1: Partition = { topic: 'items', partition: '1' };

export const source: Source = { kind: 'suite', order: 'decimal', cluster: 'c1', epochs: { items: 'e1' } };

export const mark = (through: string, witness?: string): Mark => ({ through: offsetFrom('lexical', through), witness });

/** A position of the suite's log: the marks of partitions 0 and 1. */
export function position(zero?: string, one?: string, from: Source = source): Position {
  let offsets = OffsetMap.empty(from.order);
  if (zero !== undefined) offsets = offsets.with(p0, mark(zero));
  if (one !== undefined) offsets = offsets.with(p1, mark(one));
  return { source: from, offsets };
}

export const item = (id: string, text = `text of ${id}`): Item => ({ id, text });

/** A batch of one partition that upserts these items. */
export const batch = (partition: Partition, after: string, through: string, ...items: Item[]): Batch<Change<Item>> => ({
  partition,
  after: mark(after).through,
  through: mark(through),
  changes: items.map((row) => upsert(row)),
  rejected: [],
});

/** Takes the replica as it stands now. */
export const take = async (replica: Replica<Change<Item>>): Promise<Bootstrap<Change<Item>>> =>
  replica.take(await replica.load(), binding);

/** Bootstraps the replica with these rows at this position; answers its term. */
export async function bootstrapped(
  replica: Replica<Change<Item>>,
  at: Position,
  ...items: readonly Item[]
): Promise<number> {
  const bootstrap = await take(replica);
  await bootstrap.stage(items.map((row) => upsert(row)));
  strictEqual(await bootstrap.swap(at, []), 'swapped');
  return bootstrap.term;
}

/** The work must be refused with a `SyncError` of this code. */
export async function refused(work: Promise<unknown>, code: string, what: string): Promise<void> {
  const error: unknown = await work.then(
    () => fail(`${what}: expected ${code}, but it was done`),
    (thrown: unknown) => thrown,
  );
  ok(error instanceof SyncError, `${what}: expected ${code}, got ${String(error)}`);
  strictEqual(error.code, code, what);
}

/** The stored position; fails unless there is one. */
export function positionOf(stored: Stored): Position {
  ok('position' in stored && stored.position !== undefined, `expected a position, the state is ${stored.state}`);
  return stored.position;
}

/** The marks of partitions 0 and 1. */
export const throughs = ({ offsets }: Position): string[] => [offsets.through(p0), offsets.through(p1)];

/** The items of a store, as sorted `id=text`. */
export const contents = async (fixture: ReplicaFixture): Promise<string[]> =>
  [...(await fixture.rows()).values()].map(({ id, text }) => `${id}=${text}`).sort();

export const shown = (...items: readonly Item[]): string[] => items.map(({ id, text }) => `${id}=${text}`).sort();
