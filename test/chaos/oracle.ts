import { comparePositions, type Position, showPartition, type Stored } from '@tidemark/core';
import { sqliteReplica } from '@tidemark/sqlite';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { openFile, type Thing, thingsIn } from './things';
import { type World } from './world';

/** What a replica has too little, and too much, in updates; and each thing that differs, for people. */
interface Difference {
  readonly lost: number;
  readonly doubled: number;
  readonly lines: readonly string[];
}

/** One update, as A wrote it down beside its log. */
interface Written {
  readonly id: string;
  readonly added: number;
}

/** What all updates together come to. */
export function foldOf(journal: Iterable<Written>): Thing[] {
  const things = new Map<string, Thing>();
  for (const { id, added } of journal) {
    const { n, updates } = things.get(id) ?? { n: 0, updates: 0 };
    things.set(id, { id, n: n + added, updates: updates + 1 });
  }
  return [...things.values()];
}

export function difference(expected: readonly Thing[], replica: readonly Thing[]): Difference {
  const there = new Map(replica.map((thing) => [thing.id, thing]));
  let [lost, doubled] = [0, 0];
  const lines: string[] = [];
  for (const { id, n, updates } of expected) {
    const found = there.get(id) ?? { n: 0, updates: 0 };
    there.delete(id);
    lost += Math.max(0, updates - found.updates);
    doubled += Math.max(0, found.updates - updates);
    if (found.n !== n || found.updates !== updates)
      lines.push(`${id}: ${found.updates} updates, sum ${found.n}; must be ${updates} updates, sum ${n}`);
  }
  for (const { id, updates } of there.values()) {
    doubled += updates;
    lines.push(`${id}: is there, and was never written`);
  }
  return { lost, doubled, lines };
}

/** How the replica stands in its file. */
export async function storedIn(file: string): Promise<Stored | undefined> {
  if (!existsSync(file)) return undefined;
  const db = openFile(file);
  try {
    return await sqliteReplica(db, { name: 'things', clear: () => undefined, apply: () => undefined }).load();
  } finally {
    db.close();
  }
}

/** Is the replica where it must be in the end? What is still missing, if not. */
export function missing(stored: Stored | undefined, head: Position, version: string): string | undefined {
  if (stored?.state !== 'ready') return `the replica is ${stored?.state ?? 'not there'}`;
  if (stored.version !== version) return `the replica is of version ${stored.version}, ${version} is deployed`;
  try {
    if (comparePositions(stored.position, head) === 'equal') return undefined;
  } catch {
    return "the replica's position is of another log";
  }
  const stands = [...head.offsets].map(
    ({ through, ...partition }) =>
      `${showPartition(partition)} ${stored.position.offsets.through(partition)} of ${through}`,
  );
  return `the replica isn't at the head: ${stands.join(', ')}`;
}

/** How many updates A has ever written. */
export function writtenBy({ directory }: World): number {
  const a = openFile(join(directory, 'a.db'));
  try {
    return (a.prepare('select count(*) as count from journal').get() as { count: number }).count;
  } finally {
    a.close();
  }
}

/** Compares the replica with the fold of everything that was ever written, and with A's own table. */
export function compare(world: World): Difference & { readonly updates: number } {
  const [a, b] = [openFile(join(world.directory, 'a.db')), openFile(world.file)];
  try {
    const journal = a.prepare('select id, added from journal order by seq').all() as unknown as Written[];
    const expected = foldOf(journal);
    const { lines: own } = difference(expected, thingsIn(a));
    const { lost, doubled, lines } = difference(expected, thingsIn(b));
    return {
      lost,
      doubled,
      lines: [...own.map((line) => `in A's own table: ${line}`), ...lines],
      updates: journal.length,
    };
  } finally {
    a.close();
    b.close();
  }
}
