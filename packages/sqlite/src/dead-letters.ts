import { type DeadLetter, type Partition } from '@tidemark/core';
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

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
