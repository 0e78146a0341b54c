import * as t from 'io-ts';
import {
  applyTo,
  deliverTo,
  liveView,
  OffsetMap,
  type Position,
  remove,
  type Replica,
  type Snapshot,
  type SnapshotChunk,
  type SnapshotRequest,
  snapshotThenSubscribe,
  translate,
  upsert,
  type VersionedChange,
} from '@tidemark/core';
import { stopped } from './support/stopped';
import { ToyLog } from './support/toy-log';
import { asShared, eventually, gate, listen, times } from './support/world';

const Row = t.type({ id: t.string, media: t.string, version: t.number });
type Row = t.TypeOf<typeof Row>;
type Changes = VersionedChange<Row>;
const Gone = t.type({ gone: t.string, version: t.number });

/** A, whose snapshots of a part are what the test says; and B's view of it, where newer wins. */
class Parts {
  readonly log = new ToyLog(1);
  readonly view = liveView<Row>({ key: ({ id }) => id, version: ({ version }) => version });
  readonly asked: SnapshotRequest[] = [];
  /** What A serves of a part, call by call; the last one again and again. */
  parts: ((request: SnapshotRequest) => Partial<Snapshot> | Promise<Partial<Snapshot>>)[] = [() => ({})];
  private version = 0;

  set(id: string, media = '42', version = ++this.version): Row {
    const row = { id, media, version };
    this.log.append(0, row);
    return row;
  }

  remove(id: string): void {
    this.log.append(0, { gone: id, version: ++this.version });
  }

  pipeline(replica: Replica<Changes> = this.view, snapshotAttempts = 4) {
    const pipeline = snapshotThenSubscribe({
      name: 'parts',
      snapshot: { open: (request) => this.open(request) },
      transport: this.log.transport(),
      decode: { things: { row: Row, update: t.union([Row, Gone]), tombstone: t.string } },
      snapshotAttempts,
      times,
    }).pipe(
      translate((m): Changes[] => {
        if (m.kind === 'tombstone') return m.record === undefined ? [remove(m.key, m.version)] : [];
        return ['gone' in m.value ? remove(m.value.gone, m.value.version) : upsert(m.value)];
      }),
      applyTo(replica),
    );
    return stopped(pipeline);
  }

  private async open(request: SnapshotRequest): Promise<Snapshot> {
    const whole = { id: `s${this.asked.length}`, position: this.log.head(), scope: request.scope, chunks: chunks() };
    if (request.scope === undefined) return whole;
    this.asked.push(request);
    const part = this.parts.length > 1 ? this.parts.shift() : this.parts[0];
    return { ...whole, ...(await part?.(request)) };
  }
}

async function* chunks(...all: (SnapshotChunk | Error | (() => Promise<void>))[]): AsyncGenerator<SnapshotChunk> {
  for (const one of all) {
    if (one instanceof Error) throw one;
    if (typeof one === 'function') await one();
    else yield one;
  }
}

async function started(a: Parts, replica?: Replica<Changes>) {
  const pipeline = a.pipeline(replica);
  const told = listen<Changes>(pipeline);
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  return { pipeline, told };
}

const position = async (pipeline: { position(): Promise<Position | undefined> }) =>
  (await pipeline.position())?.offsets.through({ topic: 'toy.things', partition: '0' });

const amended = ({ events }: ReturnType<typeof listen<Changes>>) =>
  events.flatMap((e) => (e.type === 'amended' ? [...e.messages] : []));

it('I8: merges the rows and tombstones of a part: newer wins, the position stays, and it is told', async () => {
  const a = new Parts();
  const { pipeline, told } = await started(a);
  a.set('stale', '42', 1);
  a.set('newer', '42', 9);
  a.set('gone', '42', 3);
  a.set('other', '7', 4);
  await eventually(() => a.view.size === 4);
  const before = await position(pipeline);
  const rows = [
    { id: 'stale', media: '42', version: 2 },
    { id: 'newer', media: '42', version: 8 },
  ];
  a.parts = [() => ({ chunks: chunks({ rows, tombstones: [{ key: 'gone', version: 5 }] }) })];
  const merged = await pipeline.refresh({ scope: 'media=42' });
  expect(merged).toEqual({ rows: 2, position: a.log.head() });
  expect([...a.view.values()].map(({ id, version }) => `${id}@${version}`).sort()).toEqual([
    'newer@9',
    'other@4',
    'stale@2',
  ]);
  expect(await position(pipeline)).toBe(before);
  expect(amended(told)).toEqual([upsert(rows[0]), upsert(rows[1]), remove('gone', 5)]);
  a.set('gone', '42', 4); // late: the tombstone holds
  a.set('last', '42', 1);
  await eventually(() => a.view.has('last'));
  expect(a.view.has('gone')).toBe(false);
  await pipeline.stop();
});

it('asks for the scope, at or above the position reached', async () => {
  const a = new Parts();
  a.set('a');
  const { pipeline } = await started(a);
  await pipeline.refresh({ scope: 'media=42' });
  expect(a.asked).toMatchObject([{ scope: 'media=42', resume: undefined }]);
  expect(a.asked[0]?.notOlderThan?.offsets.through({ topic: 'toy.things', partition: '0' })).toBe('0');
  await pipeline.stop();
});

it('I8: a snapshot below the position is asked for again, and refused when the budget ends', async () => {
  const a = new Parts();
  const old = a.log.head();
  const row = a.set('a');
  const { pipeline, told } = await started(a);
  const stale = () => ({ position: old, chunks: chunks({ rows: [{ ...row, version: 99 }] }) });
  a.parts = [stale, stale, () => ({ chunks: chunks({ rows: [{ ...row, version: 2 }] }) })];
  await pipeline.refresh({ scope: 'media=42' });
  expect(a.asked).toHaveLength(3);
  expect(a.view.get('a')?.version).toBe(2);
  expect(told.types().filter((type) => type === 'trouble')).toHaveLength(2);
  a.parts = [stale];
  await expect(pipeline.refresh({ scope: 'media=42' })).rejects.toMatchObject({ code: 'SNAPSHOT_TOO_OLD' });
  expect(a.asked).toHaveLength(3 + 4);
  expect(a.view.get('a')?.version).toBe(2);
  await pipeline.stop();
});

it('a cut-off snapshot is asked for again; what was merged is newer rows and no more', async () => {
  const a = new Parts();
  const { pipeline } = await started(a);
  const [one, two] = [a.set('one'), a.set('two')];
  await eventually(() => a.view.size === 2);
  const first = { rows: [{ ...one, version: 10 }] };
  a.parts = [
    () => ({ chunks: chunks(first, new Error('the connection broke')) }),
    () => ({ count: 3, chunks: chunks(first) }),
    () => ({ count: 2, chunks: chunks(first, { rows: [{ ...two, version: 11 }] }) }),
  ];
  expect(await pipeline.refresh({ scope: 'media=42' })).toMatchObject({ rows: 2 });
  expect([a.view.get('one')?.version, a.view.get('two')?.version]).toEqual([10, 11]);
  expect(a.asked).toHaveLength(3);
  await pipeline.stop();
});

it.each([
  ['of another scope', { scope: 'media=7' }, 'SNAPSHOT_REJECTED'],
  ['of everything', { scope: undefined }, 'SNAPSHOT_REJECTED'],
  [
    'I7: of another log',
    { position: { source: { ...new ToyLog(1).source(), cluster: 'toy-2' }, offsets: OffsetMap.empty('decimal') } },
    'SOURCE_MISMATCH',
  ],
  ['with a row that is none', { chunks: chunks({ rows: ['no row'] }) }, 'DECODE_FAILED'],
] as const)('refuses at once a snapshot %s', async (_, part, code) => {
  const a = new Parts();
  const { pipeline } = await started(a);
  a.parts = [() => part];
  await expect(pipeline.refresh({ scope: 'media=42' })).rejects.toMatchObject({ code });
  expect(a.asked).toHaveLength(1);
  expect(a.view.size).toBe(0);
  await pipeline.caughtUp({ timeoutMs: 5_000 }); // nothing else has ended
  await pipeline.stop();
});

it('I3: the stream goes on meanwhile, and whatever the order, the newest state stays', async () => {
  const a = new Parts();
  const { pipeline } = await started(a);
  const rows = ['a', 'b', 'c'].map((id) => a.set(id));
  await eventually(() => a.view.size === 3);
  const between = async () => {
    a.remove('a');
    a.set('b');
    await eventually(() => !a.view.has('a') && a.view.get('b')?.version === 5);
  };
  a.parts = [() => ({ chunks: chunks({ rows: rows.slice(2) }, between, { rows: rows.slice(0, 2) }) })];
  await pipeline.refresh({ scope: 'media=42' });
  expect([...a.view.values()].map(({ id, version }) => `${id}@${version}`).sort()).toEqual(['b@5', 'c@3']);
  expect(a.asked).toHaveLength(1);
  await pipeline.stop();
});

it('I8: asks again when a tombstone was pruned meanwhile', async () => {
  const a = new Parts();
  let below = 1;
  const { pipeline } = await started(
    a,
    asShared(a.view, {
      amend: async (term, amendment) => (below-- > 0 ? { below: a.log.head() } : a.view.amend(term, amendment)),
    }),
  );
  const row = { id: 'a', media: '42', version: 1 };
  a.parts = [() => ({ chunks: chunks({ rows: [row] }) })];
  a.parts.push(...a.parts);
  await pipeline.refresh({ scope: 'media=42' });
  expect(a.asked).toHaveLength(2);
  expect(a.view.get('a')).toEqual(row);
  await pipeline.stop();
});

it('I11: begins anew when the replica was bootstrapped meanwhile', async () => {
  const a = new Parts();
  const { pipeline } = await started(a);
  const taken = async () => {
    const bootstrap = await a.view.take(await a.view.load(), { pipeline: 'parts' });
    await bootstrap.swap(a.log.head(), []);
  };
  const row = { id: 'a', media: '42', version: 1 };
  a.parts = [() => ({ chunks: chunks(taken, { rows: [row] }) }), () => ({ chunks: chunks({ rows: [row] }) })];
  expect(await pipeline.refresh({ scope: 'media=42' })).toMatchObject({ rows: 1 });
  expect(a.asked).toHaveLength(2);
  expect(a.view.get('a')).toEqual(row);
  await pipeline.stop();
});

it('I9: merges large chunks piece by piece, and no faster than an iteration takes what is told', async () => {
  const a = new Parts();
  const sizes: number[] = [];
  const replica = asShared(a.view, {
    amend: (term, amendment) => {
      sizes.push(amendment.changes.length);
      return a.view.amend(term, amendment);
    },
  });
  const pipeline = a.pipeline(replica);
  const events = pipeline[Symbol.asyncIterator]();
  const head = async () => {
    for (;;) {
      const next = await events.next();
      if (next.done === true || next.value.type === 'caughtUp') return;
    }
  };
  await head();
  const rows = Array.from({ length: 1_200 }, (_, i) => ({ id: `row-${i}`, media: '42', version: 1 }));
  a.parts = [() => ({ chunks: chunks({ rows }) })];
  const refreshing = pipeline.refresh({ scope: 'media=42' });
  await eventually(() => sizes.length > 0);
  for (let i = 0; i < 50; i++) await new Promise(setImmediate);
  expect(sizes).toEqual([500]);
  const taking = (async () => {
    for (;;) if ((await events.next()).done === true) return;
  })();
  await refreshing;
  expect(sizes).toEqual([500, 500, 200]);
  expect(a.view.size).toBe(1_200);
  await pipeline.stop();
  await taking;
});

it.each(['signal', 'stop'] as const)('ends by %s, and tells A that nobody reads on', async (how) => {
  const a = new Parts();
  const { pipeline } = await started(a);
  const [entered, controller] = [gate(), new AbortController()];
  const never = () => {
    entered.open();
    return new Promise<void>(() => undefined);
  };
  a.parts = [() => ({ chunks: chunks({ rows: [{ id: 'a', media: '42', version: 1 }] }, never) })];
  const refreshing = pipeline.refresh({ scope: 'media=42', signal: controller.signal });
  const refused = expect(refreshing).rejects.toMatchObject(
    how === 'stop' ? { code: 'PIPELINE_ENDED' } : { name: 'AbortError' },
  );
  await entered.passed;
  if (how === 'signal') controller.abort();
  else await pipeline.stop();
  await refused;
  expect(a.asked[0]?.signal.aborted).toBe(true);
  expect(a.view.has('a')).toBe(true);
  await pipeline.stop();
  await expect(pipeline.refresh({ scope: 'media=42' })).rejects.toMatchObject({ code: 'PIPELINE_ENDED' });
});

it('is refused where nothing has versions, and A is not asked', async () => {
  const a = new Parts();
  const plain = liveView<Row>({ key: ({ id }) => id });
  const { pipeline } = await started(a, plain);
  await expect(pipeline.refresh({ scope: 'media=42' })).rejects.toMatchObject({ code: 'INVALID_CONFIGURATION' });
  const delivering = snapshotThenSubscribe({
    name: 'parts',
    snapshot: { open: () => Promise.reject(new Error('asked')) },
    transport: a.log.transport(),
    decode: { things: { row: Row, update: Row } },
    times,
  }).pipe(deliverTo(() => undefined, { positions: noPositions }));
  await expect(delivering.refresh({ scope: 'media=42' })).rejects.toMatchObject({ code: 'INVALID_CONFIGURATION' });
  expect(a.asked).toEqual([]);
  await pipeline.stop();
});

it('waits for no replica that nobody synchronises', async () => {
  const a = new Parts();
  await expect(a.pipeline(a.view, 2).refresh({ scope: 'media=42' })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  expect(a.asked).toEqual([]);
});

const noPositions = {
  load: async () => undefined,
  reset: async () => undefined,
  save: async () => undefined,
  letters: async () => [],
  forget: async () => false,
};
