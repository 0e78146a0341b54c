import * as t from 'io-ts';

/** Y's model: who does what on which media. This is what Y's API and its updates topic speak. */
export const Assignment = t.type({
  id: t.string,
  media: t.string,
  assignee: t.string,
  role: t.union([t.literal('edit'), t.literal('review'), t.literal('subtitle')]),
  /** Planned effort, in minutes. */
  minutes: t.number,
  /** Progress, 0 to 100. */
  percent: t.number,
  /** ISO date, if there is one. */
  due: t.union([t.string, t.null]),
  /** How often it was written, from 1. */
  writes: t.number,
  /** Grows with each of Y's writes, all assignments together: so of two states of one, even if it was cancelled between them, the newer. */
  version: t.number,
});
export type Assignment = t.TypeOf<typeof Assignment>;

/** A record of the updates topic. It carries state, not a difference, and a version. */
export const AssignmentUpdate = t.union([
  t.type({ type: t.literal('assigned'), assignment: Assignment }),
  t.type({ type: t.literal('cancelled'), id: t.string, version: t.number }),
]);
export type AssignmentUpdate = t.TypeOf<typeof AssignmentUpdate>;

const { id, media, assignee, role, minutes, percent, due } = Assignment.props;

/** The body of a POST. */
export const NewAssignment = t.strict({ id, media, assignee, role, minutes, due });
export type NewAssignment = t.TypeOf<typeof NewAssignment>;

/** The body of a PUT: what is to be changed. */
export const AssignmentChange = t.exact(t.partial({ assignee, percent, due }));
export type AssignmentChange = t.TypeOf<typeof AssignmentChange>;
