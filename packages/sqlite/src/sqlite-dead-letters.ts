import { type LogRecord, offsetFrom, type Partition } from '@tidemark/core';
import { type SqliteDatabase } from './database';
import { Statements } from './statements';

/** A record that couldn't be decoded, translated or handled, as it was stored with the position that passed it. */
export interface SqliteDeadLetter {
  readonly id: number;
  /** Which replica or position store keeps it: `table:<table>`, `replica:<name>`, `positions:<name>`. */
  readonly owner: string;
  readonly partition: Partition;
  readonly record: LogRecord;
  /** The code and text of its error. */
  readonly code: string;
  readonly message: string;
}

export interface SqliteDeadLetters {
  /** The oldest first; those of one owner, or all. */
  list(options?: { readonly owner?: string | undefined; readonly limit?: number | undefined }): SqliteDeadLetter[];
  /** Removes what was dealt with. Inside your transaction, if one is open, so that dealing and removing go together. */
  remove(id: number): void;
}

/**
 * The dead letters of a SQLite file, for inspection and for dealing with them: read one, decode it with what has been mended,
 * write its effect and `remove` it in one transaction of yours. Later updates of its key may have been applied since: compare
 * versions first.
 *
 * @example
 * for (const letter of sqliteDeadLetters(db).list({ owner: 'table:work' })) console.log(letter.partition, letter.record.offset, letter.message);
 */
export function sqliteDeadLetters(db: SqliteDatabase): SqliteDeadLetters {
  const statements = new Statements(db);
  return {
    list({ owner, limit = 100 } = {}) {
      if (!statements.has('tidemark_dead_letter')) return [];
      const sql = `select * from tidemark_dead_letter ${owner === undefined ? '' : 'where owner = ?'} order by id limit ?`;
      const rows = statements.all<Row>(sql, ...(owner === undefined ? [] : [owner]), limit);
      return rows.map(letterOf);
    },
    remove(id) {
      if (statements.has('tidemark_dead_letter')) statements.run('delete from tidemark_dead_letter where id = ?', id);
    },
  };
}

interface Row {
  readonly id: number;
  readonly owner: string;
  readonly topic: string;
  readonly partition: string;
  readonly offset: string;
  readonly timestamp: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: Uint8Array;
  readonly code: string;
  readonly message: string;
}

function letterOf({ id, owner, topic, partition, code, message, ...row }: Row): SqliteDeadLetter {
  const headers = JSON.parse(Buffer.from(row.headers).toString()) as [string, string][];
  const record: LogRecord = {
    key: row.key,
    value: row.value,
    headers: new Map(headers.map(([name, text]) => [name, Buffer.from(text, 'base64')])),
    timestamp: row.timestamp,
    offset: offsetFrom('lexical', row.offset), // it was an offset already
  };
  return { id, owner, partition: { topic, partition }, record, code, message };
}
