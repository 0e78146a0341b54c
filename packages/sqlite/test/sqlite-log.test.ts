import {
  beginning,
  closed,
  decimal,
  InvalidConfiguration,
  type Offset,
  type Page,
  type Position,
  showPartition,
  SnapshotRejected,
  Unavailable,
  witnessOf,
} from '@tidemark/core';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type SqliteDatabase, type SqliteLog, sqliteLog, type SqliteLogOptions, type SqliteTopicOptions } from '../src';
import { type TestDatabase, TestFile } from './database';

let file: TestFile;
let db: TestDatabase;
beforeEach(() => {
  file = new TestFile();
  db = file.connect();
});
afterEach(() => {
  jest.restoreAllMocks();
  file.close();
});

const open = (
  topic: SqliteTopicOptions = { partitions: 1 },
  options: Partial<SqliteLogOptions<'orders'>> = {},
  writer: SqliteDatabase = db,
): SqliteLog<'orders'> => sqliteLog(writer, { reader: () => file.connect(), topics: { orders: topic }, ...options });
const records = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => ({ key: `k${from + i}`, value: `v${from + i}` }));
const one = { topic: 'orders', partition: '0' };
const signal = new AbortController().signal;
const offsets = (position: Position) =>
  Object.fromEntries([...position.offsets].map((entry) => [showPartition(entry), entry.through]));
const page = async (log: SqliteLog<'orders'>, after: Offset, partition = '0'): Promise<Page> => {
  const answer = await log.page({ topic: 'orders', partition }, after, { wait: false, signal });
  if ('lost' in answer) throw new Error(`lost: ${answer.lost}`);
  return answer;
};
const text = (bytes: Uint8Array | null) => bytes && Buffer.from(bytes).toString();

describe('append', () => {
  it("I5: joins the caller's transaction: rows and records commit together, or neither does", async () => {
    const log = open();
    db.exec('create table t (a); begin immediate; insert into t values (1)');
    log.append('orders', records(0, 1));
    expect((await page(log, beginning)).records).toEqual([]);
    db.exec('rollback');
    expect((await page(log, beginning)).records).toEqual([]);
    db.exec('begin immediate; insert into t values (2)');
    log.append('orders', records(0, 1));
    db.exec('commit');
    expect((await page(log, beginning)).records).toHaveLength(2);
    expect(db.prepare('select count(*) as n from t').get()).toMatchObject({ n: 1 });
  });

  it('has a transaction of its own otherwise, and answers with what includes the records', () => {
    const log = open();
    expect(offsets(log.append('orders', records(0, 2)))).toEqual({ 'orders/0': '2' });
    const position = log.append('orders', records(3, 3));
    expect(offsets(position)).toEqual({ 'orders/0': '3' });
    expect(position.source).toMatchObject({ kind: 'sqlite', order: 'decimal' });
    expect(offsets(log.append('orders', []))).toEqual({});
  });

  it('half of it failing, nothing of it stays in the transaction of the caller', async () => {
    const log = open();
    db.exec(
      "create trigger no before insert on tidemark_log_record when new.offset = 1 begin select raise(abort, 'no'); end",
    );
    db.exec('begin immediate');
    expect(() => log.append('orders', records(0, 2))).toThrow();
    db.exec('commit; drop trigger no');
    log.append('orders', records(7, 7));
    expect((await page(log, beginning)).records.map(({ offset, value }) => [offset, text(value)])).toEqual([
      ['0', 'v7'],
    ]);
  });

  it('works with a driver that cannot tell whether a transaction is open', async () => {
    const blind: SqliteDatabase = {
      exec: (sql) => db.exec(sql),
      prepare: (sql) => db.prepare(sql),
      close: () => db.close(),
    };
    const log = open(undefined, {}, blind);
    log.append('orders', records(0, 0));
    db.exec('begin immediate');
    log.append('orders', records(1, 1));
    db.exec('rollback');
    log.append('orders', records(2, 2));
    expect((await page(log, beginning)).records.map(({ value }) => text(value))).toEqual(['v0', 'v2']);
  });

  it('I3: keeps records of one key in one partition, by CRC-32', async () => {
    const log = open({ partitions: 3 });
    // crc32("a") = 3904355907 ≡ 0, crc32("b") = 1908338681 ≡ 2 modulo 3
    const put = (key: string) => offsets(log.append('orders', [{ key, value: null }]));
    expect([put('a'), put('b'), put('a')]).toEqual([{ 'orders/0': '0' }, { 'orders/2': '0' }, { 'orders/0': '1' }]);
    const [record] = (await page(log, beginning, '2')).records;
    expect(text(record!.key)).toBe('b');
  });

  it('keeps keys, values, tombstones, headers and time exactly', async () => {
    jest.spyOn(Date, 'now').mockReturnValue(1_700_000_000_123);
    const log = open();
    const headers = JSON.parse('{"__proto__":"p","x":"\\u0000é"}') as Record<string, string>;
    log.append('orders', [
      { key: 'a\0b', value: new Uint8Array([0, 255]), headers },
      { key: '', value: '' },
      { key: 'é', value: null },
    ]);
    const got = (await page(log, beginning)).records;
    expect(got.map(({ key, value, timestamp }) => [text(key), value && [...value], timestamp])).toEqual([
      ['a\0b', [0, 255], 1_700_000_000_123],
      ['', [], 1_700_000_000_123],
      ['é', null, 1_700_000_000_123],
    ]);
    expect([...got[0]!.headers].map(([name, value]) => [name, text(value)])).toEqual([
      ['__proto__', 'p'],
      ['x', '\0é'],
    ]);
    expect(got[1]!.headers.size).toBe(0);
  });

  it('publish refuses to be part of a transaction that may still be rolled back', async () => {
    const log = open();
    expect(offsets(await log.publish('orders', records(0, 0)))).toEqual({ 'orders/0': '0' });
    db.exec('begin');
    await expect(log.publish('orders', records(1, 1))).rejects.toBeInstanceOf(InvalidConfiguration);
    db.exec('rollback');
  });

  it('an unknown topic and a locked file are typed errors', () => {
    const log = open();
    expect(() => log.append('nope' as 'orders', records(0, 0))).toThrow(InvalidConfiguration);
    const impatient = open(undefined, {}, file.connect({ timeout: 10 }));
    db.exec('begin immediate');
    expect(() => impatient.append('orders', records(0, 0))).toThrow(Unavailable);
    db.exec('rollback');
  });
});

describe('retention', () => {
  it('keeps so many records, and the end does not depend on what is left', async () => {
    const log = open({ partitions: 1, retain: { records: 3 } });
    log.append('orders', records(0, 9));
    expect((await log.describe(signal)).partitions).toEqual([{ ...one, trimmed: '6', head: '9' }]);
    log.trim('orders', { keep: 0 });
    expect((await log.describe(signal)).partitions).toEqual([{ ...one, trimmed: '9', head: '9' }]);
    expect(offsets(log.append('orders', records(10, 10)))).toEqual({ 'orders/0': '10' });
    expect(db.prepare('select count(*) as n from tidemark_log_record').get()).toMatchObject({ n: 1 });
  });

  it('keeps records up to an age', async () => {
    const log = open({ partitions: 1, retain: { ageMs: 1_000 } });
    const at = jest.spyOn(Date, 'now').mockReturnValue(10_000);
    log.append('orders', records(0, 3));
    at.mockReturnValue(10_900);
    log.append('orders', records(4, 5));
    expect((await log.describe(signal)).partitions).toMatchObject([{ trimmed: beginning }]);
    at.mockReturnValue(11_001);
    log.append('orders', records(6, 6));
    expect((await log.describe(signal)).partitions).toMatchObject([{ trimmed: '3', head: '6', retentionMs: 1_000 }]);
  });

  it('I9: one append never pays for all of the past', () => {
    open().append('orders', records(0, 4_999));
    const log = open({ partitions: 1, retain: { records: 10 } });
    const left = () => (db.prepare('select count(*) as n from tidemark_log_record').get() as { n: number }).n;
    log.append('orders', records(0, 0));
    expect(left()).toBe(4_000);
    for (let i = 0; i < 4; i++) log.append('orders', records(0, 0));
    expect(left()).toBe(10);
  });

  it('trims before an offset, one partition or all', async () => {
    const log = open({ partitions: 2 });
    log.append('orders', records(0, 19));
    log.trim('orders', { before: decimal(2), partition: '1' });
    expect((await log.describe(signal)).partitions.map((p) => p.trimmed)).toEqual([beginning, '1']);
    log.trim('orders', { before: decimal(1_000) });
    for (const { trimmed, head } of (await log.describe(signal)).partitions) expect(trimmed).toBe(head);
    expect(() => log.trim('orders', { keep: 1, partition: '9' })).toThrow(InvalidConfiguration);
    expect(() => log.trim('orders', { keep: -1 })).toThrow(InvalidConfiguration);
  });
});

describe('page', () => {
  it('goes on after an offset, to the head, with lag, epoch and witness', async () => {
    const log = open();
    log.append('orders', records(0, 2));
    const first = await page(log, beginning);
    expect(first.records.map(({ offset }) => offset)).toEqual(['0', '1', '2']);
    expect(first).toMatchObject({ through: '2', atHead: true, lag: 0n });
    expect(first.witness).toBeUndefined();
    const next = await page(log, decimal(1));
    expect(next).toMatchObject({ through: '2', witness: witnessOf(first.records[1]!), epoch: first.epoch });
    expect(await page(log, decimal(2))).toMatchObject({ records: [], through: '2', atHead: true, lag: 0n });
  });

  it('I9: is bounded in records and in bytes, and a huge record still gets through', async () => {
    const log = open();
    log.append('orders', records(0, 2_499));
    expect(await page(log, beginning)).toMatchObject({ through: '999', atHead: false, lag: 1_500n });
    const big = 'x'.repeat(600_000);
    log.append('orders', [
      { key: 'a', value: big },
      { key: 'b', value: big },
      { key: 'c', value: big.repeat(4) },
    ]);
    for (const offset of [2_499, 2_500, 2_501])
      expect((await page(log, decimal(offset))).records.map((record) => record.offset)).toEqual([String(offset + 1)]);
  });

  it('I1: never skips: expired, ahead and unknown partitions are lost', async () => {
    const log = open();
    log.append('orders', records(0, 4));
    log.trim('orders', { before: decimal(3) });
    const lost = (after: Offset, partition = one) => log.page(partition, after, { wait: false, signal });
    expect(await lost(beginning)).toEqual({ lost: 'expired' });
    expect(await lost(decimal(1))).toEqual({ lost: 'expired' });
    expect((await page(log, decimal(2))).records).toHaveLength(2);
    expect(await lost(decimal(5))).toEqual({ lost: 'ahead' });
    expect(await lost(decimal('99999999999999999999'))).toEqual({ lost: 'ahead' });
    expect(await lost(closed)).toEqual({ lost: 'ahead' });
    expect(await lost(beginning, { topic: 'orders', partition: '00' })).toEqual({ lost: 'unknown' });
    expect(await lost(beginning, { topic: 'other', partition: '0' })).toEqual({ lost: 'unknown' });
  });

  it('I7: a recreated topic has another epoch, and its offsets begin anew', async () => {
    const log = open();
    log.append('orders', records(0, 4));
    const before = await page(log, beginning);
    log.recreate('orders');
    log.append('orders', records(7, 7));
    const after = await page(log, beginning);
    expect(after.records.map(({ offset, value }) => [offset, text(value)])).toEqual([['0', 'v7']]);
    expect(after.epoch).not.toBe(before.epoch);
    const position = {
      source: { ...(await log.identify(signal)), epochs: { orders: before.epoch! } },
      offsets: (await log.locate('head', signal)).offsets,
    };
    expect((await log.verify(position, signal)).partitions).toMatchObject([{ verdict: 'changed' }]);
  });
});

describe('locate', () => {
  it('finds the ends, a time and so many records before the head, with witnesses where the record is', async () => {
    const log = open();
    const at = jest.spyOn(Date, 'now');
    for (let i = 0; i < 5; i++) {
      at.mockReturnValue(1_000 * i);
      log.append('orders', records(i, i));
    }
    log.trim('orders', { before: decimal(1) });
    const found = async (point: Parameters<typeof log.locate>[0]) => (await log.locate(point, signal)).offsets.get(one);
    const witness = async (offset: number) => (await page(log, decimal(offset))).witness;
    expect(await found('beginning')).toMatchObject({ through: '0' });
    expect(await found('head')).toMatchObject({ through: '4', witness: await witness(4) });
    expect(await found({ headLess: 2 })).toMatchObject({ through: '2', witness: await witness(2) });
    expect(await found({ headLess: 99 })).toMatchObject({ through: '0' });
    expect(await found({ time: new Date(2_500) })).toMatchObject({ through: '2', witness: await witness(2) });
    expect(await found({ time: new Date(3_000) })).toMatchObject({ through: '2', witness: await witness(2) });
    expect(await found({ time: new Date(9_000) })).toMatchObject({ through: '4', witness: await witness(4) });
  });

  it('I4: an empty partition is at its beginning, and named', async () => {
    expect(offsets(await open({ partitions: 2 }).locate('head', signal))).toEqual({
      'orders/0': beginning,
      'orders/1': beginning,
    });
  });
});

describe('snapshot', () => {
  const rowsOf = (reader: SqliteDatabase) => reader.prepare('select a from t order by a').iterate();
  const request = { signal };
  const seen = async (chunks: AsyncIterable<{ rows: readonly unknown[] }>): Promise<unknown[]> => {
    const all: unknown[] = [];
    for await (const { rows } of chunks) all.push(...rows);
    return all;
  };
  const change = (log: SqliteLog<'orders'>, i: number): void => {
    db.exec(`begin immediate; insert into t values (${i})`);
    log.append('orders', records(i, i));
    db.exec('commit');
  };
  beforeEach(() => db.exec('create table t (a integer primary key)'));

  it('I1: rows and position are of one moment, whatever is committed meanwhile', async () => {
    const log = open();
    for (let i = 0; i < 3; i++) change(log, i);
    const snapshot = await log.snapshot({ orders: (_, reader) => rowsOf(reader) }).open(request);
    for (let i = 3; i < 6; i++) change(log, i);
    expect(snapshot.position).toEqual({
      source: await log.identify(signal),
      offsets: (await log.locate({ headLess: 3 }, signal)).offsets,
    });
    expect(await seen(snapshot.chunks)).toMatchObject([{ a: 0 }, { a: 1 }, { a: 2 }]);
  });

  it('hands on the scope, and a reader that can not write', async () => {
    const log = open();
    change(log, 7);
    const source = log.snapshot({
      orders: (query, reader) => {
        expect(() => reader.exec('delete from t')).toThrow();
        return reader.prepare('select a from t where a = ?').all(Number(query.get('a')));
      },
    });
    const snapshot = await source.open({ scope: 'a=7', signal });
    expect(snapshot.scope).toBe('a=7');
    expect(await seen(snapshot.chunks)).toMatchObject([{ a: 7 }]);
  });

  it('keeps the statement that its rows come from, whatever the garbage collector does', async () => {
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc') as () => void;
    const log = open();
    for (let i = 0; i < 1_200; i++) change(log, i);
    const snapshot = await log.snapshot({ orders: (_, reader) => rowsOf(reader) }).open(request);
    let rows = 0;
    for await (const chunk of snapshot.chunks) {
      rows += chunk.rows.length;
      for (let turn = 0; turn < 3; turn++) {
        gc();
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    expect(rows).toBe(1_200);
  });

  const connectionsAfter = async (use: (chunks: AsyncIterable<{ rows: readonly unknown[] }>) => Promise<unknown>) => {
    const log = open();
    for (let i = 0; i < 1_200; i++) change(log, i);
    const before = file.connections;
    const snapshot = await log.snapshot({ orders: (_, reader) => rowsOf(reader) }).open(request);
    expect(file.connections).toBe(before + 1);
    await use(snapshot.chunks);
    return file.connections - before;
  };

  it('closes its connection when it was read to the end', async () => {
    expect(await connectionsAfter(seen)).toBe(0);
  });

  it('closes its connection when the consumer stops early', async () => {
    expect(
      await connectionsAfter(async (chunks) => {
        for await (const { rows } of chunks) if (rows.length > 0) break;
      }),
    ).toBe(0);
  });

  it('closes its connection when the consumer never began', async () => {
    expect(await connectionsAfter(async (chunks) => chunks[Symbol.asyncIterator]().return?.())).toBe(0);
  });

  it('closes its connection when the rows throw', async () => {
    const log = open();
    const before = file.connections;
    const broken = log.snapshot({ orders: (_, reader) => reader.prepare('select a from nowhere').all() });
    const snapshot = await broken.open(request);
    await expect(seen(snapshot.chunks)).rejects.toBeInstanceOf(Unavailable);
    await expect(seen(snapshot.chunks)).rejects.toBeInstanceOf(Unavailable);
    expect(file.connections).toBe(before);
  });

  it('ends at its deadline, even if nobody reads or the rows hang, so that the WAL is not pinned', async () => {
    const log = open(undefined, { snapshotDeadlineMs: 30 });
    const before = file.connections;
    const hanging = log.snapshot({
      orders: () => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => undefined) }) }),
    });
    const snapshot = await hanging.open(request);
    await expect(seen(snapshot.chunks)).rejects.toMatchObject({ code: 'SNAPSHOT_REJECTED', retryable: true });
    expect(file.connections).toBe(before);
    await expect(seen(snapshot.chunks)).rejects.toBeInstanceOf(SnapshotRejected);
  });

  it('ends when its request is aborted', async () => {
    const log = open();
    for (let i = 0; i < 1_200; i++) change(log, i);
    const before = file.connections;
    const abort = new AbortController();
    const snapshot = await log.snapshot({ orders: (_, reader) => rowsOf(reader) }).open({ signal: abort.signal });
    const chunks = snapshot.chunks[Symbol.asyncIterator]();
    await chunks.next();
    abort.abort(new Error('enough'));
    expect(file.connections).toBe(before);
    await expect(chunks.next()).rejects.toThrow('enough');
    await expect(log.snapshot({}).open({ signal: abort.signal })).rejects.toThrow('enough');
    expect(file.connections).toBe(before);
  });
});

describe('opening', () => {
  it('keeps identity, epochs and offsets, and grows topics', async () => {
    const log = open();
    log.append('orders', records(0, 2));
    const source = await log.identify(signal);
    const grown = open({ partitions: 3 }, {}, file.connect());
    expect(await grown.identify(signal)).toEqual(source);
    expect((await grown.describe(signal)).partitions.map((p) => p.head)).toEqual(['2', beginning, beginning]);
    expect(Object.keys(offsets(log.append('orders', records(0, 20)))).sort()).toEqual([
      'orders/0',
      'orders/1',
      'orders/2',
    ]);
    expect(() => open({ partitions: 2 })).toThrow(InvalidConfiguration);
  });

  it.each<[string, SqliteTopicOptions]>([
    ['no partitions', { partitions: 0 }],
    ['half a partition', { partitions: 1.5 }],
    ['negative retention', { partitions: 1, retain: { records: -1 } }],
    ['an age that is no number', { partitions: 1, retain: { ageMs: NaN } }],
  ])('refuses %s', (_, topic) => {
    expect(() => open(topic)).toThrow(InvalidConfiguration);
  });

  it('refuses a file that is not in WAL mode, and a transaction that is open', () => {
    db.exec('begin');
    expect(() => open()).toThrow(InvalidConfiguration);
    db.exec('rollback; pragma journal_mode = delete');
    expect(() => open()).toThrow(/WAL/);
  });

  it('refuses a reader that is the writer, or of another file, and closes that one', async () => {
    await expect(open(undefined, { reader: () => db }).describe(signal)).rejects.toBeInstanceOf(InvalidConfiguration);
    const other = new TestFile();
    try {
      const elsewhere = open(undefined, { reader: () => other.connect() });
      await expect(elsewhere.describe(signal)).rejects.toBeInstanceOf(InvalidConfiguration);
      expect(other.connections).toBe(0);
    } finally {
      other.close();
    }
  });

  it("I10: disposed, it has closed the readers that it opened, and nobody else's connection", async () => {
    const log = open();
    await log.describe(signal);
    expect(file.connections).toBe(2);
    await log[Symbol.asyncDispose]();
    expect(file.connections).toBe(1);
    expect(db.isOpen).toBe(true);
    await expect(log.describe(signal)).rejects.toBeInstanceOf(InvalidConfiguration);
    await log[Symbol.asyncDispose]();
  });
});
