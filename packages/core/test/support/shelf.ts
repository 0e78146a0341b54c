import {
  type Snapshot,
  type SnapshotChunk,
  SnapshotRejected,
  type SnapshotRequest,
  type SnapshotSource,
} from '@tidemark/core';
import { type Thing, type World } from './world';

/** What happens to one opened snapshot. */
export interface Fate {
  /** Cut off after so many chunks; otherwise it comes whole. */
  readonly cutAfter?: number | undefined;
  /** At its end the digest is found to be wrong. */
  readonly damaged?: boolean | undefined;
  /** Says that it goes on, but is the rest of a snapshot that was taken just now. */
  readonly lies?: 'newId' | 'sameId' | undefined;
  /** Refuses to go on after any token, for good. */
  readonly refusesTokens?: boolean | undefined;
  /** Has forgotten all snapshots so far. */
  readonly forgets?: boolean | undefined;
}

interface Taken {
  readonly id: string;
  readonly position: Snapshot['position'];
  readonly rows: readonly Thing[];
}

/** A's snapshots, kept and served by id, a row a chunk. Between any two of them A's state changes everywhere. */
export class Shelf implements SnapshotSource {
  readonly requests: SnapshotRequest[] = [];
  /** `id:row` of each chunk that was handed out. */
  readonly served: string[] = [];
  readonly all: Taken[] = [];
  private kept: Taken[] = [];

  constructor(
    private readonly world: World,
    private readonly fates: readonly Fate[],
  ) {}

  async open(request: SnapshotRequest): Promise<Snapshot> {
    const fate = this.fates[this.requests.push(request) - 1] ?? {};
    if (fate.forgets === true) this.kept = [];
    const [id, index] = request.resume?.split(':') ?? [];
    if (id !== undefined && fate.refusesTokens === true) throw new SnapshotRejected('what token is this?', false);
    const known = this.kept.find((taken) => taken.id === id);
    if (known !== undefined && fate.lies === undefined) return this.snapshot(known, Number(index), fate, request);
    const fresh = this.taken(request);
    if (id === undefined || fate.lies === undefined) return this.snapshot(fresh, undefined, fate, request);
    const told = { ...fresh, id: fate.lies === 'sameId' ? id : fresh.id };
    return this.snapshot(told, Number(index), fate, request);
  }

  private taken(request: SnapshotRequest): Taken {
    const n = this.all.length + 1;
    for (const id of [...this.world.state.keys()]) this.world.set(Number(id), n * 100);
    this.world.remove(n % 8);
    this.world.set(100 + n, n);
    request.signal.throwIfAborted();
    const taken = { id: `s${n}`, position: this.world.log.head(), rows: [...this.world.state.values()] };
    this.all.push(taken);
    this.kept.push(taken);
    return taken;
  }

  private snapshot({ id, position, rows }: Taken, from: number | undefined, fate: Fate, { scope }: SnapshotRequest) {
    const { served } = this;
    const chunks = async function* (): AsyncGenerator<SnapshotChunk, void, undefined> {
      let handed = 0;
      for (let i = from ?? 0; i < rows.length; i++) {
        if (handed++ === fate.cutAfter) throw new SnapshotRejected('cut off', true);
        served.push(`${id}:${i}`);
        yield { rows: rows.slice(i, i + 1), token: `${id}:${i + 1}` };
      }
      if (fate.damaged === true) throw new SnapshotRejected('the digest differs', true, { damaged: true });
    };
    return { id, position, scope, count: rows.length, resumed: from !== undefined, chunks: chunks() };
  }
}
