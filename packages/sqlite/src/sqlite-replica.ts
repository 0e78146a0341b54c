import { HandlerFailed, InvalidConfiguration, type Replica, SyncError } from '@tidemark/core';
import { type SqliteDatabase } from './database';
import { storable } from './identifier';
import { type Model } from './model';
import { ReplicaEngine } from './replica-engine';
import { Newest } from './newest';
import { asSyncError } from './sql-error';
import { Statements } from './statements';
import { Tombstones } from './tombstones';
import { inTransaction } from './transaction';
import { type MessageVersion, versionedModel } from './versioned-model';

/** What happens to your own tables. Both functions are synchronous, and work through `tx`, the open transaction. */
export interface SqliteReplicaHandlers<in M, Database extends SqliteDatabase = SqliteDatabase> {
  /** Tells replicas in one file apart. */
  readonly name: string;
  /**
   * Removes what the replica holds of the scope (absent: of everything); the rows of a whole snapshot follow, by `apply`. Where
   * the pipeline's scope has changed, it is called for the old one first.
   */
  clear(tx: Database, scope: string | undefined): void;
  /** The effect of one message. What it throws rolls back everything that came with it: `HandlerFailed`, with the cause. */
  apply(tx: Database, message: M): void;
  /**
   * Which state of which key a message is (I3): one that is older than what is known of its key doesn't reach `apply`, whichever
   * partition it comes by. A key's newest version is kept in `tidemark_newest`, a deletion in `tidemark_tombstone` for as long as
   * an older message could come. `undefined`: the message belongs to no key, and is always applied. Without side effects.
   */
  readonly version?: ((message: M) => MessageVersion | undefined) | undefined;
}

/**
 * Your own tables as a replica: your functions write to them in the transaction that also holds the position, so each message
 * takes effect exactly once. A snapshot's messages are kept serialised by `node:v8` (plain data, `Uint8Array`, `bigint`,
 * `Date`, `Map`; no classes, no functions) and are replayed after `clear`, all in one transaction.
 *
 * @example
 * sqliteReplica<Message>(db, {
 *   name: 'work',
 *   clear: (tx) => tx.exec('delete from work'),
 *   apply: (tx, m) => void tx.prepare('insert or replace into work values (?, ?)').run(m.id, m.title),
 * });
 */
export function sqliteReplica<M, Database extends SqliteDatabase = SqliteDatabase>(
  db: Database,
  handlers: SqliteReplicaHandlers<M, Database>,
): Replica<M> {
  if (handlers.name === '') throw new InvalidConfiguration('sqliteReplica needs a name');
  const owner = `replica:${storable(handlers.name, 'the name of a replica')}`;
  const model = modelOf(db, handlers);
  const { version } = handlers;
  if (version === undefined) return new ReplicaEngine(db, owner, model);
  const statements = new Statements(db);
  const tombstones = new Tombstones(statements, owner);
  const newest = new Newest(statements, owner, tombstones);
  const versionOf = (message: M) => called(handlers.name, () => version(message));
  return new ReplicaEngine(db, owner, versionedModel(model, versionOf, newest, tombstones, `replica ${handlers.name}`));
}

function modelOf<M, Database extends SqliteDatabase>(
  db: Database,
  { name, ...handlers }: SqliteReplicaHandlers<M, Database>,
): Model<M> {
  /** The transaction must outlive the handler: neither its effects nor the position may go alone. */
  const handled = (handler: () => unknown): void => {
    const answer = called(name, handler);
    if (typeof answer === 'object' && answer !== null && 'then' in answer)
      throw new InvalidConfiguration(`replica ${name}: its handlers must be synchronous; one returned a promise`);
    if (!inTransaction(db, `replica ${name}`))
      throw new InvalidConfiguration(
        `replica ${name}: a handler ended the transaction; it must neither commit nor roll back`,
      );
  };
  const clear: (tx: Database, scope: string | undefined) => unknown = (tx, scope) => handlers.clear(tx, scope);
  const apply: (tx: Database, message: M) => unknown = (tx, message) => handlers.apply(tx, message);
  return {
    prepare: () => undefined,
    holdsRows: () => false,
    encode: (message) => message,
    apply: (message) => {
      handled(() => apply(db, message));
    },
    leave: (scope) => {
      handled(() => clear(db, scope));
    },
    replace: (staged, scope) => {
      handled(() => clear(db, scope));
      for (const message of staged) handled(() => apply(db, message as M));
    },
  };
}

/** What the database can't do just now may pass; what your code throws would be thrown again. */
function called<T>(name: string, handler: () => T): T {
  try {
    return handler();
  } catch (cause) {
    const error = asSyncError(cause, `replica ${name}`);
    if (error instanceof SyncError) throw error;
    throw new HandlerFailed(`replica ${name}: a handler threw (see cause); nothing of its transaction was kept`, {
      cause,
    });
  }
}
