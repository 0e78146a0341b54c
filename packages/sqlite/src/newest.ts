import { type SqliteValue } from './database';
import { newestSchema } from './schema';
import { type Statements } from './statements';
import { type Tombstones } from './tombstones';

/**
 * The newest version of each key that lives, in `tidemark_newest`; deletions are in `tidemark_tombstone`. For replicas whose rows
 * Tidemark doesn't know (I3).
 */
export class Newest {
  constructor(
    private readonly statements: Statements,
    private readonly owner: string,
    private readonly tombstones: Tombstones,
  ) {}

  install(): void {
    this.tombstones.install();
    this.statements.db.exec(newestSchema);
  }

  /** Takes note of a state of this key. False: a newer one is known, or a deletion that is as new. */
  lives(key: SqliteValue, version: SqliteValue): boolean {
    this.statements.run(
      `insert into tidemark_newest as known (owner, key, version) select ?, ?, ?
       where not exists (select 1 from tidemark_tombstone where owner = ? and key = ? and version >= ?)
       on conflict (owner, key) do update set version = excluded.version where excluded.version >= known.version`,
      ...[this.owner, key, version, this.owner, key, version],
    );
    const { noted } = this.statements.get('select changes() as noted') as { noted: number };
    return noted === 1;
  }

  /** Takes note of a deletion. False: a newer state or deletion is known. */
  dies(key: SqliteValue, version: SqliteValue): boolean {
    const known = this.statements.get(
      `select 1 from tidemark_newest where owner = ? and key = ? and version > ?
       union all select 1 from tidemark_tombstone where owner = ? and key = ? and version > ?`,
      ...[this.owner, key, version, this.owner, key, version],
    );
    if (known !== undefined) return false;
    this.statements.run('delete from tidemark_newest where owner = ? and key = ?', this.owner, key);
    this.tombstones.bury(key, version);
    return true;
  }

  /**
   * Does `work`, which notes all that lives now. What lived before and doesn't any more is remembered as deleted if that is
   * `comparable`; else everything from before is forgotten.
   */
  replace(comparable: boolean, work: () => void): void {
    const { db } = this.statements;
    if (comparable) {
      db.exec('create temp table tidemark_lived (key primary key, version integer)');
      db.prepare('insert into temp.tidemark_lived select key, version from tidemark_newest where owner = ?').run(
        this.owner,
      );
    } else this.tombstones.clear();
    this.statements.run('delete from tidemark_newest where owner = ?', this.owner);
    work();
    if (!comparable) return;
    db.prepare(
      `insert or replace into tidemark_tombstone (owner, key, version)
       select ?, key, version from temp.tidemark_lived as lived
       where not exists (select 1 from tidemark_newest as n where n.owner = ? and n.key = lived.key)
         and not exists (select 1 from tidemark_tombstone as t
           where t.owner = ? and t.key = lived.key and t.version >= lived.version)`,
    ).run(this.owner, this.owner, this.owner);
    db.exec('drop table temp.tidemark_lived');
  }
}
