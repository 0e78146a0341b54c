import { identifier } from './identifier';
import { type Statements } from './statements';
import { type TableOptions, type TableShape, upsertSql } from './table-shape';
import { type TableWrites } from './table-writes';
import { tombstoneKey, tombstoneKeySql, type Tombstones } from './tombstones';

/**
 * What is newer wins (I3). At the same version a removal wins over an upsert; of two upserts, which say the same, the later to
 * come is kept.
 */
export function versionedWrites(
  statements: Statements,
  { table, key, version }: TableOptions & { readonly version: string },
  shape: TableShape,
  tombstones: Tombstones,
): TableWrites {
  const { db } = statements;
  const { owner } = tombstones;
  const names = [...shape.columns.keys()];
  const [keyAt, versionAt] = [names.indexOf(key), names.indexOf(version)];
  const [rows, keyColumn, versionColumn] = [table, key, version].map(identifier) as [string, string, string];
  const buried = tombstoneKeySql(keyColumn);

  const guarded = statements.of(upsertSql(table, key, shape, version));
  const unguarded = statements.of(upsertSql(table, key, shape));
  const older = `${keyColumn} = ? and (${versionColumn} is null or ${versionColumn} <= ?)`;
  const remove = statements.of(`delete from ${rows} where ${older}`);
  const there = statements.of(`select 1 from ${rows} where ${keyColumn} = ?`);

  return {
    upsert: (values) =>
      void guarded.run(...values, owner, tombstoneKey(values[keyAt] ?? null), values[versionAt] ?? null),

    remove: (of, at) => {
      remove.run(of, at);
      if (there.get(of) === undefined) tombstones.bury(tombstoneKey(of), at);
    },

    /** The newest change of a key wins, be it staged or a deletion of before; a row of before never does. */
    replace: (staged, comparable) => {
      if (!comparable) tombstones.clear();
      for (const change of staged) if (change[0] === 'remove') tombstones.bury(tombstoneKey(change[1]), change[2]);
      db.exec('create temp table tidemark_kept (key primary key, buried, version integer)');
      const keep = db.prepare(
        `insert into temp.tidemark_kept as kept values (?, ?, ?)
         on conflict (key) do update set version = excluded.version where excluded.version > kept.version`,
      );
      for (const [op, ...values] of staged) {
        if (op !== 'upsert') continue;
        const of = values[keyAt] ?? null;
        keep.run(of, tombstoneKey(of), values[versionAt] ?? null);
      }
      db.prepare(
        `delete from temp.tidemark_kept where exists (
           select 1 from tidemark_tombstone as t
           where t.owner = ? and t.key = tidemark_kept.buried and t.version >= tidemark_kept.version)`,
      ).run(owner);
      const vanished = `${keyColumn} not in (select key from temp.tidemark_kept)`;
      if (comparable)
        db.prepare(
          `insert or replace into tidemark_tombstone (owner, key, version)
           select ?, ${buried}, ${versionColumn} from ${rows} as gone
           where ${vanished} and ${versionColumn} is not null and not exists (
             select 1 from tidemark_tombstone as t
             where t.owner = ? and t.key = ${tombstoneKeySql(`gone.${keyColumn}`)} and t.version >= gone.${versionColumn})`,
        ).run(owner, owner);
      db.exec(`delete from ${rows} where ${vanished}`);
      const newest = db.prepare('select 1 from temp.tidemark_kept where key = ? and version = ?');
      for (const [op, ...values] of staged)
        if (op === 'upsert' && newest.get(values[keyAt] ?? null, values[versionAt] ?? null) !== undefined)
          unguarded.run(...values);
      db.exec('drop table temp.tidemark_kept');
    },
  };
}
