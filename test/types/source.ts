import { snapshotThenSubscribe } from '@tidemark/core';
import { Assignment, AssignmentUpdate } from './model';
import { assignmentsOnly, snapshot } from './ports';

/** The synchronisation that the other type tests pipe on. */
export const source = snapshotThenSubscribe({
  name: 'assignments',
  snapshot,
  transport: assignmentsOnly,
  decode: { assignments: { row: Assignment, update: AssignmentUpdate } },
});
