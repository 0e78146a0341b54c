import {
  applyTo,
  type Pipeline,
  remove,
  snapshotThenSubscribe,
  translate,
  upsert,
  type VersionedChange,
} from '@tidemark/core';
import { sqliteTable } from '@tidemark/sqlite';
import { type Database } from '@tidemark-examples/support';
import { Assignment, AssignmentUpdate } from './assignment';
import { toWork, type Work, workIdOf } from './work';
import { type Followed } from './x-log';
import { workSchema } from './x-schema';

/** A row of X's table: the work, and how X has heard of it. */
type WorkRow = Work & { readonly heard: 'snapshot' | 'update' };

/** X's replica of Y's assignments, as X's own model. The database is X's, and opened for this pipeline. */
export function assignmentsPipeline(
  { snapshot, transport }: Pick<Followed, 'snapshot' | 'transport'>,
  db: Database,
  times?: { readonly takeoverMs: number; readonly beatMs: number; readonly retryMs: number },
): Pipeline<VersionedChange<WorkRow>> {
  db.exec(workSchema);
  return snapshotThenSubscribe({
    name: 'assignments',
    snapshot,
    transport,
    decode: { assignments: { row: Assignment, update: AssignmentUpdate } },
    times,
  }).pipe(
    translate((m): VersionedChange<WorkRow> => {
      if (m.kind === 'row') return upsert({ ...toWork(m.value), heard: 'snapshot' });
      switch (m.value.type) {
        case 'assigned':
          return upsert({ ...toWork(m.value.assignment), heard: 'update' });
        case 'cancelled':
          return remove(workIdOf(m.value.id), m.value.version);
      }
    }),
    applyTo(sqliteTable<WorkRow>(db, { table: 'work', key: 'workId', version: 'version' })),
  );
}
