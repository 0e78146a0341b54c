import { type Position } from '@tidemark/core';
import { type Database, transaction } from '@tidemark-examples/support';
import { type Assignment, type AssignmentChange, type AssignmentUpdate, type NewAssignment } from './assignment';

/** Announces an update inside the transaction that makes it true. */
export type Announce = (key: string, update: AssignmentUpdate) => Position;

/** What a write answers: the assignment as it is now, and where in the log that is told. */
export interface Written {
  readonly assignment: Assignment;
  readonly position: Position;
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
  version integer not null
);
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
      this.get(wanted.id) === undefined ? this.save({ ...wanted, percent: 0, version: 1 }) : undefined,
    );
  }

  /** `undefined`: there is no such assignment. */
  change(id: string, change: AssignmentChange): Written | undefined {
    return transaction(this.db, () => {
      const now = this.get(id);
      return now && this.save({ ...now, ...change, version: now.version + 1 });
    });
  }

  /** `undefined`: there is no such assignment. */
  cancel(id: string): Written | undefined {
    return transaction(this.db, () => {
      const assignment = this.get(id);
      if (assignment === undefined) return undefined;
      this.db.prepare('delete from assignment where id = ?').run(id);
      return { assignment, position: this.announce(id, { type: 'cancelled', id }) };
    });
  }

  private save(assignment: Assignment): Written {
    const { id, media, assignee, role, minutes, percent, due, version } = assignment;
    this.db
      .prepare('insert or replace into assignment values (?, ?, ?, ?, ?, ?, ?, ?)')
      .run(id, media, assignee, role, minutes, percent, due, version);
    return { assignment, position: this.announce(id, { type: 'assigned', assignment }) };
  }
}
