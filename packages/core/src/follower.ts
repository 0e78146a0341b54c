import { type Account } from './account';
import { type Applier } from './applier';
import { type Census } from './census';
import { type Cursor, type Cursors } from './cursors';
import { type DeadLetter } from './dead-letter';
import { type Doubts } from './doubts';
import { TransportFault } from './errors';
import { type LostPartition } from './handoff';
import { type Heads } from './heads';
import { type Outbox } from './outbox';
import { type Partition, showPartition } from './partition';
import { inPieces } from './pieces';
import { type Plan, type Steps } from './plan';
import { type Position } from './position';
import { type Stored } from './replica';
import { type Terminal } from './terminal';
import { type Delivery, type TransportEvent } from './transport';

/** What the reading shares with the rest of its run. */
export interface FollowerParts<Change, M> {
  readonly plan: Plan;
  readonly terminal: Terminal<Change, M>;
  readonly steps: Steps<Change>;
  readonly applier: Applier<Change>;
  readonly cursors: Cursors;
  readonly heads: Heads;
  readonly doubts: Doubts;
  readonly census: Census;
  readonly account: Account;
  readonly outbox: Outbox<M>;
  readonly ended: AbortSignal;
  /** The term under which deliveries may be applied just now. */
  serving(): number | undefined;
  load(): Promise<Stored>;
  /** The replica has left this term. */
  fenced(term: number): void;
  lost(lost: LostPartition): void;
  trouble(error: Error): void;
  poison(partition: Partition, letter: DeadLetter): void;
  /** Heads have moved. */
  progress(): void;
}

/** Records that are decoded together for a replica in this process. */
const pieceInProcess = 256;

/**
 * Follows the log: answers where a partition starts, and takes what the transport hands over to the applier. A delivery counts
 * only under the term that its cursor was started under.
 */
export class Follower<Change, M> {
  private readonly pieceSize: number;
  private served: (() => void)[] = [];

  constructor(private readonly parts: FollowerParts<Change, M>) {
    this.pieceSize = parts.terminal.replica.shared ? Infinity : pieceInProcess;
  }

  /** A term is served: cursors of others start anew. */
  serve(term: number): void {
    const { cursors, heads } = this.parts;
    for (const partition of cursors.serve(term)) heads.tell(partition, false);
    this.wake();
  }

  /** The replica was seen at this position, under the term that is served. */
  compare(position: Position): void {
    const { cursors, heads } = this.parts;
    for (const cursor of cursors.strayed(position)) {
      heads.tell(cursor.partition, false);
      cursors.restart(cursor);
    }
    this.parts.progress();
  }

  /** Who waits for a term looks again. */
  wake(): void {
    for (const wake of this.served.splice(0)) wake();
  }

  /** Reads until the run ends; rejects with what ends it otherwise. */
  async run(): Promise<void> {
    const { plan, ended } = this.parts;
    const { transport, name } = plan;
    for await (const event of transport.read((assigned) => this.start(assigned), ended)) this.take(event);
    if (!ended.aborted) throw new TransportFault(`pipeline "${name}": the ${transport.kind} transport ended by itself`);
  }

  /** Answers once a term is served, with the whole position that is stored then. */
  private async start(assigned: readonly Partition[]): Promise<Position> {
    const { cursors, census, account } = this.parts;
    const ticket = cursors.ask(assigned);
    for (;;) {
      const term = await this.serving();
      const stored = await this.parts.load();
      if (stored.state === 'ready' && stored.term === term && this.parts.serving() === term) {
        cursors.started(ticket, assigned, term, stored.position, census.under(term));
        if (stored.sequence !== undefined) census.begin();
        for (const partition of assigned) account.start(partition, stored.position.offsets.through(partition), term);
        return stored.position;
      }
      this.parts.fenced(term);
    }
  }

  private async serving(): Promise<number> {
    for (;;) {
      this.parts.ended.throwIfAborted();
      const term = this.parts.serving();
      if (term !== undefined) return term;
      await new Promise<void>((wake) => this.served.push(wake));
    }
  }

  private take(event: TransportEvent): void {
    const { heads, cursors, account, outbox } = this.parts;
    switch (event.type) {
      case 'delivery':
        this.deliver(event);
        return;
      case 'assigned':
        heads.assign(event.partitions);
        void outbox.send(event);
        break;
      case 'revoked':
        heads.revoke(event.partitions);
        cursors.revoked(event.partitions);
        account.revoked(event.partitions);
        void outbox.send(event);
        break;
      case 'lost':
        this.lose(event);
        break;
      case 'trouble':
        this.parts.trouble(event.error);
    }
    this.parts.progress();
  }

  private lose(event: TransportEvent & { readonly type: 'lost' }): void {
    const { partition, reason } = event;
    const cursor = this.known(event);
    if (cursor === undefined) return;
    this.parts.heads.tell(partition, false);
    cursor.idle = true;
    if (reason === 'ahead' && !this.parts.doubts.ahead(partition, this.parts.plan.runtime.now())) {
      this.parts.cursors.restartLater(cursor, Math.min(1_000, this.parts.plan.times.aheadMs / 5));
      return;
    }
    void this.parts.outbox.send({ type: 'lost', partition, reason });
    this.parts.lost({ partition, reason });
  }

  /** The cursor that this event is from, if it was started under the term that is served; others are restarted. */
  private known(event: { readonly partition: Partition; restart(): void }): Cursor | undefined {
    const cursor = this.parts.cursors.get(event.partition);
    if (cursor === undefined)
      throw new TransportFault(
        `${this.parts.plan.transport.kind} delivered ${showPartition(event.partition)}, which wasn't started`,
      );
    cursor.restart = () => {
      event.restart();
    };
    const term = this.parts.serving();
    if (cursor.term === term) return cursor;
    this.parts.heads.tell(event.partition, false);
    if (term !== undefined) this.parts.cursors.restart(cursor);
    else cursor.idle = true; // what it delivered is dropped: restarted when a term is served again, be it the same
    return undefined;
  }

  private deliver(delivery: Delivery): void {
    const { partition, after } = delivery;
    const cursor = this.known(delivery);
    if (cursor === undefined) return;
    if (cursor.at !== after)
      throw new TransportFault(
        `${this.parts.plan.transport.kind} delivered ${showPartition(partition)} after ${after}, the last delivery ended at ${cursor.at}`,
      );
    const { head, news } = cursor.heard(delivery, this.parts.census.under(cursor.term));
    this.parts.doubts.dispel(partition);
    if (!news) {
      delivery.ack();
      return;
    }
    inPieces(delivery, this.pieceSize, (piece, isLast) => {
      this.apply(piece, cursor, isLast ? head : undefined);
    });
  }

  private apply(delivery: Delivery, cursor: Cursor, head: number | undefined): void {
    const { topic, partition, after, through, records } = delivery;
    cursor.waits(delivery);
    const rejected: DeadLetter[] = [];
    const changes = this.parts.steps.records(topic, partition, records, (record, error) => {
      if (this.parts.terminal.onPoison === 'fail') throw error;
      rejected.push({ record, error });
    });
    this.parts.applier.add({
      term: cursor.term,
      partition,
      after,
      through,
      changes,
      head,
      rejected: this.parts.terminal.onPoison === 'deadLetter' ? rejected : [],
      settled: () => {
        cursor.settled(delivery);
        return this.settled(cursor, delivery, changes, rejected);
      },
      fenced: () => {
        cursor.idle = true; // restarted when a term is served again, be it the same
      },
      moved: () => {
        if (this.parts.cursors.isCurrent(cursor)) this.parts.heads.tell(partition, false);
        this.parts.cursors.restartLater(cursor, 100);
      },
    });
  }

  /** Told first, acknowledged after: whoever listens holds the transport back. */
  private settled(
    cursor: Cursor,
    delivery: Delivery,
    changes: readonly Change[],
    rejected: readonly DeadLetter[],
  ): Promise<void> | undefined {
    const { partition, atHead, lag } = delivery;
    const { through } = delivery.through;
    for (const letter of rejected) this.parts.poison(partition, letter);
    const told = this.parts.outbox.send(
      changes.length > 0
        ? { type: 'updates', partition, through, messages: this.parts.terminal.unwrap(changes) }
        : { type: 'progress', partition, through },
    );
    if (this.parts.cursors.isCurrent(cursor)) this.parts.heads.tell(partition, atHead, lag);
    this.parts.progress();
    if (told === undefined) delivery.ack();
    else
      return told.then(() => {
        delivery.ack();
      });
    return undefined;
  }
}
