import { applyTo, type Change, type Pipeline, remove, snapshotThenSubscribe, translate, upsert } from '@tidemark/core';
import { sqliteTable } from '@tidemark/sqlite';
import { type Database } from '@tidemark-examples/support';
import { Assignment, AssignmentUpdate } from './assignment';
import { toWork, type Work, workIdOf } from './work';
import { followY } from './x-log';
import { workSchema } from './x-schema';

/** A row of X's table: the work, and how X has heard of it. */
type WorkRow = Work & { readonly heard: 'snapshot' | 'update' };

/** X's replica of Y's assignments, as X's own model. The database is X's, and opened for this pipeline. */
export function assignmentsPipeline(
  y: string,
  db: Database,
  times?: { readonly takeoverMs: number; readonly beatMs: number; readonly retryMs: number },
): Pipeline<Change<WorkRow>> {
  db.exec(workSchema);
  return snapshotThenSubscribe({
    name: 'assignments',
    ...followY(y),
    decode: { assignments: { row: Assignment, update: AssignmentUpdate } },
    times,
  }).pipe(
    translate((m): Change<WorkRow> => {
      if (m.kind === 'row') return upsert({ ...toWork(m.value), heard: 'snapshot' });
      switch (m.value.type) {
        case 'assigned':
          return upsert({ ...toWork(m.value.assignment), heard: 'update' });
        case 'cancelled':
          return remove(workIdOf(m.value.id));
      }
    }),
    applyTo(sqliteTable<WorkRow>(db, { table: 'work', key: 'workId' })),
  );
}
