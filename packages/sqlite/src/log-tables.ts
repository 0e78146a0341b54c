import { before, InvalidConfiguration, type Mark, type Offset, type Source, witnessOf } from '@tidemark/core';
import { type RecordRow } from './log-record';
import { type Statements } from './statements';

/** A partition's row of `tidemark_log_partition`. */
export interface Lane {
  readonly id: number;
  readonly topic: string;
  readonly partition: number;
  readonly first: number;
  readonly next: number;
}

/** What the log's tables say, on one connection. Callers bring the transaction. */
export class LogTables {
  constructor(readonly statements: Statements) {}

  id(): string {
    return (this.statements.get('select id from tidemark_log') as { id: string }).id;
  }

  topic(topic: string): { readonly epoch: string; readonly partitions: number } {
    const row = this.statements.get('select epoch, partitions from tidemark_log_topic where topic = ?', topic);
    if (row === undefined) throw new InvalidConfiguration(`sqliteLog has no topic ${topic}; name it in \`topics\``);
    return row as { epoch: string; partitions: number };
  }

  source(topics: readonly string[]): Source {
    const rows = this.statements.all<{ topic: string; epoch: string }>('select topic, epoch from tidemark_log_topic');
    const epochs = rows.filter(({ topic }) => topics.includes(topic)).map(({ topic, epoch }) => [topic, epoch]);
    return { kind, order: 'decimal', cluster: this.id(), epochs: Object.fromEntries(epochs) as Source['epochs'] };
  }

  lanes(topic: string): Lane[] {
    const sql =
      'select id, topic, partition, first, next from tidemark_log_partition where topic = ? order by partition';
    return this.statements.all<Lane>(sql, topic);
  }

  lane(topic: string, partition: string): Lane | undefined {
    return this.lanes(topic).find((lane) => String(lane.partition) === partition);
  }

  /** The mark of the record at this offset; without a witness where it is gone. */
  mark({ id }: Lane, through: Offset): Mark {
    const witness = this.witness(id, through);
    return witness === undefined ? { through } : { through, witness };
  }

  witness(lane: number, offset: Offset): string | undefined {
    const sql = 'select timestamp, key, value from tidemark_log_record where partition_id = ? and offset = ?';
    const at = Number(offset);
    const row = Number.isSafeInteger(at) ? this.statements.get(sql, lane, at) : undefined;
    return row === undefined ? undefined : witnessOf(row as RecordRow);
  }
}

export const kind = 'sqlite';

/** The last record that is gone, `beginning` if none. */
export const trimmedOf = ({ first }: Lane): Offset => before(first);

/** The last record ever written. */
export const headOf = ({ next }: Lane): Offset => before(next);
