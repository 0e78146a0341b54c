import {
  applyTo,
  type Pipeline,
  remove,
  type Replica,
  snapshotThenSubscribe,
  type SyncEvent,
  translate,
  upsert,
  type VersionedChange,
} from '@tidemark/core';
import * as t from 'io-ts';
import { sqliteDeadLetters, sqliteLog, sqliteTable } from '../src';
import { type TestDatabase, TestFile } from './database';

/* What a pipeline does to its replica beside the stream, with everything real: a log, a replica, several connections. */

const Row = t.type({ id: t.string, media: t.string, version: t.number });
type Row = t.TypeOf<typeof Row>;
type Changes = VersionedChange<Row>;
const Gone = t.type({ gone: t.string, version: t.number });

let [a, b]: [TestFile, TestFile] = [new TestFile(), new TestFile()];
let running: Pipeline<Changes>[] = [];
beforeEach(() => {
  [a, b] = [new TestFile(), new TestFile()];
  running = [];
});
afterEach(async () => {
  await Promise.all(running.map((pipeline) => pipeline.stop()));
  a.close();
  b.close();
});

/** A: a table, and a log of its changes; `append` writes to the log alone. */
function serviceA() {
  const db = a.connect();
  db.exec('create table row (id text primary key, media text, version integer)');
  const log = sqliteLog(db, { reader: () => a.connect({ readOnly: true }), topics: { rows: { partitions: 1 } } });
  const select = 'select id, media, version from row where ? is null or media = ?';
  const snapshot = log.snapshot({
    rows: (query, reader) => reader.prepare(select).iterate(query.get('media'), query.get('media')) as Iterable<object>,
  });
  const append = (value: unknown) => {
    log.append('rows', [{ key: 'k', value: typeof value === 'string' ? value : JSON.stringify(value) }]);
  };
  const set = (id: string, version: number, media = '42') => {
    db.prepare('insert or replace into row values (?, ?, ?)').run(id, media, version);
    append({ id, media, version });
  };
  return { log, snapshot, append, set };
}

const table = (db: TestDatabase, version = true): Replica<Changes> => {
  const columns = { id: 'text', media: 'text', version: 'integer' } as const;
  return version
    ? sqliteTable<Row>(db, { table: 'row', key: 'id', version: 'version', columns })
    : sqliteTable<Row>(db, { table: 'row', key: 'id', columns });
};

/** An instance of B, on a connection of its own. `lenient`: it understands what the others call poison. */
function instance(
  { log, snapshot }: ReturnType<typeof serviceA>,
  { lenient = false, version = true }: { readonly lenient?: boolean; readonly version?: boolean } = {},
) {
  const Old = t.type({ old: Row });
  const source = snapshotThenSubscribe({
    name: 'rows',
    snapshot,
    transport: log,
    decode: { rows: { row: Row, update: lenient ? t.union([Row, Gone, Old]) : t.union([Row, Gone]) } },
    times: { watchMs: 20, retryMs: 50 },
  });
  const pipeline = source.pipe(
    translate((m): Changes => {
      if ('gone' in m.value) return remove(m.value.gone, m.value.version);
      return upsert('old' in m.value ? m.value.old : m.value);
    }),
    applyTo(table(b.connect(), version), { onPoison: 'deadLetter' }),
  );
  const events: SyncEvent<Changes>[] = [];
  pipeline.subscribe({ next: (event) => events.push(event), error: () => undefined });
  running.push(pipeline);
  return { pipeline, events };
}

const rows = () => {
  const db = b.connect({ readOnly: true });
  const all = db.prepare('select id, media, version from row order by id').all() as Row[];
  db.close();
  return all.map(({ id, version }) => `${id}@${version}`);
};

async function eventually(condition: () => boolean, deadlineMs = 5_000): Promise<void> {
  const end = Date.now() + deadlineMs;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`not within ${deadlineMs} ms: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const through = async (pipeline: Pipeline<Changes>) => [...(await pipeline.position())!.offsets][0]!.through;

describe('replay', () => {
  it('I2, I5: takes a letter through what has been mended; rows and letter change in one transaction', async () => {
    const service = serviceA();
    const before = instance(service);
    await before.pipeline.caughtUp({ timeoutMs: 5_000 });
    service.append({ old: { id: 'a', media: '42', version: 1 } });
    service.set('b', 2);
    await eventually(() => rows().length === 1);
    const [letter] = await before.pipeline.deadLetters();
    expect(letter).toMatchObject({ code: 'DECODE_FAILED', record: { offset: '0' } });
    expect(Buffer.from(letter!.record.value!).toString()).toContain('old');
    await expect(before.pipeline.replay(letter!.id)).rejects.toMatchObject({ code: 'DECODE_FAILED' });
    expect(await before.pipeline.deadLetters()).toHaveLength(1);
    await before.pipeline.stop();

    const [one, other] = [instance(service, { lenient: true }), instance(service, { lenient: true })];
    await Promise.all([one, other].map(({ pipeline }) => pipeline.caughtUp({ timeoutMs: 5_000 })));
    const position = await through(one.pipeline);
    const both = await Promise.allSettled([one, other].map(({ pipeline }) => pipeline.replay(letter!.id)));
    expect(both.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(both.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'DEAD_LETTER_GONE' } });
    expect(rows()).toEqual(['a@1', 'b@2']);
    expect(await one.pipeline.deadLetters()).toEqual([]);
    expect(sqliteDeadLetters(b.connect()).list()).toEqual([]);
    expect(await through(one.pipeline)).toBe(position);
    const told = [...one.events, ...other.events].filter(({ type }) => type === 'amended');
    expect(told).toMatchObject([{ by: 'replay', messages: [upsert({ id: 'a', media: '42', version: 1 })] }]);
  });

  it('I3: with versions, what was applied since stays', async () => {
    const service = serviceA();
    const first = instance(service);
    await first.pipeline.caughtUp({ timeoutMs: 5_000 });
    service.append({ old: { id: 'a', media: '42', version: 1 } });
    service.append({ old: { id: 'gone', media: '42', version: 1 } });
    service.set('a', 2);
    service.append({ gone: 'gone', version: 2 });
    service.set('last', 1);
    await eventually(() => rows().includes('last@1'));
    await first.pipeline.stop();
    const { pipeline } = instance(service, { lenient: true });
    for (const { id } of await pipeline.deadLetters()) expect(await pipeline.replay(id)).toBe(true);
    expect(rows()).toEqual(['a@2', 'last@1']);
    expect(await pipeline.deadLetters()).toEqual([]);
  });

  it('without versions somebody decides, and sees what would be written', async () => {
    const service = serviceA();
    const first = instance(service, { version: false });
    await first.pipeline.caughtUp({ timeoutMs: 5_000 });
    service.append({ old: { id: 'a', media: '42', version: 1 } });
    service.set('a', 2);
    await eventually(() => rows().includes('a@2'));
    await first.pipeline.stop();
    const { pipeline } = instance(service, { lenient: true, version: false });
    const [letter] = await pipeline.deadLetters();
    await expect(pipeline.replay(letter!.id)).rejects.toMatchObject({ code: 'INVALID_CONFIGURATION' });
    const newer = (messages: readonly Changes[]) =>
      messages.every((m) => m.op === 'upsert' && !rows().some((row) => row > `${m.row.id}@${m.row.version}`));
    expect(await pipeline.replay(letter!.id, { decide: newer })).toBe(false);
    expect([rows(), await pipeline.deadLetters()]).toMatchObject([['a@2'], [{ id: letter!.id }]]);
    expect(await pipeline.replay(letter!.id, { decide: () => true })).toBe(true);
    expect(rows()).toEqual(['a@1']);
  });

  it('is refused while the replica is bootstrapped, and the letter stays', async () => {
    const service = serviceA();
    const { pipeline } = instance(service);
    await pipeline.caughtUp({ timeoutMs: 5_000 });
    service.append('not json');
    await eventually(() => sqliteDeadLetters(b.connect()).list().length === 1);
    await pipeline.stop();
    const replica = table(b.connect());
    const bootstrap = await replica.take(await replica.load(), { pipeline: 'rows' });
    const again = instance(service).pipeline;
    const [letter] = await again.deadLetters();
    for (const attempt of [again.replay(letter!.id), again.discard(letter!.id)])
      await expect(attempt).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true });
    await bootstrap.giveBack();
    await again.caughtUp({ timeoutMs: 5_000 });
    await again.discard(letter!.id);
    expect(await again.deadLetters()).toEqual([]);
  });
});

describe('refresh', () => {
  it('I8: merges what A serves of a part, in whatever instance, and leaves the rest and the position', async () => {
    const service = serviceA();
    const { pipeline, events } = instance(service);
    await pipeline.caughtUp({ timeoutMs: 5_000 });
    for (const [id, media] of [
      ['a', '42'],
      ['b', '42'],
      ['c', '7'],
    ] as const)
      service.set(id, 1, media);
    await eventually(() => rows().length === 3);
    // what a defect of B's has made of them
    b.connect().exec("update row set media = 'wrong'; delete from row where id = 'b'");
    const position = await through(pipeline);
    expect(await pipeline.refresh({ scope: 'media=42' })).toMatchObject({ rows: 2 });
    const mended = b.connect().prepare('select media from row order by id').all() as { media: string }[];
    expect(mended.map(({ media }) => media)).toEqual(['42', '42', 'wrong']);
    expect(await through(pipeline)).toBe(position);
    expect(events.filter((e) => e.type === 'amended').flatMap((e) => e.messages)).toHaveLength(2);
    service.set('d', 1);
    await eventually(() => rows().length === 4);
  });

  it('goes on under a stream that never rests', async () => {
    const service = serviceA();
    for (let i = 0; i < 2_000; i++) service.set(`row-${i}`, 1);
    const { pipeline, events } = instance(service);
    await pipeline.caughtUp({ timeoutMs: 10_000 });
    let version = 1;
    const writing = setInterval(() => service.set(`row-${++version % 10}`, version), 1);
    try {
      expect(await pipeline.refresh({ scope: 'media=42' })).toMatchObject({ rows: 2_000 });
    } finally {
      clearInterval(writing);
    }
    expect(events.filter(({ type }) => type === 'trouble')).toEqual([]);
    await pipeline.caughtUp({ timeoutMs: 5_000 });
    const newest = `row-${version % 10}@${version}`;
    await eventually(() => rows().includes(newest));
    expect(rows()).toHaveLength(2_000);
  });
});

describe('a pause that is stored', () => {
  it('holds other instances and processes that start later, until it is taken back', async () => {
    const service = serviceA();
    const [one, other] = [instance(service), instance(service)];
    await Promise.all([one, other].map(({ pipeline }) => pipeline.caughtUp({ timeoutMs: 5_000 })));
    await one.pipeline.pause({ persist: true });
    await eventually(() => other.pipeline.explain().includes('paused'));
    service.set('a', 1);
    await Promise.all([one, other].map(({ pipeline }) => pipeline.stop()));
    const third = instance(service).pipeline;
    await eventually(() => third.explain().includes('paused'));
    const { term } = await table(b.connect()).load();
    await third.refresh({ scope: 'media=42' }); // what is asked for by name is done
    expect(rows()).toEqual(['a@1']);
    service.set('b', 1);
    expect(rows()).toEqual(['a@1']);
    await third.resume({ persist: true });
    await eventually(() => rows().length === 2);
    expect((await table(b.connect()).load()).term).toBe(term);
  });
});
