import {
  applyTo,
  type Change,
  type Log,
  type Replica,
  remove,
  snapshotThenSubscribe,
  type Transport,
  translate,
  upsert,
} from '@tidemark/core';
import { Assignment, AssignmentUpdate, toWork, type Work } from './model';
import { embeddedLog, namedLog, snapshot, subjectLog, works } from './ports';

/** One line a log: only this record names one, and the business code below takes any of them. */
const logs = {
  named: () => namedLog({ topics: { assignments: 'y.assignment-updates.v1' }, group: process.env.GROUP }),
  same: () => namedLog({ topics: ['assignments'] }),
  subjects: () => subjectLog({ topics: { assignments: { stream: 'ASSIGNMENTS', subjects: ['y.assignments.>'] } } }),
  embedded: () => embeddedLog({ topics: { assignments: { partitions: 4 } } }),
} satisfies Record<string, () => Log<'assignments'>>;

export const assignments = (transport: Transport<'assignments'>, replica: Replica<Change<Work>>) =>
  snapshotThenSubscribe({
    name: 'assignments',
    snapshot,
    transport,
    decode: { assignments: { row: Assignment, update: AssignmentUpdate } },
  }).pipe(
    translate((m) =>
      m.kind === 'row'
        ? upsert(toWork(m.value))
        : m.value.type === 'assigned'
          ? upsert(toWork(m.value.assignment))
          : remove(m.value.id, m.value.version),
    ),
    applyTo(replica),
  );

export const running = (name: keyof typeof logs) => assignments(logs[name](), works);
