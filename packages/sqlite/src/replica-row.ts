import { type Stored } from '@tidemark/core';
import { type Marks } from './marks';
import { type Statements } from './statements';

/** A replica's row of `tidemark_replica`: everything but its marks. */
export interface ReplicaRow {
  readonly term: number;
  readonly state: 'empty' | 'bootstrapping' | 'ready';
  readonly heartbeat: number;
  readonly pipeline: string;
  readonly version: string | null;
  readonly scope: string | null;
  readonly rows_version: string | null;
  readonly rows_scope: string | null;
  readonly source: string | null;
  readonly staged: number;
  readonly token: string | null;
  readonly token_staged: number;
  readonly paused: 0 | 1;
  readonly pruned: number;
}

/** Of a replica that was never taken. */
export const untaken = (pipeline: string): ReplicaRow => ({
  term: 0,
  state: 'empty',
  heartbeat: 0,
  pipeline,
  version: null,
  scope: null,
  rows_version: null,
  rows_scope: null,
  source: null,
  staged: 0,
  token: null,
  token_staged: 0,
  paused: 0,
  pruned: 0,
});

/** `undefined`: never taken. */
export function readReplicaRow(statements: Statements, owner: string): ReplicaRow | undefined {
  return statements.get('select * from tidemark_replica where owner = ?', owner) as ReplicaRow | undefined;
}

export function writeReplicaRow(statements: Statements, owner: string, row: ReplicaRow): void {
  statements.run(
    `insert or replace into tidemark_replica
       (owner, term, state, heartbeat, pipeline, version, scope, rows_version, rows_scope, source, staged, token,
        token_staged, paused, pruned)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    owner,
    row.term,
    row.state,
    row.heartbeat,
    row.pipeline,
    row.version,
    row.scope,
    row.rows_version,
    row.rows_scope,
    row.source,
    row.staged,
    row.token,
    row.token_staged,
    row.paused,
    row.pruned,
  );
}

/** What `load` answers for this row; `holdsRows` tells whether rows are there that no pipeline has written. */
export function storedOf(row: ReplicaRow | undefined, marks: Marks, holdsRows: () => boolean): Stored {
  if (row === undefined) return { term: 0, state: holdsRows() ? 'unknownPosition' : 'empty' };
  const { term, state, heartbeat, source } = row;
  const bound = {
    term,
    pipeline: row.pipeline,
    ...(row.version === null ? {} : { version: row.version }),
    ...(row.scope === null ? {} : { scope: row.scope }),
    ...(row.paused === 0 ? {} : { paused: true }),
  };
  const position = source === null ? undefined : marks.position(source);
  if (state === 'bootstrapping')
    return {
      ...bound,
      state,
      heartbeat,
      ...(position === undefined ? {} : { position }),
      ...(row.token === null ? {} : { resume: row.token }),
    };
  if (position !== undefined) return { ...bound, state: 'ready', position };
  return { ...bound, state: holdsRows() ? 'unknownPosition' : 'empty' };
}
