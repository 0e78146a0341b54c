import { type Offset } from './offset';
import { type Partition, partitionKey } from './partition';
import { type Position } from './position';
import { type Runtime } from './runtime';
import { type Delivery } from './transport';

/** Where one partition is being read here, and under which term its start was answered. */
export class Cursor {
  /** Known from the first delivery on. */
  restart: (() => void) | undefined;
  /** It idles until restarted. */
  idle = false;
  private wasAtHead = false;
  /** When the last record that is applied was written, and the first one that waits to be. */
  private applied: number | undefined;
  private waiting: number | undefined;
  private toldHead: number | undefined;
  /** Deliveries, or pieces of one, that aren't settled. */
  private inHand = 0;
  /** Where it was when the replica was last seen standing elsewhere. */
  private strayedAt: Offset | undefined;
  /** The last census, as it was known at the delivery before the last one, and at the last one. */
  private census: readonly [number | undefined, number | undefined];

  constructor(
    readonly partition: Partition,
    readonly term: number,
    /** The end of the last delivery: the next one must begin here. */
    public at: Offset,
    census: number | undefined,
  ) {
    this.census = [census, census];
  }

  /**
   * Takes note of a delivery. Its `atHead` was found out after the delivery before the last one was handed over (a transport may
   * be one ahead), so the census that was known then is the `head` of its batch, told once. `news` is false where an idle partition only
   * says again that it idles.
   */
  heard(
    { through, records, atHead }: Delivery,
    census: number | undefined,
  ): { head: number | undefined; news: boolean } {
    const head = atHead && this.census[0] !== this.toldHead ? this.census[0] : undefined;
    const same = through.through === this.at && records.length === 0 && atHead && this.wasAtHead;
    const news = !same || head !== undefined;
    this.census = [this.census[1], census];
    this.at = through.through;
    this.wasAtHead = atHead;
    if (head !== undefined) this.toldHead = head;
    return { head, news };
  }

  /** This delivery, or piece of one, waits to be applied; the next one comes when it is. */
  waits({ records }: Delivery): void {
    this.waiting = records[0]?.timestamp;
    this.inHand++;
  }

  settled({ records }: Delivery): void {
    this.applied = records.at(-1)?.timestamp ?? this.applied;
    this.waiting = undefined;
    this.inHand--;
  }

  /**
   * The replica was seen standing at `stored`. True when that is elsewhere, for the second time while nothing happened here: another
   * instance has written what this one can't come by, since the log has lost it.
   */
  strays(stored: Offset): boolean {
    const elsewhere = this.inHand === 0 && !this.idle && stored !== this.at;
    const again = elsewhere && this.strayedAt === this.at;
    this.strayedAt = elsewhere ? this.at : undefined;
    return again;
  }

  /**
   * When the first record that isn't applied yet was written, in milliseconds since the Unix epoch, or a time before that;
   * `undefined` where there is none or it isn't known.
   */
  openSince(atHead: boolean): number | undefined {
    if (this.idle) return undefined; // lost: it can't expire any more
    return this.waiting ?? (atHead ? undefined : this.applied);
  }
}

/** The cursors of this instance. A delivery belongs to the term of the answer that its cursor came from. */
export class Cursors {
  private readonly cursors = new Map<string, Cursor>();
  /** Partition → the last question about where to start it. */
  private readonly asks = new Map<string, number>();
  private asked = 0;

  constructor(
    private readonly runtime: Runtime,
    private readonly signal: AbortSignal,
  ) {}

  /** Somebody asks where to start these; answers with a ticket for `started`. */
  ask(partitions: readonly Partition[]): number {
    const ticket = ++this.asked;
    for (const partition of partitions) this.asks.set(partitionKey(partition), ticket);
    return ticket;
  }

  /**
   * The question is answered. Where it has been asked again meanwhile (the partition was revoked and assigned anew), nobody reads
   * from this answer any more. `census`: the last one known under this term.
   */
  started(
    ticket: number,
    partitions: readonly Partition[],
    term: number,
    position: Position,
    census: number | undefined,
  ): void {
    for (const partition of partitions) {
      if (this.asks.get(partitionKey(partition)) !== ticket) continue;
      const at = position.offsets.through(partition);
      this.cursors.set(partitionKey(partition), new Cursor(partition, term, at, census));
    }
  }

  revoked(partitions: readonly Partition[]): void {
    for (const partition of partitions) this.cursors.delete(partitionKey(partition));
  }

  get(partition: Partition): Cursor | undefined {
    return this.cursors.get(partitionKey(partition));
  }

  /** False: its partition was revoked or started anew. */
  isCurrent(cursor: Cursor): boolean {
    return this.get(cursor.partition) === cursor;
  }

  /** Which of them the replica's position has left behind; see {@link Cursor.strays}. */
  strayed({ offsets }: Position): readonly Cursor[] {
    return [...this.cursors.values()].filter((cursor) => cursor.strays(offsets.through(cursor.partition)));
  }

  /** Restarts what was started under another term, and what idles (those that said nothing yet: when they do). Tells which. */
  serve(term: number): readonly Partition[] {
    const stale = [...this.cursors.values()].filter((cursor) => cursor.term !== term || cursor.idle);
    for (const cursor of stale) this.restart(cursor);
    return stale.map(({ partition }) => partition);
  }

  restart(cursor: Cursor): void {
    const { restart } = cursor;
    cursor.restart = undefined;
    cursor.idle = false;
    restart?.();
  }

  /** After a random part of `ms`, if it hasn't been restarted or revoked by then. */
  restartLater(cursor: Cursor, ms: number): void {
    const { restart } = cursor;
    this.runtime.sleep(this.runtime.random() * ms, this.signal).then(
      () => {
        if (restart !== undefined && cursor.restart === restart) this.restart(cursor);
      },
      () => undefined,
    );
  }
}
