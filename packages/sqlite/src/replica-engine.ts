import {
  type Amended,
  type Amendment,
  type Applied,
  type Batch,
  type Binding,
  type Bootstrap,
  compareOffsets,
  FencedOut,
  InvalidConfiguration,
  type KeptLetter,
  mayReplace,
  type OffsetOrder,
  type Replica,
  ReplicaBoundElsewhere,
  showPartition,
  type Stored,
  TakeLost,
  TransportFault,
  type WhichLetters,
} from '@tidemark/core';
import { type SqliteDatabase } from './database';
import { keptLetters, removeLetter, storeDeadLetters } from './dead-letters';
import { storable } from './identifier';
import { Marks } from './marks';
import { type Model } from './model';
import { readReplicaRow, type ReplicaRow, storedOf, untaken, writeReplicaRow } from './replica-row';
import { replicaSchema } from './schema';
import { SqliteBootstrap } from './sqlite-bootstrap';
import { Staging } from './staging';
import { Statements } from './statements';
import { promised, reading, transaction } from './transaction';

/**
 * Term, state, heartbeat, position and staging of one replica in one SQLite file: the Replica port for any model. Each call is
 * one transaction that compares before it sets, so any number of processes may share the file.
 */
export class ReplicaEngine<in Change> implements Replica<Change> {
  readonly shared = true;
  private readonly statements: Statements;
  private readonly marks: Marks;
  private readonly staging: Staging;
  private installed = false;

  /** `owner` tells replicas in one file apart. */
  constructor(
    private readonly db: SqliteDatabase,
    private readonly owner: string,
    private readonly model: Model<Change>,
  ) {
    this.statements = new Statements(db);
    this.marks = new Marks(this.statements, owner);
    this.staging = new Staging(this.statements, owner);
  }

  load(): Promise<Stored> {
    return promised(() => reading(this.db, () => this.stored(this.row()), this.doing));
  }

  take(seen: Stored, into: Binding): Promise<Bootstrap<Change>> {
    return promised(() => {
      const row = transaction(this.db, () => this.taken(seen, into), { doing: this.doing });
      this.installed = true;
      return new SqliteBootstrap(this.bound, row);
    });
  }

  apply(term: number, batches: readonly Batch<Change>[]): Promise<readonly Applied[]> {
    return promised(() =>
      transaction(this.db, () => this.applied(term, batches), {
        doing: this.doing,
        landed: (answers) =>
          batches.every(
            ({ partition, through }, i) =>
              answers[i] !== 'applied' || this.marks.get(partition).through === through.through,
          ),
      }),
    );
  }

  amend(term: number, amendment: Amendment<Change>): Promise<Amended> {
    const { letter } = amendment;
    return promised(() =>
      transaction(this.db, () => this.amended(term, amendment), {
        doing: this.doing,
        // merged rows may come again; a letter is gone with its effect
        landed: () => letter !== undefined && this.kept({ id: letter }).length === 0,
      }),
    );
  }

  letters(which: WhichLetters): Promise<readonly KeptLetter[]> {
    return promised(() => reading(this.db, () => this.kept(which), this.doing));
  }

  pause(pipeline: string, paused: boolean): Promise<void> {
    return promised(() => {
      transaction(this.db, () => this.setPaused(pipeline, paused), { doing: this.doing });
    });
  }

  private get doing(): string {
    return `replica ${this.owner}`;
  }

  private get bound() {
    const { db, owner, doing, statements, marks, staging, model } = this;
    return { db, owner, doing, statements, marks, staging, model };
  }

  private stored(row: ReplicaRow | undefined): Stored {
    const stored = storedOf(row, this.marks, () => this.model.holdsRows());
    const { tombstones } = this.model;
    return tombstones ? { ...stored, sequence: tombstones.sequence(), pruned: row?.pruned ?? 0 } : stored;
  }

  private row(): ReplicaRow | undefined {
    this.installed ||= this.statements.has('tidemark_replica');
    return this.installed ? readReplicaRow(this.statements, this.owner) : undefined;
  }

  private taken(seen: Stored, into: Binding): ReplicaRow {
    const before = this.rowOf(into.pipeline);
    if (!stillTrue(this.stored(before), seen))
      throw new TakeLost(`${this.doing}: another instance changed it first; load it again`);
    this.db.exec(replicaSchema);
    this.model.prepare();
    const version = into.version === undefined ? null : storable(into.version, 'a pipeline version');
    const scope = into.scope === undefined ? null : storable(into.scope, 'a scope');
    const resumed = before !== undefined && this.resumable(before, version, scope) ? before : undefined;
    const old = before ?? untaken(storable(into.pipeline, 'a pipeline name'));
    const row: ReplicaRow = {
      ...old,
      term: old.term + 1,
      state: 'bootstrapping',
      heartbeat: old.heartbeat + 1,
      version,
      scope,
      staged: resumed?.token_staged ?? 0,
      token: resumed?.token ?? null,
      token_staged: resumed?.token_staged ?? 0,
    };
    if (resumed === undefined) this.staging.drop();
    writeReplicaRow(this.statements, this.owner, row);
    return row;
  }

  /** Can a dead bootstrapper's staging be taken over, through its last token? What it staged after that is dropped. */
  private resumable(row: ReplicaRow, version: string | null, scope: string | null): boolean {
    if (row.state !== 'bootstrapping' || row.token === null || row.version !== version || row.scope !== scope)
      return false;
    this.staging.drop(row.token_staged);
    return this.staging.count() === row.token_staged;
  }

  private setPaused(pipeline: string, paused: boolean): void {
    const before = this.rowOf(pipeline);
    if (before === undefined && !paused) return;
    this.db.exec(replicaSchema);
    const row = before ?? untaken(storable(pipeline, 'a pipeline name'));
    writeReplicaRow(this.statements, this.owner, { ...row, paused: paused ? 1 : 0 });
  }

  /** The row, if it is this pipeline's. */
  private rowOf(pipeline: string): ReplicaRow | undefined {
    const row = this.row();
    if (row === undefined || row.pipeline === pipeline) return row;
    throw new ReplicaBoundElsewhere(
      `${this.doing} belongs to pipeline "${row.pipeline}", not to "${pipeline}"; give each its own`,
    );
  }

  /** The row in which this term may write. */
  private serving(term: number): ReplicaRow & { readonly source: string } {
    const row = this.row();
    if (row?.state === 'ready' && row.term === term && row.source !== null) return { ...row, source: row.source };
    throw new FencedOut(
      `${this.doing}: term ${term} is over; it is ${row?.state ?? 'empty'} under term ${row?.term ?? 0}`,
    );
  }

  private kept(which: WhichLetters): KeptLetter[] {
    return keptLetters(this.statements, this.owner, which);
  }

  private amended(term: number, { changes, letter, merging }: Amendment<Change>): Amended {
    const { source, pruned } = this.serving(term);
    if (merging !== undefined) {
      if (this.model.tombstones === undefined)
        throw new InvalidConfiguration(`${this.doing}: rows of a part are merged by their versions; use \`version\``);
      const position = merging.pruned === pruned ? undefined : this.marks.position(source);
      if (position !== undefined && !mayReplace(merging.position, position)) return { below: position };
    }
    if (letter !== undefined && !removeLetter(this.statements, this.owner, letter)) return 'gone';
    for (const change of changes) this.model.apply(change);
    return 'amended';
  }

  private applied(term: number, batches: readonly Batch<Change>[]): Applied[] {
    const row = this.serving(term);
    const { order } = JSON.parse(row.source) as { order: OffsetOrder };
    const answers = batches.map((batch) => this.appliedBatch(batch, order, row.pipeline));
    this.model.tombstones?.settle(
      batches.filter((_, i) => answers[i] === 'applied'),
      batches.reduce((sum, { changes }) => sum + changes.length, 0),
    );
    return answers;
  }

  private appliedBatch(batch: Batch<Change>, order: OffsetOrder, pipeline: string): Applied {
    const { partition, after, through, changes, rejected } = batch;
    const mark = this.marks.get(partition);
    if (mark.through !== after) return { moved: mark };
    if (compareOffsets(order, through.through, after) < 0)
      throw new TransportFault(
        `${this.doing}: a batch of ${showPartition(partition)} goes back from ${after} to ${through.through}`,
      );
    for (const change of changes) this.model.apply(change);
    storeDeadLetters(this.statements, { owner: this.owner, pipeline, partition }, rejected);
    this.marks.set(partition, through);
    return 'applied';
  }
}

/** Is the replica still as it was seen? Positions aren't compared: they move while others apply. */
const stillTrue = (now: Stored, seen: Stored): boolean =>
  now.term === seen.term &&
  now.state === seen.state &&
  now.version === seen.version &&
  (now.state !== 'bootstrapping' || (seen.state === 'bootstrapping' && now.heartbeat === seen.heartbeat));
