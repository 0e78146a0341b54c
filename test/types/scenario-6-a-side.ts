import { headThenRows, toToken } from '@tidemark/core';
import { type Assignment, AssignmentUpdate } from './model';
import { embeddedLog, namedLog } from './ports';

/** A's side: rows by topic, read through the snapshot's own reader; the position never passes through user code. */
const log = embeddedLog({ topics: { assignments: { partitions: 4 } } });
export const exact = log.snapshot({
  assignments: (query, reader) => reader.rows('select * from assignment where media = ?', query.get('media')),
});

export function assign(assignment: Assignment): string {
  const update = AssignmentUpdate.encode({ type: 'assigned', assignment });
  return toToken(log.append('assignments', [{ key: assignment.id, value: JSON.stringify(update) }]));
}

const out = namedLog({ topics: { assignments: 'y.assignment-updates.v1' } });
export const outbox = headThenRows(out, {
  assignments: async function* () {
    yield { id: '1' };
  },
});
export const published = async (): Promise<string> =>
  toToken(await out.publish('assignments', [{ key: '1', value: null }]));

headThenRows(out, {
  // @ts-expect-error rows of a topic that the log doesn't have
  titles: () => [],
});

// @ts-expect-error a topic that the log doesn't have
export const strayed = out.publish('titles', []);
