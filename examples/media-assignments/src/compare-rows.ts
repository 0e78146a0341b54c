import { openDatabase } from '@tidemark-examples/support';
import { toWork, type Work } from './work';
import { assignments } from './y-rows';

/** A row for comparing: X's work, and how many updates took effect on it. */
export type ComparedWork = Work & { readonly effects: number };

/** What X should hold: Y's rows, read from Y's database, translated. Each revision takes effect once. */
export function* sourceRows(yFile: string): Generator<ComparedWork, void, undefined> {
  const db = openDatabase(yFile);
  try {
    for (const assignment of assignments(db, null)) yield { ...toWork(assignment), effects: assignment.writes };
  } finally {
    db.close();
  }
}

/** How many updates X was told that the snapshot's row had already: none where Y's snapshots are exact. */
export function toldAgain(xFile: string): number {
  const db = openDatabase(xFile);
  try {
    return (db.prepare('select coalesce(sum(again), 0) as again from work_effects').get() as { again: number }).again;
  } finally {
    db.close();
  }
}

/** What X does hold, read from X's database. */
export function* replicaRows(xFile: string): Generator<ComparedWork, void, undefined> {
  const db = openDatabase(xFile);
  try {
    const statement = db.prepare(`
      select workId, worker, task, state, minutesLeft, due, revision, version, effects
      from work left join work_effects using (workId)`);
    yield* statement.iterate() as Iterable<ComparedWork>;
  } finally {
    db.close();
  }
}
