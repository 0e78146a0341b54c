import {
  type Applied,
  type Batch,
  type Binding,
  type Bootstrap,
  coversFloor,
  FencedOut,
  floorOf,
  InvalidConfiguration,
  type KeptLetter,
  OffsetMap,
  type Position,
  type Replica,
  ReplicaBoundElsewhere,
  type SnapshotToken,
  type Stored,
  TakeLost,
} from '@tidemark/core';

/** What a replica does to its content; each call is synchronous. */
export interface Handlers<Change> {
  clear(): void;
  apply(change: Change): void;
}

interface Row<Change> {
  term: number;
  state: 'empty' | 'bootstrapping' | 'ready';
  heartbeat: number;
  pipeline: string | undefined;
  version: string | undefined;
  rowsVersion: string | undefined;
  position: Position | undefined;
  paused: boolean;
  staged: Change[];
  token: { readonly token: SnapshotToken; readonly staged: number } | undefined;
}

/**
 * A replica that outlives the processes that use it, as a database does: what SQLite's engine keeps in tables, without SQLite, for
 * speed. One object is one store; every process may use it.
 */
export class DurableReplica<Change> implements Replica<Change> {
  readonly shared = true;
  protected row: Row<Change> = {
    term: 0,
    state: 'empty',
    heartbeat: 0,
    pipeline: undefined,
    version: undefined,
    rowsVersion: undefined,
    position: undefined,
    paused: false,
    staged: [],
    token: undefined,
  };

  constructor(protected readonly handlers: Handlers<Change>) {}

  load(): Promise<Stored> {
    const { term, state, heartbeat, pipeline, version, position, paused, token } = this.row;
    if (state === 'empty') return Promise.resolve({ term, pipeline, version, paused, state });
    if (state === 'bootstrapping')
      return Promise.resolve({ term, pipeline, version, paused, state, heartbeat, position, resume: token?.token });
    return position === undefined
      ? Promise.reject(new Error('ready without a position'))
      : Promise.resolve({ term, pipeline, version, paused, state, position });
  }

  async take(seen: Stored, { pipeline, version }: Binding): Promise<Bootstrap<Change>> {
    const { row } = this;
    if (row.pipeline !== undefined && row.pipeline !== pipeline)
      throw new ReplicaBoundElsewhere(`the replica belongs to pipeline "${row.pipeline}", not to "${pipeline}"`);
    if (
      row.term !== seen.term ||
      row.state !== seen.state ||
      row.version !== seen.version ||
      (seen.state === 'bootstrapping' && row.heartbeat !== seen.heartbeat)
    )
      throw new TakeLost('somebody else took it first');
    const resumed = row.state === 'bootstrapping' && row.version === version ? row.token : undefined;
    this.row = {
      ...row,
      term: row.term + 1,
      state: 'bootstrapping',
      heartbeat: row.heartbeat + 1,
      pipeline,
      version,
      staged: resumed === undefined ? [] : row.staged.slice(0, resumed.staged),
      token: resumed,
    };
    return this.bootstrap(this.row.term, resumed);
  }

  async apply(term: number, batches: readonly Batch<Change>[]): Promise<readonly Applied[]> {
    const { row } = this;
    if (row.state !== 'ready' || row.term !== term) throw this.fencedOut(term);
    return batches.map((batch) => this.applyBatch(batch));
  }

  amend(): Promise<never> {
    return Promise.reject(new InvalidConfiguration('nothing is amended in the simulated replica'));
  }

  letters(): Promise<readonly KeptLetter[]> {
    return Promise.resolve([]);
  }

  pause(pipeline: string, paused: boolean): Promise<void> {
    this.row = { ...this.row, pipeline, paused };
    return Promise.resolve();
  }

  protected applyBatch({ partition, after, through, changes }: Batch<Change>): Applied {
    const { position } = this.row;
    const offsets = position?.offsets ?? OffsetMap.empty('decimal');
    if (offsets.through(partition) !== after)
      return { moved: offsets.get(partition) ?? { through: offsets.through(partition) } };
    for (const change of changes) this.handlers.apply(change);
    if (position !== undefined)
      this.row = { ...this.row, position: { source: position.source, offsets: offsets.with(partition, through) } };
    return 'applied';
  }

  protected fencedOut(term: number): FencedOut {
    return new FencedOut(`term ${term} is over: the replica is ${this.row.state} under term ${this.row.term}`);
  }

  private bootstrap(term: number, resumed: Row<Change>['token']): Bootstrap<Change> {
    let own = resumed?.staged ?? 0;
    const current = () => {
      if (this.row.state !== 'bootstrapping' || this.row.term !== term) throw this.fencedOut(term);
      return this.row;
    };
    const unchanged = () => {
      const row = current();
      if (row.staged.length !== own)
        throw new FencedOut(`${own} changes were staged under term ${term}, ${row.staged.length} are there`);
      return row;
    };
    const dropped = { staged: [], token: undefined };
    return {
      term,
      resume: resumed?.token,
      beat: async () => {
        const row = current();
        this.row = { ...row, heartbeat: row.heartbeat + 1 };
      },
      stage: async (changes, token) => {
        const row = unchanged();
        const staged = [...row.staged, ...changes];
        own = staged.length;
        this.row = { ...row, staged, token: token === undefined ? row.token : { token, staged: own } };
      },
      discard: async () => {
        this.row = { ...current(), ...dropped };
        own = 0;
      },
      swap: async (position, lost) => {
        const row = unchanged();
        const floor = row.position && floorOf(row.position, lost);
        own = 0;
        if (floor !== undefined && !coversFloor(position, floor)) {
          this.row = { ...row, ...dropped };
          return { belowFloor: floor };
        }
        this.handlers.clear();
        for (const change of row.staged) this.handlers.apply(change);
        this.row = { ...row, ...dropped, state: 'ready', position, rowsVersion: row.version };
        return 'swapped';
      },
      giveBack: async () => {
        const row = current();
        const state = row.position === undefined ? 'empty' : 'ready';
        this.row = { ...row, ...dropped, state, version: row.rowsVersion };
      },
    };
  }
}
