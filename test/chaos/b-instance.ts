import { applyTo, type SyncEvent, SyncError, snapshotThenSubscribe, type Transport, translate } from '@tidemark/core';
import { httpSnapshot } from '@tidemark/http';
import { sqliteReplica } from '@tidemark/sqlite';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { type FollowOptions } from './broker';
import { sample } from './sample';
import { type Database, openFile, replicaSchema, Row, type Thing, Update } from './things';

export interface BInstanceOptions extends FollowOptions {
  /** A's, through whatever is between. */
  readonly url: string;
  /** The replica's. */
  readonly file: string;
  readonly version?: string | undefined;
  /** It looks away for so long after each batch of updates, in milliseconds. */
  readonly slowMs?: number | undefined;
  /** Tell no single batch. */
  readonly taciturn?: boolean | undefined;
}

/** What B is told by its parent. `skew`: its wall clock jumps, in milliseconds. `full`: its database takes no page more. */
export type BOrder = 'stop' | 'sample' | { readonly skew: number } | { readonly full: boolean };

type Message = ({ kind: 'row' } & Thing) | ({ kind: 'update' } & Update);

/**
 * This process is an instance of service B from now on. Each event goes to the parent as a message. Effects are additive: an update that
 * is lost, or applied twice, shows in the rows.
 */
export function beB(options: BInstanceOptions, transportOf: (db: Database) => Transport<'things'>): void {
  const { url, file, version, slowMs, silentMs, taciturn } = options;
  const db = openFile(file);
  db.exec(replicaSchema);

  const replica = sqliteReplica<Message, typeof db>(db, {
    name: 'things',
    clear: (tx) => tx.exec('delete from thing'),
    apply(tx, message) {
      if (message.kind === 'row') {
        const { id, n, updates } = message;
        tx.prepare('insert into thing values (?, ?, ?, 0)').run(id, n, updates);
      } else
        tx.prepare(
          `insert into thing values (@id, @add, 1, @seq <> 1) on conflict (id) do update
             set n = n + excluded.n, updates = updates + 1, disorder = disorder + (updates + 1 <> @seq)`,
        ).run({ id: message.id, add: message.add, seq: message.seq });
    },
  });

  const pipeline = snapshotThenSubscribe({
    name: 'things',
    version,
    snapshot: httpSnapshot(`${url}/snapshot`, { idleMs: silentMs }),
    transport: transportOf(db),
    decode: { things: { row: Row, update: Update } },
    times: { takeoverMs: 800, beatMs: 150, watchMs: 100, aheadMs: 500, retryMs: 300 },
  }).pipe(
    translate((m): Message => (m.kind === 'row' ? { kind: 'row', ...m.value } : { kind: 'update', ...m.value })),
    applyTo(replica),
  );

  function tell(event: SyncEvent<Message>): void {
    const { type } = event;
    const isBatch = type === 'updates' || type === 'progress' || type === 'snapshotRows';
    if (taciturn === true && isBatch) return;
    const error = 'error' in event ? String(event.error) : undefined;
    const reason = 'reason' in event ? event.reason : undefined;
    process.send?.({ type, reason, error });
  }

  async function follow(): Promise<void> {
    for await (const event of pipeline) {
      tell(event);
      if (event.type === 'updates' && slowMs !== undefined) await pause(slowMs);
    }
  }

  follow().then(
    () => process.disconnect(),
    (error: unknown) => {
      process.send?.({
        type: 'failed',
        code: error instanceof SyncError ? error.code : undefined,
        error: error instanceof Error ? explained(error) : String(error),
      });
      process.exitCode = 1;
      process.disconnect();
    },
  );

  const realNow = Date.now;
  const pages = (pragma: string) =>
    Object.values(db.prepare(`pragma ${pragma}`).get() as Record<string, number>)[0] ?? 0;
  const roomyPages = pages('max_page_count');

  process.on('message', (order: BOrder) => {
    if (order === 'stop') void pipeline.stop();
    else if (order === 'sample') process.send?.({ type: 'sample', sample: sample() });
    else if ('skew' in order) Date.now = () => realNow() + order.skew;
    else db.exec(`pragma max_page_count = ${order.full ? pages('page_count') : roomyPages}`);
  });
  process.on('disconnect', () => process.exit());
}

function explained({ message, cause }: Error): string {
  return cause instanceof Error ? `${message} (${cause.message})` : message;
}
