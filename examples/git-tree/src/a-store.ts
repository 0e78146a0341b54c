import { type Database, transaction } from '@tidemark-examples/support';
import { type Commit } from './file-change';
import { type FileState, type FileUpdate } from './file-state';

/** Announces updates inside the transaction that makes them true. */
export type Announce = (updates: readonly FileUpdate[]) => void;

/** What reading needs of a database: any connection will do. */
export interface Reader {
  prepare(sql: string): { iterate(): Iterable<unknown> };
}

/** A's database: the tree as of the last commit replayed. */
export class TreeStore {
  private readonly write;
  private readonly remove;

  constructor(
    private readonly db: Database,
    private readonly announce: Announce,
  ) {
    db.exec(`create table if not exists file (
      path text primary key not null, mode text not null, blob text not null, changes integer not null)`);
    this.write = db.prepare(`insert into file (path, mode, blob, changes) values (?, ?, ?, 1)
      on conflict (path) do update set mode = excluded.mode, blob = excluded.blob, changes = changes + 1`);
    this.remove = db.prepare('delete from file where path = ?');
  }

  /** The commit's changes and their announcement, in one transaction. */
  apply({ commit, changes }: Commit): void {
    transaction(this.db, () => {
      for (const change of changes) {
        if (change.op === 'upsert') this.write.run(change.path, change.mode, change.blob);
        else this.remove.run(change.path);
      }
      this.announce(
        changes.map((change) =>
          change.op === 'upsert'
            ? { type: 'written', path: change.path, mode: change.mode, blob: change.blob, commit }
            : { type: 'deleted', path: change.path, commit },
        ),
      );
    });
  }
}

/** The tree, path by path. */
export function* files(reader: Reader): Generator<FileState, void, undefined> {
  const statement = reader.prepare('select path, mode, blob, changes from file order by path');
  yield* statement.iterate() as Iterable<FileState>;
}
