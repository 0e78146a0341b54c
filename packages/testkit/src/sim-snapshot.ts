import {
  beginning,
  coversFloor,
  decimal,
  following,
  OffsetMap,
  type Position,
  type Snapshot,
  type SnapshotChunk,
  SnapshotRejected,
  type SnapshotRequest,
  type SnapshotSource,
  SnapshotTooOld,
  type SnapshotTombstone,
  Unavailable,
} from '@tidemark/core';
import { type Faulty } from './sim-faults';
import { type SimHost } from './sim-host';
import { type Published, type SimLog, type View } from './sim-log';
import { type Random } from './sim-random';

/** How likely each fault of a snapshot is. */
export interface SnapshotFaults {
  /** It is taken of an earlier moment: A reads from a replica of its own. */
  readonly stale: number;
  /** How much earlier at most, in milliseconds. */
  readonly staleMs: number;
  /** It is of another log: A is wired to another cluster. */
  readonly foreign: number;
  /** Asked for the rest of one that A has no more, it is the rest of another one. */
  readonly mixed: number;
  /** It announces another number of rows than it has. */
  readonly miscounted: number;
  // of each chunk:
  readonly cutOff: number;
  readonly damaged: number;
  /** Nothing comes for half a minute, then it is given up. */
  readonly stalled: number;
}

export const noSnapshotFaults: SnapshotFaults = {
  stale: 0,
  staleMs: 0,
  foreign: 0,
  mixed: 0,
  miscounted: 0,
  cutOff: 0,
  damaged: 0,
  stalled: 0,
};

/** What A's state is, as a function of everything that it has published: rows and, where it remembers them, deletions. */
export type RowsOf = (published: readonly Published[]) => readonly unknown[] | RowsAndTombstones;

export interface RowsAndTombstones {
  readonly rows: readonly unknown[];
  readonly tombstones: readonly SnapshotTombstone[];
}

/** A snapshot that A keeps, so that it can be gone on with. */
interface Spool {
  readonly id: string;
  readonly position: Position;
  readonly count: number;
  readonly chunks: readonly SnapshotChunk[];
}

/** Service A, as far as it hands out snapshots. Rows and position are always of one moment. */
export class SimA {
  private spools = new Map<string, Spool>();
  private taken = 0;
  private readonly chunkRows: number;

  constructor(
    private readonly log: SimLog,
    private readonly rows: ReadonlyMap<string, RowsOf>,
    private readonly faulty: Faulty,
    private readonly random: Random,
    public faults: SnapshotFaults,
  ) {
    this.chunkRows = random.between(1, 5);
  }

  /** A new version of A is started: it has none of the snapshots that were begun. */
  redeploy(): void {
    this.spools = new Map();
  }

  /** As one process asks for it. */
  source(host: SimHost): SnapshotSource {
    return {
      open: (request) =>
        host.step('snapshot: open', () => this.faulty.call(() => this.open(host, request)), request.signal),
    };
  }

  private open(host: SimHost, { resume, notOlderThan, scope, signal }: SnapshotRequest): Snapshot {
    const [, id = '', from = '0'] = /^(.*):(\d+)$/.exec(resume ?? '') ?? [];
    const kept = this.spools.get(id);
    const spool = kept ?? this.take(notOlderThan);
    const goesOn = kept !== undefined || (id !== '' && this.random.chance(this.faults.mixed));
    const start = goesOn ? Math.min(Number(from), spool.chunks.length) : 0;
    const { position, count } = spool;
    return {
      id: spool.id,
      position: this.random.chance(this.faults.foreign) ? elsewhere(position) : position,
      scope,
      count: this.random.chance(this.faults.miscounted) ? count + 1 : count,
      resumed: goesOn || undefined,
      chunks: this.chunks(host, spool, start, signal),
    };
  }

  private take(notOlderThan: Position | undefined): Spool {
    const { stale, staleMs } = this.faults;
    const early = this.random.chance(stale) ? this.log.earlier(staleMs) : this.log.view();
    const isOld = notOlderThan !== undefined && !covers(this.log.position(early), notOlderThan);
    // some sources look at what is asked for, some don't
    const looks = this.random.chance(0.5);
    if (isOld && looks && this.random.chance(0.5)) throw new SnapshotTooOld('A has not come so far yet');
    const view = isOld && looks ? this.log.view() : early;
    const id = `snapshot ${++this.taken}`;
    const spool = { id, position: this.log.position(view), ...this.chunked(view, id) };
    this.spools.set(id, spool);
    return spool;
  }

  private chunked(view: View, id: string): Pick<Spool, 'count' | 'chunks'> {
    const published = this.log.publishedAt(view);
    const chunks: SnapshotChunk[] = [];
    let count = 0;
    for (const [topic, rowsOf] of this.rows) {
      const state = rowsOf(published.filter((one) => one.topic === topic));
      const { rows, tombstones } = 'rows' in state ? state : { rows: state, tombstones: [] };
      count += rows.length;
      for (let i = 0; i < rows.length;) {
        chunks.push({ topic, rows: rows.slice(i, i + this.chunkRows), token: `${id}:${chunks.length + 1}` });
        i += this.chunkRows;
      }
      if (tombstones.length > 0) chunks.push({ topic, rows: [], tombstones, token: `${id}:${chunks.length + 1}` });
    }
    return { count, chunks };
  }

  private async *chunks(
    host: SimHost,
    { id, chunks }: Spool,
    start: number,
    signal: AbortSignal,
  ): AsyncGenerator<SnapshotChunk, void, undefined> {
    for (let i = start; i <= chunks.length; i++) {
      if (this.random.chance(this.faults.stalled)) {
        await host.runtime.sleep(30_000, signal);
        throw new Unavailable('the snapshot stands still');
      }
      await host.step(`snapshot: chunk ${i}`, () => this.faulty.call(() => this.mayFail(id)), signal);
      const chunk = chunks[i];
      if (chunk !== undefined) yield chunk;
    }
  }

  private mayFail(id: string): void {
    if (this.random.chance(this.faults.cutOff)) {
      if (this.random.chance(this.faults.mixed)) this.redeploy(); // that's why
      throw new SnapshotRejected('the snapshot was cut off', true, { damaged: false });
    }
    if (!this.random.chance(this.faults.damaged)) return;
    this.spools.delete(id);
    throw new SnapshotRejected('the digest is another one', true, { damaged: true });
  }
}

/** The same rows, as they stand in the log of another cluster: there each partition has one record more. */
const elsewhere = ({ source, offsets }: Position): Position => ({
  source: { ...source, cluster: 'another one' },
  offsets: OffsetMap.from(
    offsets.order,
    [...offsets].map(({ topic, partition, through }) => ({
      topic,
      partition,
      through: through === beginning ? decimal(0) : following(through),
    })),
  ),
});

/** Positions of different lives don't compare: then the older life is the older position. */
function covers(position: Position, floor: Position): boolean {
  for (const [topic, epoch] of Object.entries(floor.source.epochs))
    if (Number(position.source.epochs[topic] ?? epoch) < Number(epoch)) return false;
  return coversFloor(position, floor);
}
