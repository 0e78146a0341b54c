import { type Position } from '@tidemark/core';
import { type Database, transaction } from '@tidemark-examples/support';
import { type Assignment, type AssignmentChange, type AssignmentUpdate, type NewAssignment } from './assignment';

/**
 * Announces an update inside the transaction that makes it true. Answers where in the log it is told, if that is known then
 * (an outbox is relayed later).
 */
export type Announce = (key: string, update: AssignmentUpdate) => Position | undefined;

/** What a write answers: the assignment as it is now, and where in the log that is told. */
export interface Written {
  readonly assignment: Assignment;
  readonly position: Position | undefined;
}

const schema = `
create table if not exists assignment (
  id text primary key not null,
  media text not null,
  assignee text not null,
  role text not null,
  minutes integer not null,
  percent integer not null,
  due text,
  writes integer not null,
  version integer not null
);
create table if not exists last_write (
  id integer primary key check (id = 0),
  version integer not null
);
insert or ignore into last_write values (0, 0);
create index if not exists assignment_media on assignment (media);`;

/** Y's own database. Each write and its announcement are one transaction. */
export class AssignmentStore {
  constructor(
    private readonly db: Database,
    private readonly announce: Announce,
  ) {
    db.exec(schema);
  }

  get(id: string): Assignment | undefined {
    return this.db.prepare('select * from assignment where id = ?').get(id) as Assignment | undefined;
  }

  /** `undefined`: the id is taken. */
  create(wanted: NewAssignment): Written | undefined {
    return transaction(this.db, () =>
      this.get(wanted.id) === undefined
        ? this.save({ ...wanted, percent: 0, writes: 1, version: this.next() })
        : undefined,
    );
  }

  /** `undefined`: there is no such assignment. */
  change(id: string, change: AssignmentChange): Written | undefined {
    return transaction(this.db, () => {
      const now = this.get(id);
      return now && this.save({ ...now, ...change, writes: now.writes + 1, version: this.next() });
    });
  }

  /** `undefined`: there is no such assignment. */
  cancel(id: string): Written | undefined {
    return transaction(this.db, () => {
      const assignment = this.get(id);
      if (assignment === undefined) return undefined;
      this.db.prepare('delete from assignment where id = ?').run(id);
      return { assignment, position: this.announce(id, { type: 'cancelled', id, version: this.next() }) };
    });
  }

  private next(): number {
    const sql = 'update last_write set version = version + 1 returning version';
    return (this.db.prepare(sql).get() as { version: number }).version;
  }

  private save(assignment: Assignment): Written {
    const { id, media, assignee, role, minutes, percent, due, writes, version } = assignment;
    this.db
      .prepare('insert or replace into assignment values (?, ?, ?, ?, ?, ?, ?, ?, ?)')
      .run(id, media, assignee, role, minutes, percent, due, writes, version);
    return { assignment, position: this.announce(id, { type: 'assigned', assignment }) };
  }
}
