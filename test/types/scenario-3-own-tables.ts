import { applyTo, snapshotThenSubscribe, type Sync, translate } from '@tidemark/core';
import * as t from 'io-ts';
import { Assignment, AssignmentUpdate, Title } from './model';
import { assignmentsAndTitles, ownTables, snapshot } from './ports';

/** The user's own tables; two topics with different codecs; three kinds of message. */
const source = snapshotThenSubscribe({
  name: 'work',
  snapshot,
  transport: assignmentsAndTitles,
  decode: {
    assignments: { row: Assignment, update: AssignmentUpdate },
    titles: { row: Title, update: Title, tombstone: t.string },
  },
});
type Told = typeof source extends Sync<infer M> ? M : never;

/** Without a translation: the messages themselves, tagged. */
export const annotated = source.pipe(
  applyTo(
    ownTables({
      clear(tx, scope) {
        tx.run('delete from work where media = ?', scope ?? null);
      },
      apply(tx, m: Told) {
        switch (m.topic) {
          case 'assignments':
            if (m.kind === 'row') tx.run('insert into work values (?, ?)', m.value.id, m.value.media);
            else if (m.value.type === 'assigned') tx.run('insert into work values (?)', m.value.assignment.id);
            else tx.run('delete from work where id = ? and at < ?', m.value.id, m.record.offset);
            break;
          case 'titles':
            if (m.kind === 'tombstone') tx.run('delete from title where media = ?', m.key);
            else tx.run('insert into title values (?, ?)', m.value.media, m.value.title);
        }
      },
    }),
  ),
);

/** The message's type needs no annotation: it comes through the pipe. */
export const inferred = source.pipe(
  applyTo(
    ownTables({
      clear: () => undefined,
      apply(tx, m) {
        tx.run(m.topic, m.kind === 'tombstone' ? m.key : m.kind);
      },
    }),
  ),
);

export const texts: Sync<string> = source.pipe(
  translate((m) => (m.topic === 'titles' ? [] : m.value)),
  translate((value) => ('type' in value ? value.type : value.id)),
);
