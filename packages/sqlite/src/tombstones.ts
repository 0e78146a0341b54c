import { type Partition } from '@tidemark/core';
import { storable } from './identifier';
import { type SqliteValue } from './database';
import { tombstoneSchema } from './schema';
import { type Statements } from './statements';

/** Tombstones that one prune removes beside those that the changes of its transaction pay for. */
const prunedAtLeast = 1_000;

/**
 * What one replica remembers of deletions, in `tidemark_tombstone`, and how far each partition was at its head, in
 * `tidemark_head`: `Batch.head` says what that proves.
 */
export class Tombstones {
  private installed = false;
  /** A prune may have left some. */
  private more = false;

  constructor(
    private readonly statements: Statements,
    readonly owner: string,
  ) {}

  install(): void {
    this.statements.db.exec(tombstoneSchema);
    this.installed = true;
  }

  /** As `Stored.sequence`. */
  sequence(): number {
    this.installed ||= this.statements.has('tidemark_tombstone');
    if (!this.installed) return 0;
    const row = this.statements.get("select seq from sqlite_sequence where name = 'tidemark_tombstone'");
    return (row as { seq: number } | undefined)?.seq ?? 0;
  }

  /** Remembers a deletion, unless one that is as new is remembered. */
  bury(key: SqliteValue, version: SqliteValue): void {
    this.statements.run(
      `insert or replace into tidemark_tombstone (owner, key, version) select ?, ?, ?
       where not exists (select 1 from tidemark_tombstone where owner = ? and key = ? and version >= ?)`,
      ...[this.owner, key, version, this.owner, key, version],
    );
  }

  /** Forgets every deletion. */
  clear(): void {
    this.statements.run('delete from tidemark_tombstone where owner = ?', this.owner);
  }

  forgetHeads(): void {
    this.statements.run('delete from tidemark_head where owner = ?', this.owner);
  }

  /** In the transaction that has applied these batches. A bounded piece of work; later calls do the rest. */
  settle(batches: readonly { readonly partition: Partition; readonly head?: number | undefined }[], changes: number) {
    let raised = false;
    for (const { partition, head } of batches) {
      if (head === undefined) continue;
      this.raise(partition, head);
      raised = true;
    }
    if (raised || this.more) this.prune(prunedAtLeast + 2 * changes);
  }

  private raise({ topic, partition }: Partition, head: number): void {
    this.statements.run(
      `insert into tidemark_head (owner, topic, partition, head) values (?, ?, ?, ?)
       on conflict (owner, topic, partition) do update set head = max(head, excluded.head)`,
      ...[this.owner, storable(topic, 'a topic name'), storable(partition, 'a partition name'), head],
    );
  }

  private prune(limit: number): void {
    const row = this.statements.get(
      `select min(coalesce(head, 0)) as through from tidemark_mark
       left join tidemark_head using (owner, topic, partition)
       where owner = ? and through <> 'closed'`,
      this.owner,
    );
    const { through } = row as { through: number | null };
    if (through === null || through === 0) return;
    this.statements.run('update tidemark_replica set pruned = max(pruned, ?) where owner = ?', through, this.owner);
    this.statements.run(
      `delete from tidemark_tombstone where id in (
         select id from tidemark_tombstone where owner = ? and id <= ? limit ?)`,
      ...[this.owner, through, limit],
    );
    const { pruned } = this.statements.get('select changes() as pruned') as { pruned: number };
    this.more = pruned === limit;
  }
}

/** A row's key as tombstones have it: 7, 7n and '7' are one key in a column of numbers, and must be one here. */
export const tombstoneKey = (key: SqliteValue): SqliteValue =>
  typeof key === 'number' || typeof key === 'bigint' ? String(key) : key;

/** The same of a column. */
export const tombstoneKeySql = (column: string): string =>
  `case typeof(${column}) when 'integer' then cast(${column} as text) when 'real' then printf('%.17g', ${column}) else ${column} end`;
