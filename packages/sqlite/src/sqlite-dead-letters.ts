import { type SqliteDatabase } from './database';
import { keptLetters, removeLetter, type SqliteDeadLetter } from './dead-letters';
import { Statements } from './statements';

export interface SqliteDeadLetters {
  /** The oldest first; those of one owner, or all. At most `limit`, default 100. */
  list(options?: { readonly owner?: string | undefined; readonly limit?: number | undefined }): SqliteDeadLetter[];
  /** Removes what was dealt with. Inside your transaction, if one is open, so that dealing and removing go together. */
  remove(id: string): void;
}

/**
 * The dead letters of a SQLite file, whoever keeps them, without a pipeline: for inspection, and for dealing with them by code of
 * yours that writes an effect and `remove`s the letter in one transaction. Later updates of its key may have been applied since. To take one
 * through the pipeline, `pipeline.replay(id)`.
 *
 * @example
 * for (const letter of sqliteDeadLetters(db).list({ owner: 'table:work' })) console.log(letter.partition, letter.record.offset, letter.message);
 */
export function sqliteDeadLetters(db: SqliteDatabase): SqliteDeadLetters {
  const statements = new Statements(db);
  return {
    list: ({ owner, limit = 100 } = {}) => keptLetters(statements, owner, { limit }),
    remove: (id) => void removeLetter(statements, undefined, id),
  };
}
