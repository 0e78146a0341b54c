import { applyTo, type Pipeline, snapshotThenSubscribe, translate } from '@tidemark/core';
import { sqliteReplica } from '@tidemark/sqlite';
import { type Database } from '@tidemark-examples/support';
import { type Followed } from './b-log';
import { treeTables } from './b-tables';
import { toTreeMessage, treeDecoders, type TreeMessage } from './entry';

/** B's replica of A's tree. The database is B's, and opened for this pipeline. */
export const treePipeline = (
  { snapshot, transport }: Pick<Followed, 'snapshot' | 'transport'>,
  db: Database,
  times?: { readonly takeoverMs: number; readonly beatMs: number; readonly retryMs: number },
): Pipeline<TreeMessage> =>
  snapshotThenSubscribe({ name: 'tree', snapshot, transport, decode: treeDecoders, times }).pipe(
    translate(toTreeMessage),
    applyTo(sqliteReplica(db, treeTables(db))),
  );
