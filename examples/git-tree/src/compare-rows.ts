import { openDatabase } from '@tidemark-examples/support';
import { files } from './a-store';
import { type Entry, toEntry } from './entry';

/** A row for comparing: B's entry, and how often it was written. */
export type ComparedEntry = Entry & { readonly changes: number };

/** What B should hold: A's rows, read from A's database, translated. */
export function* sourceRows(aFile: string): Generator<ComparedEntry, void, undefined> {
  const db = openDatabase(aFile);
  try {
    for (const file of files(db)) yield { ...toEntry(file), changes: file.changes };
  } finally {
    db.close();
  }
}

/** How many updates came to B that the snapshot's row had already: none where A's snapshots are exact. */
export function toldAgain(bFile: string): number {
  const db = openDatabase(bFile);
  try {
    return (db.prepare('select coalesce(sum(again), 0) as again from entry').get() as { again: number }).again;
  } finally {
    db.close();
  }
}

/** What B does hold, read from B's database. */
export function* replicaRows(bFile: string): Generator<ComparedEntry, void, undefined> {
  const db = openDatabase(bFile);
  try {
    const statement = db.prepare('select path, directory, name, kind, mode, blob, changes from entry order by path');
    yield* statement.iterate() as Iterable<ComparedEntry>;
  } finally {
    db.close();
  }
}
