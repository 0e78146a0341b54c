import { applyTo, headThenRows, type Pipeline, snapshotThenSubscribe, translate } from '@tidemark/core';
import { natsLog } from '@tidemark/nats';
import { sqliteReplica } from '@tidemark/sqlite';
import { eventually } from '@tidemark/testkit';
import * as nats from 'nats';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { itWithOwn } from '../brokers/jest/tests';
import { startNats } from '../brokers/nats';
import { openFile, replicaSchema, Row, type Thing, Update } from '../chaos/things';

const rounds = 20;
const names = 20;

type Message = ({ readonly kind: 'row' } & Thing) | ({ readonly kind: 'update' } & Update);

itWithOwn('nats')(
  'I1, I2: the server is killed and restarted in mid-stream, twenty times: what it has accepted takes effect once',
  async () => {
    const server = await startNats();
    const directory = await mkdtemp(join(tmpdir(), 'tidemark-nats-restart-'));
    const db = openFile(join(directory, 'b.db'));
    db.exec(replicaSchema);
    const connection = () => nats.connect({ servers: server.address, maxReconnectAttempts: -1, reconnectTimeWait: 50 });
    const direct = await connection();
    await (await direct.jetstreamManager()).streams.add({ name: 'things', subjects: ['things.*'] });
    await direct.close();
    const log = natsLog({ connection, topics: { things: { stream: 'things' } } });
    const pipeline: Pipeline<Message> = snapshotThenSubscribe({
      name: 'things',
      snapshot: headThenRows(log, { things: () => [] }),
      transport: log,
      decode: { things: { row: Row, update: Update } },
      times: { retryMs: 100 },
    }).pipe(
      translate((m): Message => (m.kind === 'row' ? { kind: 'row', ...m.value } : { kind: 'update', ...m.value })),
      applyTo(
        sqliteReplica<Message, typeof db>(db, {
          name: 'things',
          clear: (tx) => tx.exec('delete from thing'),
          apply(tx, message) {
            if (message.kind !== 'update') return;
            const { id, add, seq } = message;
            tx.prepare(
              `insert into thing values (?, ?, 1, ? <> 1) on conflict (id) do update
                 set n = n + excluded.n, updates = updates + 1, disorder = disorder + (updates + 1 <> ?)`,
            ).run(id, add, seq, seq);
          },
        }),
      ),
    );
    const running = pipeline.run();
    running.catch(() => undefined); // it is awaited below
    try {
      await pipeline.caughtUp();
      // one update after the other; what isn't known to be accepted is sent again under its id, which the stream remembers
      const expected = new Map<string, Thing>();
      let [written, writing] = [0, true];
      const writer = (async () => {
        while (writing) {
          const id = `thing-${written % names}`;
          const { n = 0, updates = 0 } = expected.get(id) ?? {};
          const add = 1 + (written % 9);
          const record = {
            key: id,
            value: JSON.stringify({ id, add, seq: updates + 1 }),
            headers: { 'Nats-Msg-Id': String(written) },
          };
          const accepted = () =>
            log.publish('things', [record]).then(
              () => true,
              () => false,
            );
          while (!(await accepted())) await pause(20);
          expected.set(id, { id, n: n + add, updates: updates + 1 });
          written++;
        }
      })();
      for (let round = 0; round < rounds; round++) {
        const before = written;
        await eventually(() => written > before + 20, 'more is written', 30_000);
        await server.kill();
        await server.restart();
      }
      writing = false;
      await writer;
      const head = await log.locate('head', new AbortController().signal);
      expect([...head.offsets].map(({ through }) => through)).toEqual([String(written)]);
      await pipeline.waitFor(head, { timeoutMs: 30_000 });
      const found = db.prepare('select id, n, updates, disorder from thing order by id').all();
      const sorted = [...expected.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
      expect(found).toEqual(sorted.map((thing) => ({ ...thing, disorder: 0 })));
    } finally {
      await pipeline.stop();
      await running;
      await log[Symbol.asyncDispose]();
      db.close();
      await rm(directory, { recursive: true });
      await server.stop();
    }
  },
  150_000,
);
