import { type Batch, type Partition, type Position, type VersionedChange, upsert } from '@tidemark/core';
import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { mark, positionOf, type VersionedFixture, type VersionedItem } from './replica-fixture';

/* What the scenarios about versions share. */

export type Change = VersionedChange<VersionedItem>;

export const put = (id: string, version: number | bigint): Change => upsert({ id, text: `text of ${id}`, version });

export const batch = (
  partition: Partition,
  after: string,
  through: string,
  changes: readonly Change[],
): Batch<Change> => ({
  partition,
  after: mark(after).through,
  through: mark(through),
  changes,
  rejected: [],
});

export const take = async (fixture: VersionedFixture) =>
  fixture.replica().take(await fixture.replica().load(), { pipeline: 'items', version: '1' });

export async function bootstrapped(fixture: VersionedFixture, at: Position, ...changes: Change[]): Promise<number> {
  const bootstrap = await take(fixture);
  await bootstrap.stage(changes);
  strictEqual(await bootstrap.swap(at, []), 'swapped');
  return bootstrap.term;
}

/** One step of a partition, from where it stands. */
export async function apply(
  fixture: VersionedFixture,
  partition: Partition,
  changes: readonly Change[],
  head?: number,
): Promise<void> {
  const stored = await fixture.replica().load();
  const after = positionOf(stored).offsets.through(partition);
  const step = { ...batch(partition, after, String(Number(after) + 1), changes), head };
  deepStrictEqual(await fixture.replica().apply(stored.term, [step]), ['applied']);
}

export async function sequence(fixture: VersionedFixture): Promise<number> {
  const stored = await fixture.replica().load();
  ok(stored.sequence !== undefined, 'a versioned replica tells its sequence');
  return stored.sequence;
}

export async function pruned(fixture: VersionedFixture): Promise<number> {
  const stored = await fixture.replica().load();
  ok(stored.pruned !== undefined, 'a versioned replica tells how far it has pruned');
  return stored.pruned;
}

export const shown = async (fixture: VersionedFixture): Promise<string[]> =>
  [...(await fixture.rows()).values()].map(({ id, version }) => `${id}@${version}`).sort();
