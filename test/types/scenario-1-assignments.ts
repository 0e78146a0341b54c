import { applyTo, type Change, type Pipeline, remove, snapshotThenSubscribe, translate, upsert } from '@tidemark/core';
import { Assignment, AssignmentUpdate, toWork, type Work } from './model';
import { assignmentsOnly, snapshot, works } from './ports';

/** The running example: the current assignments and every change, translated into X's own rows. */
export const pipeline: Pipeline<Change<Work>> = snapshotThenSubscribe({
  name: 'assignments',
  snapshot,
  transport: assignmentsOnly,
  decode: { assignments: { row: Assignment, update: AssignmentUpdate } },
}).pipe(
  translate((m) => {
    if (m.kind === 'row') return upsert(toWork(m.value));
    switch (m.value.type) {
      case 'assigned':
        return upsert(toWork(m.value.assignment));
      case 'cancelled':
        return remove(m.value.id, m.value.version);
    }
  }),
  applyTo(works),
);
