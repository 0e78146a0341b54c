import { type Position, type Snapshot, type SnapshotRequest, type Transport } from '@tidemark/core';
import { type NatsConnection, natsSnapshot, type NatsTopic } from '@tidemark/nats';
import { type OwnStream } from './own-stream';

export interface Thing {
  readonly id: string;
  readonly n: number;
}

/** How a stream of things may keep them: all, or the latest of each. */
export const keeping = {
  log: { config: {}, topic: {} },
  compacted: { config: { max_msgs_per_subject: 1 }, topic: { keeps: 'compacted' } },
} as const;

/** Everything that is called `things` in a stream: to be written, snapshotted and followed. */
export class Things {
  private readonly over = new AbortController();
  readonly source;

  constructor(
    readonly stream: OwnStream,
    private readonly topic: Partial<NatsTopic>,
    connection: NatsConnection | (() => Promise<NatsConnection>) = stream.connection,
  ) {
    this.source = natsSnapshot({ connection, topics: { things: { stream: stream.name, ...topic } } });
  }

  /** The sequence of the last one. */
  async write(...things: readonly Thing[]): Promise<number> {
    let last = 0;
    for (const { id, n } of things)
      last = await this.stream.publish(`${this.stream.subject}.${id}`, JSON.stringify({ id, n }));
    return last;
  }

  /** Many at once: `t0` … */
  async fill(count: number, n = 0): Promise<void> {
    const { connection, subject } = this.stream;
    for (let at = 0; at < count; at += 1_000) {
      for (let i = at; i < Math.min(count, at + 1_000) - 1; i++)
        connection.publish(`${subject}.t${i}`, JSON.stringify({ id: `t${i}`, n }));
      await this.write({ id: `t${Math.min(count, at + 1_000) - 1}`, n });
    }
  }

  open(request: Partial<SnapshotRequest> = {}): Promise<Snapshot> {
    return this.source.open({ signal: this.over.signal, ...request });
  }

  /** `id` → `n` of what the log has after the position, up to the sequence, which must not skip or repeat any. */
  async after(position: Position, last: number): Promise<readonly string[]> {
    return read(this.stream.log({ topic: this.topic }), position, last);
  }

  async close(): Promise<void> {
    this.over.abort();
    await this.source[Symbol.asyncDispose]();
    await this.stream.close();
  }
}

/** Rows come as `id=n`. */
const shown = (thing: unknown): string => `${(thing as Thing).id}=${(thing as Thing).n}`;

/** All rows of a snapshot, to its end; `between` is done after the first chunk. */
export async function rowsOf(snapshot: Snapshot, between?: () => Promise<unknown>): Promise<readonly string[]> {
  const rows: string[] = [];
  let chunks = 0;
  for await (const chunk of snapshot.chunks) {
    rows.push(...chunk.rows.map(shown));
    if (++chunks === 1) await between?.();
  }
  return rows;
}

/** `sequence:id=n`, or `sequence:gone` for a tombstone. */
async function read(log: Transport, position: Position, last: number): Promise<readonly string[]> {
  const over = new AbortController();
  const records: string[] = [];
  for await (const event of log.read(() => Promise.resolve(position), over.signal)) {
    if (event.type === 'lost') throw new Error(`lost: ${JSON.stringify(event)}`);
    if (event.type !== 'delivery') continue;
    for (const { offset, value } of event.records)
      records.push(`${offset}:${value === null ? 'gone' : shown(JSON.parse(Buffer.from(value).toString()))}`);
    event.ack();
    if (event.through.through === String(last)) over.abort();
  }
  return records;
}
