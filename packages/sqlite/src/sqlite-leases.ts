import { type Lease, type LeaseStore, type LeaseWrite } from '@tidemark/core';
import { type SqliteDatabase } from './database';
import { storable } from './identifier';
import { Statements } from './statements';
import { promised, reading, transaction } from './transaction';

const schema = `
create table if not exists tidemark_lease (
  store text not null,
  key text not null,        -- JSON: [topic, partition, epoch]
  owner text,               -- null: given back
  counter integer not null,
  primary key (store, key)
) without rowid;`;

/**
 * Leases in a SQLite file that all instances open, for `share`. Stores in one file are told apart by `name` (default `leases`): give
 * each pipeline its own. All writes of one round are one transaction. Rejects with `Unavailable` while the file is locked.
 *
 * @example
 * httpFeed('https://y.example/feed', { topics: ['assignments'], share: { leases: sqliteLeases(db) } })
 */
export function sqliteLeases(db: SqliteDatabase, options: { readonly name?: string | undefined } = {}): LeaseStore {
  return new SqliteLeases(db, storable(options.name ?? 'leases', 'the name of a lease store'));
}

class SqliteLeases implements LeaseStore {
  private readonly statements: Statements;
  private readonly doing: string;
  private installed = false;

  constructor(
    private readonly db: SqliteDatabase,
    private readonly name: string,
  ) {
    this.statements = new Statements(db);
    this.doing = `leases ${name}`;
  }

  list(): Promise<readonly Lease[]> {
    const listed = (): Lease[] => {
      this.installed ||= this.statements.has('tidemark_lease');
      if (!this.installed) return [];
      const rows = this.statements.all<Omit<Lease, 'owner'> & { readonly owner: string | null }>(
        'select key, owner, counter from tidemark_lease where store = ?',
        this.name,
      );
      return rows.map(({ key, owner, counter }) => ({ key, owner: owner ?? undefined, counter }));
    };
    return promised(() => reading(this.db, listed, this.doing));
  }

  write(writes: readonly LeaseWrite[]): Promise<readonly boolean[]> {
    return this.changing(() =>
      writes.map(({ next: { key, owner, counter }, seen }) => {
        if (!this.isAsSeen(key, seen)) return false;
        this.statements.run(
          'insert or replace into tidemark_lease (store, key, owner, counter) values (?, ?, ?, ?)',
          this.name,
          storable(key, 'a lease key'),
          owner === undefined ? null : storable(owner, "a lease's owner"),
          counter,
        );
        return true;
      }),
    );
  }

  remove(seen: Lease): Promise<boolean> {
    return this.changing(() => {
      if (!this.isAsSeen(seen.key, seen)) return false;
      this.statements.run('delete from tidemark_lease where store = ? and key = ?', this.name, seen.key);
      return true;
    });
  }

  private changing<T>(work: () => T): Promise<T> {
    const install = (): T => {
      if (!this.installed) this.db.exec(schema);
      return work();
    };
    return promised(() => {
      const result = transaction(this.db, install, { doing: this.doing });
      this.installed = true;
      return result;
    });
  }

  private isAsSeen(key: string, seen: Lease | undefined): boolean {
    const sql = 'select owner, counter from tidemark_lease where store = ? and key = ?';
    const stored = this.statements.get(sql, this.name, key) as { owner: string | null; counter: number } | undefined;
    return (stored?.owner ?? undefined) === seen?.owner && stored?.counter === seen?.counter;
  }
}
