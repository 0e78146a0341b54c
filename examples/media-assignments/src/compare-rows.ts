import { openDatabase } from '@tidemark-examples/support';
import { toWork, type Work } from './work';
import { assignments } from './y-rows';

/** A row for comparing: X's work, and how many updates took effect on it. */
export type ComparedWork = Work & { readonly effects: number };

/** What X should hold: Y's rows, read from Y's database, translated. Each revision takes effect once. */
export function* sourceRows(yFile: string): Generator<ComparedWork, void, undefined> {
  const db = openDatabase(yFile);
  try {
    for (const assignment of assignments(db, null)) yield { ...toWork(assignment), effects: assignment.version };
  } finally {
    db.close();
  }
}

/** What X does hold, read from X's database. */
export function* replicaRows(xFile: string): Generator<ComparedWork, void, undefined> {
  const db = openDatabase(xFile);
  try {
    const statement = db.prepare(`
      select workId, worker, task, state, minutesLeft, due, revision, effects
      from work left join work_effects using (workId)`);
    yield* statement.iterate() as Iterable<ComparedWork>;
  } finally {
    db.close();
  }
}
