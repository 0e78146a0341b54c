import { beginning, decimal, OffsetMap, orAborted, type Position } from '@tidemark/core';
import { Events, type JetStreamManager, type NatsConnection, type StreamInfo } from 'nats';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { type ServicePlace } from '../broker';
import { connectTo, createStream, logOf, partitionsOf } from './nats-stream';
import { type OutboxTable } from './outbox-table';

/** A life of the stream, as it is written to. */
interface Life {
  readonly connection: NatsConnection;
  readonly jsm: JetStreamManager;
  readonly log: ReturnType<typeof logOf>;
  /** Where it ends when its last message has this sequence. */
  at(sequence: number): Position;
}

/**
 * Takes an outbox's records into a stream exactly once. Each message says which sequence must be the last one before it, so whatever was
 * sent comes into the stream there or never. After anything unknown (a crash, a failed `publish`) the stream's last message tells how
 * many have arrived. A stream that was made anew takes in another subject, and what an earlier one still had to get is forgotten: A's things
 * have it.
 */
export class NatsOutbox {
  private readonly over = new AbortController();
  private jsm: JetStreamManager | undefined;
  private readonly relaying: Promise<void>;

  constructor(
    private readonly table: OutboxTable,
    private readonly place: ServicePlace,
  ) {
    this.relaying = this.relay();
  }

  /** Fulfils when what is confirmed is of the stream as it is now: somebody may have made it anew just before. */
  async current(signal: AbortSignal): Promise<void> {
    const { name } = this.place;
    for (; ; await pause(20, undefined, { signal })) {
      const info = await this.jsm?.streams.info(name).catch(() => undefined);
      const position = this.table.position;
      if (info !== undefined && position !== undefined && epochIn(position, name) === info.created) return;
    }
  }

  async close(): Promise<void> {
    this.over.abort();
    await this.relaying;
  }

  /** With one connection after the other: after a failure nobody knows what has arrived. */
  private async relay(): Promise<void> {
    const isOver = () => this.over.signal.aborted;
    while (!isOver()) {
      let connection: NatsConnection | undefined;
      try {
        connection = await connectTo(this.place);
        const lost = orAborted(disconnected(connection), this.over.signal);
        const work = this.work(connection);
        work.catch(() => undefined); // when it is lost before
        await Promise.race([work, lost]);
      } catch (error) {
        if (!isOver()) process.stderr.write(`outbox: ${String(error)}\n`);
        await pause(50);
      } finally {
        await connection?.close();
      }
    }
  }

  private async work(connection: NatsConnection): Promise<void> {
    const life = await this.lookUp(connection);
    while (!connection.isClosed()) await this.publish(life);
  }

  /** Finds out what of the outbox is in the stream already, which is made where there is none. */
  private async lookUp(connection: NatsConnection): Promise<Life> {
    const { name } = this.place;
    const jsm = (this.jsm = await connection.jetstreamManager());
    const info = await jsm.streams.info(name).catch(() => createStream(jsm, this.place));
    const life = this.lifeOf(connection, jsm, info);
    const stored = this.table.position;
    if (stored === undefined) this.table.confirm(0, life.at(0));
    else if (epochIn(stored, name) !== epochIn(life.at(0), name)) this.table.beginAnew(life.at(0));
    else if (info.state.last_seq > sequenceIn(stored)) {
      const { header } = await jsm.streams.getMessage(name, { seq: info.state.last_seq });
      this.table.confirm(Number(header.get('outbox')), life.at(info.state.last_seq));
    }
    return life;
  }

  private lifeOf(connection: NatsConnection, jsm: JetStreamManager, info: StreamInfo): Life {
    const { name } = this.place;
    const [publishTo = ''] = info.config.subjects;
    const source = { kind: 'nats', order: 'decimal', epochs: { [name]: info.created } } as const;
    const at = (sequence: number): Position => {
      const through = sequence === 0 ? beginning : decimal(sequence);
      const entries = partitionsOf(this.place).map((partition) => ({ topic: name, partition, through }));
      return { source, offsets: OffsetMap.from('decimal', entries) };
    };
    return { connection, jsm, log: logOf(connection, this.place, { publishTo }), at };
  }

  private async publish({ connection, jsm, log, at }: Life): Promise<void> {
    const position = this.table.position!;
    const batch = this.table.next();
    const last = batch.at(-1);
    if (last === undefined) return this.idle(jsm, position);
    const before = sequenceIn(position);
    const records = batch.map(({ seq, key, value }, i) => {
      const expected = { 'Nats-Msg-Id': String(seq), 'Nats-Expected-Last-Sequence': String(before + i) };
      return { key, value, headers: { outbox: String(seq), ...expected } };
    });
    await log.publish('things', records);
    if (connection.isClosed()) return; // somebody else looks it up
    this.table.confirm(last.seq, at(before + batch.length));
  }

  /** Somebody may make the stream anew while nothing is written. */
  private async idle(jsm: JetStreamManager, position: Position): Promise<void> {
    const { name } = this.place;
    const { created } = await jsm.streams.info(name);
    if (created !== epochIn(position, name)) throw new Error('the stream was made anew');
    await pause(20);
  }
}

/** Rejects when the connection is lost: what was asked over it may never be answered. */
async function disconnected(connection: NatsConnection): Promise<never> {
  for await (const { type } of connection.status()) if (type === Events.Disconnect) break;
  throw new Error('the connection was lost');
}

const epochIn = ({ source }: Position, name: string): string | undefined => source.epochs[name];

/** The partitions of a stream share its sequences. */
export function sequenceIn({ offsets }: Position): number {
  const [first] = offsets;
  return first === undefined || first.through === beginning ? 0 : Number(first.through);
}
