import { type Database, transaction } from '@tidemark-examples/support';
import { type Commit, type FileChange } from './file-change';
import { type FileState, type FileUpdate } from './file-state';

/** Announces updates inside the transaction that makes them true. */
export type Announce = (updates: readonly FileUpdate[]) => void;

/** What reading needs of a database: any connection will do. */
export interface Reader {
  prepare(sql: string): { iterate(): Iterable<unknown> };
}

/** A's database: the tree as of the last commit replayed. */
export class TreeStore {
  private readonly next;
  private readonly write;
  private readonly remove;

  constructor(
    private readonly db: Database,
    private readonly announce: Announce,
  ) {
    db.exec(`create table if not exists file (
      path text primary key not null, mode text not null, blob text not null, changes integer not null, version integer not null);
      create table if not exists last_write (id integer primary key check (id = 0), version integer not null);
      insert or ignore into last_write values (0, 0);`);
    this.next = db.prepare('update last_write set version = version + 1 returning version');
    this.write = db.prepare(`insert into file (path, mode, blob, changes, version) values (?, ?, ?, 1, ?)
      on conflict (path) do update set
        mode = excluded.mode, blob = excluded.blob, changes = changes + 1, version = excluded.version`);
    this.remove = db.prepare('delete from file where path = ?');
  }

  /** The commit's changes and their announcement, in one transaction. */
  apply({ commit, changes }: Commit): void {
    transaction(this.db, () => {
      this.announce(changes.map((change) => this.applied(change, commit)));
    });
  }

  private applied(change: FileChange, commit: string): FileUpdate {
    const { version } = this.next.get() as { version: number };
    const { path } = change;
    if (change.op === 'delete') {
      this.remove.run(path);
      return { type: 'deleted', path, version, commit };
    }
    const { mode, blob } = change;
    this.write.run(path, mode, blob, version);
    return { type: 'written', path, mode, blob, version, commit };
  }
}

/** The tree, path by path. */
export function* files(reader: Reader): Generator<FileState, void, undefined> {
  const statement = reader.prepare('select path, mode, blob, changes, version from file order by path');
  yield* statement.iterate() as Iterable<FileState>;
}
