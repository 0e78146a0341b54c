import * as t from 'io-ts';

/** Y's words: what A says about an assignment, and X's own model of it. The type tests share them. */
export const Assignment = t.type({
  id: t.string,
  media: t.string,
  assignee: t.string,
  percent: t.number,
  version: t.number,
});
export type Assignment = t.TypeOf<typeof Assignment>;

export const AssignmentUpdate = t.union([
  t.type({ type: t.literal('assigned'), assignment: Assignment }),
  t.type({ type: t.literal('cancelled'), id: t.string, version: t.number }),
]);
export type AssignmentUpdate = t.TypeOf<typeof AssignmentUpdate>;

export const Title = t.type({ media: t.string, title: t.string });
export type Title = t.TypeOf<typeof Title>;

export interface Work {
  readonly workId: string;
  readonly owner: string;
  readonly done: boolean;
  readonly version: number;
}

export const toWork = ({ id, assignee, percent, version }: Assignment): Work => ({
  workId: id,
  owner: assignee,
  done: percent === 100,
  version,
});
