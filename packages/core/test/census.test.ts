import {
  applyTo,
  type Delivery,
  liveView,
  OffsetMap,
  type PagedLog,
  pagedTransport,
  remove,
  snapshotThenSubscribe,
  translate,
  type Transport,
  upsert,
} from '@tidemark/core';
import * as t from 'io-ts';
import { stopped, stopper } from './support/stopped';
import { ToyLog } from './support/toy-log';
import { eventually, times } from './support/world';

const Update = t.union([t.type({ id: t.string, v: t.number }), t.type({ gone: t.string, v: t.number })]);

const quick = { ...times, censusMs: 5 };

function running(log: ToyLog, transport: Transport<'things'>) {
  const view = liveView<{ id: string; v: number }>({ key: (row) => row.id, version: (row) => row.v });
  const pipeline = snapshotThenSubscribe({
    name: 'things',
    snapshot: log.snapshot(() => []),
    transport,
    times: quick,
    decode: { things: { row: t.type({ id: t.string, v: t.number }), update: Update } },
  }).pipe(
    translate((m) => ('gone' in m.value ? remove(m.value.gone, m.value.v) : upsert(m.value))),
    applyTo(view),
  );
  return { view, pipeline: stopped(pipeline) };
}

describe('pruning', () => {
  it('I3: tombstones go once idle partitions have said again that they are at their heads', async () => {
    const log = new ToyLog(2);
    const { view, pipeline } = running(log, pagedTransport(log, { pollMs: 1, describeMs: 5, idleMs: 5 }));
    const run = pipeline.run();
    await pipeline.caughtUp({ timeoutMs: 5_000 });
    log.append(0, { gone: 'a', v: 5 });
    log.append(0, { id: 'b', v: 1 });
    await eventually(() => view.has('b'));
    // pruned: only then a version that was older than the deletion is taken
    let tries = 1;
    await eventually(() => {
      log.append(1, { id: 'a', v: 1 });
      tries++;
      return view.has('a') || tries > 5_000;
    });
    expect(view.get('a')).toEqual({ id: 'a', v: 1 });
    await pipeline.stop();
    await run;
  });

  it('I3: a partition of the log that the position does not name holds tombstones back', async () => {
    const log = new ToyLog(2);
    const transport = pagedTransport(log, { pollMs: 1, describeMs: 5, idleMs: 5 });
    let counts = 0;
    const unread = {
      partition: { topic: 'toy.things', partition: '7' },
      verdict: 'ok',
      why: 'nothing read yet',
    } as const;
    const growing: Transport<'things'> = {
      ...transport,
      verify: async (position, signal) => {
        counts++;
        return { partitions: [...(await transport.verify(position, signal)).partitions, unread] };
      },
    };
    const { view, pipeline } = running(log, growing);
    const run = pipeline.run();
    await pipeline.caughtUp({ timeoutMs: 5_000 });
    log.append(0, { gone: 'a', v: 5 });
    const before = counts;
    await eventually(() => counts >= before + 20);
    log.append(1, { id: 'a', v: 1 });
    log.append(1, { id: 'b', v: 1 });
    await eventually(() => view.has('b'));
    expect(view.has('a')).toBe(false);
    await pipeline.stop();
    await run;
  });
});

describe("a snapshot's tombstones", () => {
  const source = (log: ToyLog, tombstone?: t.Mixed) =>
    snapshotThenSubscribe({
      name: 'things',
      snapshot: {
        open: async () => ({
          id: 's1',
          position: log.head(),
          chunks: (async function* () {
            yield { rows: [{ id: 'b', v: 1 }], tombstones: [{ key: 'a', version: 2n ** 53n + 1n }] };
          })(),
        }),
      },
      transport: log.transport(),
      times: quick,
      decode: { things: { row: t.type({ id: t.string, v: t.number }), update: Update, tombstone } },
    });

  it('I3: what the snapshot remembers as deleted stays deleted', async () => {
    const log = new ToyLog(1);
    const view = liveView<{ id: string; v: number | bigint }>({ key: (row) => row.id, version: (row) => row.v });
    const pipeline = source(log, t.string).pipe(
      translate((m) => {
        if (m.kind === 'tombstone') return remove(String(m.key), m.version ?? BigInt(m.record.offset));
        return 'gone' in m.value ? remove(m.value.gone, m.value.v) : upsert(m.value);
      }),
      applyTo(view),
    );
    const run = stopped(pipeline).run();
    await pipeline.caughtUp({ timeoutMs: 5_000 });
    log.append(0, { id: 'a', v: 2 ** 53 - 1 });
    log.append(0, { id: 'c', v: 1 });
    await eventually(() => view.has('c'));
    expect([...view.keys()]).toEqual(['b', 'c']);
    await pipeline.stop();
    await run;
  });

  it('are refused where nobody decodes them', async () => {
    const pipeline = source(new ToyLog(1)).pipe(
      translate((m) => (m.kind === 'tombstone' || 'gone' in m.value ? [] : upsert(m.value))),
      applyTo(liveView<{ id: string; v: number }>({ key: (row) => row.id })),
    );
    await expect(stopped(pipeline).run()).rejects.toMatchObject({ code: 'DECODE_FAILED' });
  });
});

describe('an idle partition', () => {
  async function deliveries(log: PagedLog<'things'>, count: number) {
    const transport = pagedTransport(log, { pollMs: 1, describeMs: 1_000, idleMs: 10 });
    const end = stopper();
    const got: Delivery[] = [];
    const source = await transport.identify(end.signal);
    const start = async () => ({ source, offsets: OffsetMap.empty('decimal') });
    for await (const event of transport.read(start, end.signal)) {
      if (event.type !== 'delivery') continue;
      got.push(event);
      if (got.length === count) end.abort();
      event.ack();
    }
    return got;
  }

  it('says again that it is at its head', async () => {
    const log = new ToyLog(1);
    log.append(0, { id: 'a', v: 1 });
    const got = await deliveries(log, 4);
    expect(got.map(({ records, atHead, after }) => [records.length, atHead, after])).toEqual([
      [1, true, 'beginning'],
      [0, true, '0'],
      [0, true, '0'],
      [0, true, '0'],
    ]);
  });

  it('asks the log anew for that, also where a page is held back for ever', async () => {
    const log = new ToyLog(1);
    let asked = 0;
    const holding: PagedLog<'things'> = {
      kind: log.kind,
      topics: log.topics,
      describe: () => log.describe(),
      page: (partition, after, { wait }) => {
        if (wait) return new Promise(() => undefined);
        asked++;
        return log.page(partition, after);
      },
    };
    const got = await deliveries(holding, 3);
    expect(got.map(({ atHead }) => atHead)).toEqual([true, true, true]);
    expect(asked).toBeGreaterThanOrEqual(3);
  });
});
