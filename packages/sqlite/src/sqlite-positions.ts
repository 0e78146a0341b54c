import {
  FencedOut,
  type KeptLetter,
  type Position,
  type PositionStore,
  type Settled,
  showPartition,
  type StoredPosition,
  type WhichLetters,
} from '@tidemark/core';
import { type SqliteDatabase } from './database';
import { keptLetters, removeLetter, storeDeadLetters } from './dead-letters';
import { storable } from './identifier';
import { Marks } from './marks';
import { positionsSchema } from './schema';
import { Statements } from './statements';
import { promised, reading, transaction } from './transaction';

/**
 * Positions in SQLite, for effects that aren't in it: at-least-once. Everything of one call is one transaction, so a position
 * is there whole or not at all; stores in one file are told apart by name. Rejects with `Unavailable` while the file is
 * locked.
 */
export function sqlitePositions(db: SqliteDatabase, options: { readonly name: string }): PositionStore {
  return new SqlitePositions(db, `positions:${storable(options.name, 'the name of a position store')}`);
}

interface PositionRow {
  readonly snapshot: string;
  readonly source: string;
}

class SqlitePositions implements PositionStore {
  private readonly statements: Statements;
  private readonly marks: Marks;
  private installed = false;

  constructor(
    private readonly db: SqliteDatabase,
    private readonly owner: string,
  ) {
    this.statements = new Statements(db);
    this.marks = new Marks(this.statements, owner);
  }

  load(): Promise<StoredPosition | undefined> {
    const stored = (): StoredPosition | undefined => {
      const row = this.row();
      return row && { position: this.marks.position(row.source), snapshotId: row.snapshot };
    };
    return promised(() => reading(this.db, stored, this.owner));
  }

  reset(position: Position, snapshotId: string): Promise<void> {
    const work = (): void => {
      this.db.exec(positionsSchema);
      const sql = 'insert or replace into tidemark_position (owner, snapshot, source) values (?, ?, ?)';
      const snapshot = storable(snapshotId, 'a snapshot id');
      this.statements.run(sql, this.owner, snapshot, this.marks.replace(position));
    };
    return promised(() => transaction(this.db, work, { doing: this.owner }));
  }

  save(snapshotId: string, advances: readonly Settled[]): Promise<void> {
    const work = (): void => {
      const snapshot = this.row()?.snapshot;
      if (snapshot !== snapshotId)
        throw new FencedOut(`${this.owner}: the position belongs to another snapshot by now; start again from it`);
      for (const { partition, after, through, rejected = [] } of advances) {
        const at = this.marks.get(partition).through;
        if (at !== after)
          throw new FencedOut(`${this.owner}: ${showPartition(partition)} stands at ${at}, not at ${after}`);
        this.marks.set(partition, through);
        storeDeadLetters(this.statements, { owner: this.owner, pipeline: this.owner, partition }, rejected);
      }
    };
    return promised(() => transaction(this.db, work, { doing: this.owner }));
  }

  letters(which: WhichLetters): Promise<readonly KeptLetter[]> {
    return promised(() => reading(this.db, () => keptLetters(this.statements, this.owner, which), this.owner));
  }

  forget(letter: string): Promise<boolean> {
    const removed = () => removeLetter(this.statements, this.owner, letter);
    return promised(() => transaction(this.db, removed, { doing: this.owner }));
  }

  private row(): PositionRow | undefined {
    this.installed ||= this.statements.has('tidemark_position');
    if (!this.installed) return undefined;
    const sql = 'select snapshot, source from tidemark_position where owner = ?';
    return this.statements.get(sql, this.owner) as PositionRow | undefined;
  }
}
