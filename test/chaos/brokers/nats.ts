import { type Position } from '@tidemark/core';
import { sqliteLeases } from '@tidemark/sqlite';
import { type NatsConnection } from 'nats';
import { join } from 'node:path';
import { startNats } from '../../brokers/nats';
import { type Broker, brokerFaults, embeddedFaults, type LogFromOutside, placeIn } from '../broker';
import { openFile } from '../things';
import { atLast } from './at-last';
import { NatsOutbox, sequenceIn } from './nats-outbox';
import { connectTo, createStream, logOf } from './nats-stream';
import { OutboxTable, positionIn } from './outbox-table';

/** A stream that A writes through an outbox; its subjects are divided by the server. Leases are in B's file. */
export const nats: Broker = {
  faults: [...embeddedFaults, ...brokerFaults],

  start: () => startNats(),

  publish({ directory, service }, db, rows) {
    const table = new OutboxTable(db, () => openFile(join(directory, 'a.db')));
    const outbox = new NatsOutbox(table, placeIn(service));
    const snapshots = table.snapshot(rows);
    return {
      append: (records) => table.append(records),
      snapshot: { open: (request) => outbox.current(request.signal).then(() => snapshots.open(request)) },
      drained: () => table.drained(),
      close: () => outbox.close(),
    };
  },

  follow({ service }, db, { owner }) {
    const place = placeIn(service);
    const share = owner === undefined ? undefined : { leases: sqliteLeases(db), owner, expiryMs: 1_000, renewMs: 150 };
    return logOf(() => connectTo(place), place, { share });
  },

  look({ directory, service }): LogFromOutside {
    const place = placeIn(service);
    const { name } = place;
    let connection: NatsConnection | undefined;
    const log = logOf(() => connectTo(place), place);
    const manager = async () => (connection ??= await connectTo(place)).jetstreamManager();
    /** Removes what is older than the newest `keep`; but an outbox must be able to look whether its last records have arrived. */
    const trim = async (keep: number): Promise<void> => {
      const jsm = await manager();
      const { state, created } = await jsm.streams.info(name);
      const confirmed = confirmedIn(join(directory, 'a.db'));
      const sure = confirmed?.source.epochs[name] === created ? sequenceIn(confirmed) : 0;
      const seq = Math.min(state.last_seq - keep, sure) + 1;
      if (seq > state.first_seq) await jsm.streams.purge(name, { seq });
    };
    const recreate = async (): Promise<void> => {
      const jsm = await manager();
      const { created } = await jsm.streams.info(name);
      await jsm.streams.delete(name);
      await createStream(jsm, place).catch(async (error: unknown) => {
        // A may have been faster
        if ((await jsm.streams.info(name)).created === created) throw error;
      });
    };
    return {
      head: () => atLast(() => log.locate('head', new AbortController().signal)),
      trim: (keep) => atLast(() => trim(keep)),
      recreate: () => atLast(recreate),
      async close() {
        await log[Symbol.asyncDispose]();
        await atLast(async () => (await manager()).streams.delete(name));
        await connection?.close();
      },
    };
  },
};

/** Where the outbox in this file knows the stream to end. */
function confirmedIn(file: string): Position | undefined {
  const db = openFile(file);
  try {
    return positionIn(db);
  } finally {
    db.close();
  }
}
