import {
  type DeadLetter,
  type KeptLetter,
  type LogRecord,
  offsetFrom,
  type Partition,
  type WhichLetters,
} from '@tidemark/core';
import { type Statements } from './statements';

/** Stores rejected records in `tidemark_dead_letter`. */
export function storeDeadLetters(
  statements: Statements,
  of: { readonly owner: string; readonly pipeline: string; readonly partition: Partition },
  rejected: readonly DeadLetter[],
): void {
  const sql = `insert into tidemark_dead_letter
    (owner, pipeline, topic, partition, offset, timestamp, key, value, headers, code, message)
    values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
  const { topic, partition } = of.partition;
  for (const { record, error } of rejected) {
    const headers = Buffer.from(JSON.stringify([...record.headers].map(([name, value]) => [name, base64(value)])));
    const { key, value, offset } = record;
    const timestamp = Math.trunc(record.timestamp);
    const where = [of.owner, of.pipeline, topic, partition, offset] as const;
    statements.run(sql, ...where, timestamp, key, value, headers, error.code, error.message.replaceAll('\0', '\\0'));
  }
}

/**
 * A record that couldn't be decoded, translated or handled, as it was stored with the position that passed it, and who keeps
 * it: `table:<table>`, `replica:<name>`, `positions:<name>`.
 */
export interface SqliteDeadLetter extends KeptLetter {
  readonly owner: string;
}

/** Those of one owner, or (`undefined`) of all. */
export function keptLetters(
  statements: Statements,
  owner: string | undefined,
  which: WhichLetters,
): SqliteDeadLetter[] {
  if (!statements.has('tidemark_dead_letter')) return [];
  const ofOwner = owner === undefined ? [] : [owner];
  const where = ['true', ...ofOwner.map(() => 'owner = ?'), ...('id' in which ? ['id = ?'] : [])].join(' and ');
  const sql = `select * from tidemark_dead_letter where ${where} order by id limit ?`;
  const rows =
    'id' in which
      ? statements.all<Row>(sql, ...ofOwner, which.id, 1)
      : statements.all<Row>(sql, ...ofOwner, which.limit);
  return rows.map(letterOf);
}

/** False: there is none of this id, or it is another owner's. */
export function removeLetter(statements: Statements, owner: string | undefined, id: string): boolean {
  if (keptLetters(statements, owner, { id }).length === 0) return false;
  statements.run('delete from tidemark_dead_letter where id = ?', id);
  return true;
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
  return { id: String(id), owner, partition: { topic, partition }, record, code, message };
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
