import { eventually } from '@tidemark/testkit';
import { setTimeout as pause } from 'node:timers/promises';
import { Proxy } from '../../../test/chaos/proxy';
import { onBothServers } from './both-servers';
import { clients } from './clients';
import { counting } from './counting-connection';
import { keeping, rowsOf, Things } from './own-snapshot';
import { OwnStream } from './own-stream';

const notWhole = { code: 'SNAPSHOT_REJECTED', retryable: true };

onBothServers(
  ({ it, version, client, address }) => {
    const consumersOf = async (stream: OwnStream): Promise<readonly string[]> =>
      ((await stream.api(`CONSUMER.NAMES.${stream.name}`)) as { consumers: string[] | null }).consumers ?? [];

    // the old server says nothing of what is gone, which takes seconds to notice: one kind with each client
    const kinds = version === 'current' ? (['log', 'compacted'] as const) : [client === 'nats' ? 'log' : 'compacted'];

    for (const kind of kinds as readonly (keyof typeof keeping)[])
      describe(kind, () => {
        const { config, topic } = keeping[kind];

        async function withMany(test: (things: Things) => Promise<void>, leaves = 0): Promise<void> {
          const things = new Things(await OwnStream.create(address(), client, config), topic);
          try {
            await things.fill(5_000);
            await test(things);
            // whatever came of it: the next one is whole, and nothing is left of the one before
            const rows = await rowsOf(await things.open());
            expect(new Set(rows).size).toBe(rows.length);
            await eventually(async () => (await consumersOf(things.stream)).length <= leaves, 'no consumer is left');
          } finally {
            await things.close();
          }
        }

        it('I6: a stream that is purged while it is read has no whole snapshot', () =>
          withMany(async (things) => {
            const rows = rowsOf(await things.open(), () => things.stream.purge());
            await expect(rows).rejects.toMatchObject(notWhole);
            await expect(rows).rejects.toThrow(/purged|removed/);
            await things.fill(10);
          }));

        it('I6: nor has one of which some subjects are purged, be they read already or not', () =>
          withMany(async (things) => {
            for (const id of ['t0', 't4999']) {
              const filter = `${things.stream.subject}.${id}`;
              const purge = () => things.stream.api(`STREAM.PURGE.${things.stream.name}`, { filter });
              await expect(rowsOf(await things.open(), purge)).rejects.toMatchObject(notWhole);
            }
          }));

        it('I6, I7: nor has one that is created anew, with the same messages', () =>
          withMany(async (things) => {
            const again = async () => {
              await things.stream.recreate();
              await things.fill(5_000);
            };
            const rows = rowsOf(await things.open(), again);
            await expect(rows).rejects.toMatchObject(notWhole);
            await expect(rows).rejects.toThrow('created anew');
            const early = await things.open();
            await again();
            await expect(rowsOf(early)).rejects.toThrow('created anew');
          }));

        it('I6: a consumer that is deleted cuts it off', () =>
          withMany(async (things) => {
            const remove = async () => {
              for (const name of await consumersOf(things.stream))
                await things.stream.api(`CONSUMER.DELETE.${things.stream.name}.${name}`);
            };
            await expect(rowsOf(await things.open(), remove)).rejects.toMatchObject(notWhole);
          }));

        async function throughProxy(test: (things: Things, proxy: Proxy) => Promise<void>): Promise<void> {
          // the server can't be told that the consumer isn't needed any more: it forgets that by itself
          await withMany(async ({ stream }) => {
            const proxy = await Proxy.start();
            proxy.target = Number(address().split(':')[1]);
            const things = new Things(stream, topic, () => clients[client](proxy.address));
            try {
              await test(things, proxy);
            } finally {
              await things.source[Symbol.asyncDispose]();
              await proxy.stop();
            }
          }, 1);
        }

        it('I6: a connection that is cut cuts it off, and the same source has another one', () =>
          throughProxy(async (things, proxy) => {
            const cut = () => {
              proxy.cut();
              return Promise.resolve();
            };
            await expect(rowsOf(await things.open(), cut)).rejects.toMatchObject(notWhole);
            const again = await eventually(() => things.open().catch(() => undefined), 'it is connected again');
            expect(new Set(await rowsOf(again)).size).toBe(5_000);
          }));

        if (version === 'current' && kind === 'compacted')
          it('I6: a connection that is swallowed cuts it off, in some seconds', () =>
            throughProxy(async (things, proxy) => {
              const swallow = () => {
                proxy.blackHole();
                return Promise.resolve();
              };
              await expect(rowsOf(await things.open(), swallow)).rejects.toMatchObject(notWhole);
              expect(proxy.hits).toBeGreaterThan(0);
            }));

        it('I10: the signal ends it while it is read, while it waits to be read, and before', () =>
          withMany(async (things) => {
            const reason = new Error('enough');
            const over = new AbortController();
            const snapshot = await things.open({ signal: over.signal });
            const reading = snapshot.chunks[Symbol.asyncIterator]();
            await reading.next();
            expect(await consumersOf(things.stream)).toHaveLength(1);
            over.abort(reason);
            await eventually(async () => (await consumersOf(things.stream)).length === 0, 'it is released');
            await expect(reading.next()).rejects.toBe(reason);
            await expect(things.open({ signal: over.signal })).rejects.toBe(reason);
            const left = await things.open();
            for await (const chunk of left.chunks) {
              expect(chunk.rows.length).toBeGreaterThan(0);
              break;
            }
          }));

        it(
          'I9: of 100,000 subjects no more than a pull lies here unread, however slow the reader',
          () =>
            withMany(async ({ stream }) => {
              const counted = counting(stream.connection);
              const things = new Things(stream, topic, counted.connection);
              await things.fill(100_000, 1);
              const snapshot = await things.open();
              let rows = 0;
              let most = 0;
              let chunks = 0;
              for await (const chunk of snapshot.chunks) {
                rows += chunk.rows.length;
                if (++chunks < 20) await eventually(() => counted.idle(), 'nothing comes any more'); // what might come has come
                most = Math.max(most, counted.received() - rows);
              }
              expect(rows).toBe(100_000);
              expect(most).toBe(0); // a pull is asked for when the last one was taken
              expect(counted.biggestPull()).toBeLessThanOrEqual(2_000);
            }),
          60_000,
        );
      });

    if (version === 'current')
      it('I1: where subjects expire, it must not take longer than their markers are kept', async () => {
        const expiring = { max_msgs_per_subject: 1, max_age: 3_600e9, subject_delete_marker_ttl: 1e9 };
        const things = new Things(await OwnStream.create(address(), client, expiring), { keeps: 'compacted' });
        try {
          await things.fill(5_000);
          expect(await rowsOf(await things.open())).toHaveLength(5_000);
          await expect(rowsOf(await things.open(), () => pause(1_100))).rejects.toThrow('subject_delete_marker_ttl');
        } finally {
          await things.close();
        }
      });
  },
  { inPairs: true },
);
