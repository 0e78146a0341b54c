import {
  type Bootstrap,
  FencedOut,
  floorOf,
  mayReplace,
  type Partition,
  type Position,
  type SnapshotToken,
} from '@tidemark/core';
import { type SqliteDatabase } from './database';
import { storable } from './identifier';
import { type Marks } from './marks';
import { type Model } from './model';
import { readReplicaRow, type ReplicaRow, writeReplicaRow } from './replica-row';
import { stagedChunks, type Staging } from './staging';
import { type Statements } from './statements';
import { promised, transaction } from './transaction';

/** What a bootstrap uses of its replica. */
export interface BootstrapParts<in Change> {
  readonly db: SqliteDatabase;
  readonly owner: string;
  /** For messages. */
  readonly doing: string;
  readonly statements: Statements;
  readonly marks: Marks;
  readonly staging: Staging;
  readonly model: Model<Change>;
}

/** One term's right to replace everything. Each call is one transaction that first checks that the term is still its own. */
export class SqliteBootstrap<in Change> implements Bootstrap<Change> {
  readonly term: number;
  readonly resume: SnapshotToken | undefined;
  private staged: number;

  constructor(
    private readonly parts: BootstrapParts<Change>,
    row: ReplicaRow,
  ) {
    this.term = row.term;
    this.resume = row.token ?? undefined;
    this.staged = row.staged;
  }

  beat(): Promise<void> {
    return this.write((row) => {
      this.save({ ...row, heartbeat: row.heartbeat + 1 });
    });
  }

  async stage(changes: readonly Change[], token?: SnapshotToken): Promise<void> {
    const { staging, model } = this.parts;
    const chunks = stagedChunks(changes.map((change) => model.encode(change)));
    this.staged = await this.write(
      (row) => {
        this.requireStaged(row.staged);
        const staged = staging.add(row.staged, chunks);
        const reached = token === undefined ? {} : { token: storable(token, 'a snapshot token'), token_staged: staged };
        this.save({ ...row, ...reached, staged });
        return staged;
      },
      (staged) => this.own().staged === staged,
    );
  }

  async discard(): Promise<void> {
    await this.write((row) => {
      this.save({ ...row, ...this.dropped() });
    });
    this.staged = 0;
  }

  /**
   * Refused below the floor, only the staging is dropped. Rows are written where they are (no table is dropped or created
   * anew), so indexes and triggers stay.
   */
  async swap(position: Position, lost: readonly Partition[]): Promise<'swapped' | { readonly belowFloor: Position }> {
    const { staging, model, marks } = this.parts;
    const answer = await this.write(
      (row) => {
        this.requireStaged(row.staged);
        this.requireStaged(staging.count());
        const floor = row.source === null ? undefined : floorOf(marks.position(row.source), lost);
        if (floor !== undefined && !mayReplace(position, floor)) {
          this.save({ ...row, ...this.dropped() });
          return { belowFloor: floor };
        }
        const same = row.rows_version === row.version && row.rows_scope === row.scope;
        if (row.source !== null && row.rows_scope !== row.scope) model.leave?.(row.rows_scope ?? undefined);
        model.replace(staging, row.scope ?? undefined, floor !== undefined && same && lost.length === 0);
        model.tombstones?.forgetHeads();
        const source = marks.replace(position);
        this.save({
          ...row,
          ...this.dropped(),
          state: 'ready',
          source,
          rows_version: row.version,
          rows_scope: row.scope,
        });
        return 'swapped' as const;
      },
      (result) => result === 'swapped' && this.current()?.state === 'ready' && this.current()?.term === this.term,
    );
    this.staged = 0;
    return answer;
  }

  giveBack(): Promise<void> {
    return this.write((row) => {
      const state = row.source === null ? 'empty' : 'ready';
      this.save({ ...row, ...this.dropped(), state, version: row.rows_version, scope: row.rows_scope });
    });
  }

  private write<T>(work: (row: ReplicaRow) => T, landed?: (result: T) => boolean): Promise<T> {
    const { db, doing } = this.parts;
    return promised(() => transaction(db, () => work(this.own()), { doing, landed }));
  }

  private save(row: ReplicaRow): void {
    writeReplicaRow(this.parts.statements, this.parts.owner, row);
  }

  private current(): ReplicaRow | undefined {
    return readReplicaRow(this.parts.statements, this.parts.owner);
  }

  /** The replica's row, as long as the term is ours. */
  private own(): ReplicaRow {
    const row = this.current();
    if (row?.state === 'bootstrapping' && row.term === this.term) return row;
    throw new FencedOut(
      `${this.parts.doing}: term ${this.term} is over; it is ${row?.state ?? 'gone'} under term ${row?.term ?? 0}`,
    );
  }

  private dropped(): Pick<ReplicaRow, 'staged' | 'token' | 'token_staged'> {
    this.parts.staging.drop();
    return { staged: 0, token: null, token_staged: 0 };
  }

  private requireStaged(there: number): void {
    if (there === this.staged) return;
    throw new FencedOut(
      `${this.parts.doing}: ${this.staged} changes were staged under term ${this.term}, but ${there} are there`,
    );
  }
}
