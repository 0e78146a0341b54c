import { type Delivery, type LogRecord, type Start, type Transport, type TransportEvent } from '@tidemark/core';
import { memoryLog, type MemoryLog } from '@tidemark/memory';
import { transportContract } from '@tidemark/testkit';
import { run } from './collecting-runner';

const week = 604_800_000;

/** A transport with one fault in it. */
type Fault = (log: MemoryLog<'orders'>) => Transport<'orders'>;

const suite = (fault: Fault) => (runner: Parameters<typeof transportContract>[0]) =>
  transportContract(runner, {
    name: 'faulty',
    topic: 'orders',
    reads: 'all',
    open: async () => {
      const log = memoryLog({ topics: { orders: { partitions: 3, keepMs: week } } });
      return {
        log,
        client: () => fault(log),
        publish: (records) => log.publish('orders', records),
        close: async () => undefined,
      };
    },
    features: { trim: ({ log }) => log.trim('orders'), tellsRetention: () => week },
  });

/** A fault in what is handed over. */
const inDeliveries =
  (change: (delivery: Delivery<'orders'>) => Partial<Delivery<'orders'>>): Fault =>
  (log) => ({
    ...log,
    async *read(start, signal): AsyncGenerator<TransportEvent<'orders'>> {
      for await (const event of log.read(start, signal))
        yield event.type === 'delivery' ? { ...event, ...change(event) } : event;
    },
  });

/** A fault in the records alone. */
const inRecords = (change: (record: LogRecord) => LogRecord): Fault =>
  inDeliveries(({ records }) => ({ records: records.map(change) }));

/** A fault in where reading begins. */
const inStart =
  (change: (log: MemoryLog<'orders'>, start: Start) => Start): Fault =>
  (log) => ({ ...log, read: (start, signal) => log.read(change(log, start), signal) });

const empty = new Uint8Array(0);

const faults: readonly (readonly [string, RegExp, Fault])[] = [
  [
    'hands a record over twice',
    /reads everything/,
    inDeliveries(({ records }) => ({ records: records.flatMap((r) => [r, r]) })),
  ],
  [
    'hands over another record in one’s place',
    /reads everything/,
    inDeliveries(({ records }) => ({ records: records.map((r, i) => (i === 0 ? (records[1] ?? r) : r)) })),
  ],
  ['mixes up the order', /order of each key/, inDeliveries(({ records }) => ({ records: [...records].reverse() }))],
  [
    'does not chain',
    /carries on live/,
    inDeliveries(({ records }) => ({ after: records[0]?.offset ?? ('0' as Delivery['after']) })),
  ],
  [
    'says that it stands beyond its records',
    /resumes at the head/,
    inDeliveries(({ records, through }) => ({
      through: records.length > 0 ? { through: records[0]!.offset } : through,
    })),
  ],
  [
    'starts at the head what is not named',
    /I4: starts a partition/,
    inStart((log, start) => async (assigned) => {
      const { source, offsets } = await start(assigned);
      const head = await log.locate('head', new AbortController().signal);
      return { source, offsets: head.offsets.filter((entry) => !offsets.has(entry)).join(offsets) };
    }),
  ],
  [
    'skips over what retention removed',
    /I1: says expired/,
    (log) => ({
      ...inStart((l, start) => async (assigned) => {
        const { source, offsets } = await start(assigned);
        return { source, offsets: offsets.join((await l.locate('beginning', new AbortController().signal)).offsets) };
      })(log),
      verify: async (position, signal) =>
        log.verify({ ...position, offsets: (await log.locate('head', signal)).offsets }, signal),
    }),
  ],
  [
    'does not wait for acks',
    /keeps one delivery/,
    inDeliveries(({ ack }) => {
      ack();
      return {};
    }),
  ],
  [
    'forgets where it was lost',
    /I7: finds a position/,
    (log) => ({
      ...log,
      verify: async () => ({ partitions: [] }),
      read: (start, signal) =>
        log.read(async (assigned) => ({ ...(await start(assigned)), source: await log.identify(signal) }), signal),
    }),
  ],
  [
    'keeps to itself how long it keeps records',
    /how long it keeps/,
    (log) => ({
      ...log,
      verify: async (position, signal) => {
        const { partitions } = await log.verify(position, signal);
        return { partitions: partitions.map(({ partition, verdict, why }) => ({ partition, verdict, why })) };
      },
    }),
  ],
  [
    'makes an empty value of a tombstone',
    /tombstone/,
    inRecords((record) => ({ ...record, value: record.value ?? empty })),
  ],
  ['loses headers', /keeps headers/, inRecords((record) => ({ ...record, headers: new Map() }))],
  [
    'reads keys as Latin-1',
    /any text and any bytes/,
    inRecords((record) => ({ ...record, key: Buffer.from(Buffer.from(record.key ?? empty).toString('latin1')) })),
  ],
  [
    'dates in seconds',
    /dates records/,
    inRecords((record) => ({ ...record, timestamp: Math.floor(record.timestamp / 1000) })),
  ],
  ['says head too early', /bounded part/, inDeliveries(() => ({ atHead: true }))],
  [
    'asks before it is pulled',
    /before the first pull/,
    (log) => ({
      ...log,
      read: (start, signal) => {
        void start([]);
        return log.read(start, signal);
      },
    }),
  ],
  [
    'goes on after an abort',
    /nothing more once aborted/,
    (log) => ({
      ...log,
      async *read(start, signal): AsyncGenerator<TransportEvent<'orders'>> {
        yield* log.read(start, signal);
        yield { type: 'trouble', error: new Error('late') };
      },
    }),
  ],
  [
    'swallows the error of a start',
    /start that rejects/,
    (log) => ({
      ...log,
      async *read(start, signal): AsyncGenerator<TransportEvent<'orders'>> {
        try {
          yield* log.read(start, signal);
        } catch {
          return;
        }
      },
    }),
  ],
  ['has no such topic', /tells what it is/, (log) => ({ ...log, topics: {} as { readonly orders: string } })],
];

it.each(faults)('the suite sees a transport that %s', async (_, scenario, fault) => {
  const healthy = await run(
    suite((log) => log.member()),
    scenario,
  );
  expect(healthy).toEqual({ ran: 1, failed: [] });
  expect((await run(suite(fault), scenario)).failed).toHaveLength(1);
});

it('declares a scenario for each feature, and none for what a log can’t do', async () => {
  const { ran } = await run(
    suite((log) => log.member()),
    /./,
  );
  expect(ran).toBeGreaterThan(25);
  expect(
    await run(
      suite((log) => log.member()),
      /topic was created anew/,
    ),
  ).toEqual({ ran: 0, failed: [] });
});
