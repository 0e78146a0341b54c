import { type Offset } from './offset';
import { type Partition, partitionKey } from './partition';
import { type Position } from './position';
import { type Runtime } from './runtime';

/** Where one partition is being read here, and under which term its start was answered. */
export interface Cursor {
  readonly partition: Partition;
  readonly term: number;
  /** The end of the last delivery: the next one must begin here. */
  at: Offset;
  /** Known from the first delivery on. */
  restart: (() => void) | undefined;
  /** It idles until restarted. */
  idle: boolean;
}

/** The cursors of this instance. A delivery belongs to the term of the answer that its cursor came from. */
export class Cursors {
  private readonly cursors = new Map<string, Cursor>();

  constructor(
    private readonly runtime: Runtime,
    private readonly signal: AbortSignal,
  ) {}

  started(partitions: readonly Partition[], term: number, position: Position): void {
    for (const partition of partitions) {
      const at = position.offsets.through(partition);
      this.cursors.set(partitionKey(partition), { partition, term, at, restart: undefined, idle: false });
    }
  }

  revoked(partitions: readonly Partition[]): void {
    for (const partition of partitions) this.cursors.delete(partitionKey(partition));
  }

  get(partition: Partition): Cursor | undefined {
    return this.cursors.get(partitionKey(partition));
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
