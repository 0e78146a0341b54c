import { type Assignment } from './assignment';

/** X's model: what a worker has to do. It is X's own; nothing here has to be as Y has it. */
export interface Work {
  readonly workId: string;
  readonly worker: string;
  readonly task: string;
  readonly state: 'open' | 'started' | 'done';
  /** Minutes still to be worked, rounded up. */
  readonly minutesLeft: number;
  readonly due: string | null;
  /** How often Y has written it. */
  readonly revision: number;
  /** Y's: of two states of one work, the newer one has the greater. */
  readonly version: number;
}

const verbs = { edit: 'cut', review: 'watch', subtitle: 'subtitle' } as const;

/** The translation (the paper, section 2) of a row. */
export const toWork = ({ id, media, assignee, role, minutes, percent, due, writes, version }: Assignment): Work => ({
  workId: workIdOf(id),
  worker: assignee,
  task: `${verbs[role]} ${media}`,
  state: percent === 100 ? 'done' : percent === 0 ? 'open' : 'started',
  minutesLeft: Math.ceil((minutes * (100 - percent)) / 100),
  due,
  revision: writes,
  version,
});

/** X's name for an assignment of Y's. */
export const workIdOf = (assignmentId: string): string => `y/${assignmentId}`;
