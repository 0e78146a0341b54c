import { type AssignmentChange, type NewAssignment } from '@tidemark-examples/media-assignments';

/** One call of Y's API. Each writes exactly one update. */
export interface Operation {
  readonly id: string;
  readonly method: 'POST' | 'PUT' | 'DELETE';
  readonly body: NewAssignment | AssignmentChange | undefined;
}

const roles = ['edit', 'review', 'subtitle'] as const;

/** First `size` assignments, then changes, cancellations and new ones, for ever; the same ones for the same random numbers. */
export function* operations(size: number, random: () => number): Generator<Operation, never, undefined> {
  const below = (n: number) => Math.floor(random() * n);
  const alive: string[] = [];
  const cancelled: string[] = [];
  const create = (id: string): Operation => {
    alive.push(id);
    const media = `film-${below(Math.ceil(size / 20))}`;
    const assignee = `worker-${below(50)}`;
    const role = roles[below(roles.length)] ?? 'edit';
    return { id, method: 'POST', body: { id, media, assignee, role, minutes: 15 + below(240), due: null } };
  };
  for (let n = 0; n < size; n++) yield create(`a${n}`);
  for (let n = size; ; n++) {
    const dice = random();
    const at = below(alive.length);
    const id = alive[at];
    if (id === undefined || dice < 0.03) {
      // now and then an assignment comes back that was cancelled
      yield create((dice < 0.01 ? cancelled.pop() : undefined) ?? `a${n}`);
    } else if (dice < 0.06) {
      alive[at] = alive.at(-1) ?? id;
      alive.pop();
      cancelled.push(id);
      yield { id, method: 'DELETE', body: undefined };
    } else yield { id, method: 'PUT', body: changeOf(below) };
  }
}

function changeOf(below: (n: number) => number): AssignmentChange {
  const choice = below(4);
  if (choice === 0) return { assignee: `worker-${below(50)}` };
  if (choice === 1)
    return { due: `2018-${String(1 + below(12)).padStart(2, '0')}-${String(1 + below(28)).padStart(2, '0')}` };
  return { percent: below(101) };
}
