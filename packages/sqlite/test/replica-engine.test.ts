import {
  beginning,
  type Bootstrap,
  type Change,
  closed,
  decimal,
  DecodeFailed,
  FencedOut,
  InvalidConfiguration,
  type Position,
  remove,
  type Replica,
  ReplicaBoundElsewhere,
  TakeLost,
  TransportFault,
  Unavailable,
  upsert,
} from '@tidemark/core';
import { type SqliteDatabase, sqliteTable } from '../src';
import { type TestDatabase, TestFile } from './database';
import { advance, partition, position, source } from './positions';

interface Work {
  readonly id: string;
  readonly percent: number;
}
const into = { pipeline: 'p', version: 'v1' };
const table = (db: SqliteDatabase, name = 'work'): Replica<Change<Work>> =>
  sqliteTable<Work>(db, { table: name, key: 'id', columns: { id: 'text', percent: 'integer' } });
const row = (id: string, percent = 0) => upsert({ id, percent });

let file: TestFile;
let db: TestDatabase;
let replica: Replica<Change<Work>>;
beforeEach(() => {
  file = new TestFile();
  db = file.connect();
  replica = table(db);
});
afterEach(() => {
  file.close();
});

const rows = (): unknown[] =>
  db
    .prepare('select id, percent from work order by id')
    .all()
    .map((r) => ({ ...(r as object) }));
const take = async (of = replica): Promise<Bootstrap<Change<Work>>> => of.take(await of.load(), into);
const ready = async (at: Position, ...changes: Change<Work>[]): Promise<number> => {
  const bootstrap = await take();
  await bootstrap.stage(changes);
  expect(await bootstrap.swap(at, [])).toBe('swapped');
  return bootstrap.term;
};
const batch = (step: ReturnType<typeof advance>, ...changes: Change<Work>[]) => ({ ...step, changes, rejected: [] });

describe('load', () => {
  it('answers empty, and leaves the file as it is', async () => {
    expect(await replica.load()).toEqual({ term: 0, state: 'empty' });
    expect(db.prepare('select count(*) as n from sqlite_master').get()).toMatchObject({ n: 0 });
  });

  it('tells rows that no pipeline has written, also after a bootstrap was given back', async () => {
    db.exec("create table work (id text primary key, percent integer); insert into work values ('a', 1)");
    expect(await replica.load()).toEqual({ term: 0, state: 'unknownPosition' });
    await (await take()).giveBack();
    expect(await replica.load()).toMatchObject({ term: 1, state: 'unknownPosition' });
  });

  it('returns source, epochs, offsets and witnesses exactly, from another connection too', async () => {
    const odd = JSON.parse(
      '{"kind":"test","order":"decimal","epochs":{"__proto__":"x","orders":"e1"}}',
    ) as typeof source;
    const big = { ...position(1, undefined), source: odd };
    const at = {
      ...big,
      offsets: big.offsets.with(partition('9007199254740993'), { through: decimal('9007199254740993') }),
    };
    await ready(at);
    const stored = await table(file.connect()).load();
    expect(stored).toMatchObject({ term: 1, state: 'ready', pipeline: 'p', version: 'v1' });
    if (stored.state !== 'ready') throw new Error('not ready');
    expect(Object.entries(stored.position.source.epochs)).toEqual(Object.entries(odd.epochs));
    expect([...stored.position.offsets].map((e) => [e.partition, e.through, e.witness])).toEqual([
      ['0', '1', 'w1'],
      ['1', beginning, undefined],
      ['9007199254740993', '9007199254740993', undefined],
    ]);
  });
});

describe('take', () => {
  it('raises the term and keeps the old position and rows in sight', async () => {
    await ready(position(5), row('a'));
    const bootstrap = await take();
    expect(bootstrap.term).toBe(2);
    expect(await replica.load()).toMatchObject({ term: 2, state: 'bootstrapping', position: position(5) });
    expect(rows()).toEqual([{ id: 'a', percent: 0 }]);
  });

  it('I11: of two that saw the same, one takes and the other is told', async () => {
    const other = table(file.connect());
    const seen = await other.load();
    await take();
    await expect(other.take(seen, into)).rejects.toBeInstanceOf(TakeLost);
  });

  it('I11: a heartbeat since then saves the bootstrapper', async () => {
    const bootstrap = await take();
    const seen = await replica.load();
    await bootstrap.beat();
    await expect(replica.take(seen, into)).rejects.toBeInstanceOf(TakeLost);
    expect((await take()).term).toBe(2);
    await expect(bootstrap.beat()).rejects.toBeInstanceOf(FencedOut);
  });

  it('succeeds although others have applied since', async () => {
    const term = await ready(position(5));
    const seen = await replica.load();
    await replica.apply(term, [batch(advance(0, 5, 6))]);
    expect((await replica.take(seen, into)).term).toBe(2);
  });

  it('refuses another pipeline', async () => {
    await ready(position());
    await expect(replica.take(await replica.load(), { pipeline: 'q' })).rejects.toBeInstanceOf(ReplicaBoundElsewhere);
  });

  it('resumes the staging of a dead bootstrapper, through its last token', async () => {
    const dead = await take();
    await dead.stage([row('a')], 'after-a');
    await dead.stage([row('b')]);
    const heir = await take();
    expect(heir.resume).toBe('after-a');
    await heir.stage([row('c')]);
    await heir.swap(position(1), []);
    expect(rows()).toEqual([row('a'), row('c')].map((change) => change.row));
  });

  it.each([
    ['another version', { pipeline: 'p', version: 'v2' }],
    ['another scope', { pipeline: 'p', version: 'v1', scope: 'media=1' }],
  ])('drops a staging of %s', async (_, binding) => {
    await (await take()).stage([row('a')], 'after-a');
    const heir = await replica.take(await replica.load(), binding);
    expect(heir.resume).toBeUndefined();
    await heir.swap(position(1), []);
    expect(rows()).toEqual([]);
  });
});

describe('swap', () => {
  it('I6: staged rows are invisible, then replace everything at once; vanished ones are deleted', async () => {
    await ready(position(1), row('a', 1), row('b', 1));
    const reader = file.connect();
    const bootstrap = await take();
    await bootstrap.stage([row('b', 2)]);
    await bootstrap.stage([row('c', 2)]);
    const seen = (): unknown[] => reader.prepare('select id, percent from work order by id').all();
    expect(seen()).toMatchObject([
      { id: 'a', percent: 1 },
      { id: 'b', percent: 1 },
    ]);
    expect(await bootstrap.swap(position(3), [])).toBe('swapped');
    expect(seen()).toMatchObject([
      { id: 'b', percent: 2 },
      { id: 'c', percent: 2 },
    ]);
    expect(await replica.load()).toMatchObject({ term: 2, state: 'ready', position: position(3) });
    expect(db.prepare('select count(*) as n from tidemark_staged').get()).toMatchObject({ n: 0 });
  });

  it('an empty snapshot empties the table', async () => {
    await ready(position(1), row('a'));
    await ready(position(1));
    expect(rows()).toEqual([]);
  });

  it('the last change of a key wins, a removal too', async () => {
    await ready(position(1), row('a', 1), row('b', 1), row('a', 2), remove('b'), row('c', 1), remove('c'), row('c', 3));
    expect(rows()).toEqual([
      { id: 'a', percent: 2 },
      { id: 'c', percent: 3 },
    ]);
  });

  it('takes over more rows than fit a chunk, and a discard forgets them', async () => {
    const many = Array.from({ length: 1_234 }, (_, i) => row(`k${String(i).padStart(5, '0')}`, i));
    const bootstrap = await take();
    await bootstrap.stage([row('old')], 'token');
    await bootstrap.discard();
    await bootstrap.stage(many);
    await bootstrap.swap(position(1), []);
    expect(rows()).toEqual(many.map((change) => change.row));
  });

  it('leaves indexes, triggers and unchanged rows alone', async () => {
    await ready(position(1), row('a', 1), row('b', 1), row('c', 1));
    db.exec(`create table touched (what text); create index by_percent on work (percent);
      create trigger ins after insert on work begin insert into touched values ('+' || new.id); end;
      create trigger upd after update on work begin insert into touched values ('=' || new.id); end;
      create trigger del after delete on work begin insert into touched values ('-' || old.id); end;`);
    await ready(position(1), row('a', 1), row('b', 2), row('d', 1));
    expect(db.prepare('select group_concat(what) as log from touched').get()).toMatchObject({ log: '-c,=b,+d' });
    expect(db.prepare("select count(*) as n from sqlite_master where name = 'by_percent'").get()).toMatchObject({
      n: 1,
    });
  });

  it('a value that was unique to a vanished row is free', async () => {
    db.exec('create table work (id text primary key, percent integer unique)');
    await ready(position(1), row('a', 1));
    await ready(position(1), row('b', 1));
    expect(rows()).toEqual([{ id: 'b', percent: 1 }]);
  });

  it('I6: rows and position are swapped in one transaction: where one can not be written, neither is', async () => {
    await ready(position(5), row('a', 1));
    const bootstrap = await take();
    await bootstrap.stage([row('b')]);
    const unstorable = position(9).offsets.with(partition('\0'), { through: decimal(1) });
    await expect(bootstrap.swap({ source, offsets: unstorable }, [])).rejects.toBeInstanceOf(InvalidConfiguration);
    expect(rows()).toEqual([{ id: 'a', percent: 1 }]);
    expect(await replica.load()).toMatchObject({ state: 'bootstrapping', position: position(5) });
    expect(await bootstrap.swap(position(9), [])).toBe('swapped');
    expect(rows()).toEqual([{ id: 'b', percent: 0 }]);
  });

  it('I8: below the floor nothing changes, the floor is told and the staging dropped', async () => {
    const term = await ready(position(5, 5), row('a', 1));
    await replica.apply(term, [batch(advance(1, 5, 9))]);
    const bootstrap = await take();
    await bootstrap.stage([row('b')], 'token');
    expect(await bootstrap.swap(position(7, 8), [])).toEqual({ belowFloor: position(5, 9) });
    expect(rows()).toEqual([{ id: 'a', percent: 1 }]);
    expect(await replica.load()).toMatchObject({ term: 2, state: 'bootstrapping', position: position(5, 9) });
    await bootstrap.stage([row('c')]);
    expect(await bootstrap.swap(position(7, 9), [])).toBe('swapped');
    expect(rows()).toEqual([{ id: 'c', percent: 0 }]);
  });

  it('I8: lost partitions are no part of the floor', async () => {
    await ready(position(5, 5));
    expect(await (await take()).swap(position(6, 2), [partition(1)])).toBe('swapped');
    expect(await replica.load()).toMatchObject({ state: 'ready', position: position(6, 2) });
  });

  it('I7: a mark of another epoch is not covered, whatever its offset; once lost, source and marks are replaced', async () => {
    await ready(position(5));
    const recreated = { ...position(9), source: { ...source, epochs: { orders: 'e2' } } };
    const bootstrap = await take();
    expect(await bootstrap.swap(recreated, [])).toEqual({ belowFloor: position(5) });
    expect(await bootstrap.swap(recreated, [partition(0)])).toBe('swapped');
    expect(await replica.load()).toMatchObject({ state: 'ready', position: recreated });
  });

  it('refuses when staged rows are missing or too many', async () => {
    const bootstrap = await take();
    await bootstrap.stage([row('a'), row('b')]);
    db.exec('delete from tidemark_staged');
    await expect(bootstrap.swap(position(1), [])).rejects.toBeInstanceOf(FencedOut);
    expect(rows()).toEqual([]);
  });

  it('I11: a zombie can neither stage, nor swap, nor discard, nor give back', async () => {
    const zombie = await take();
    await zombie.stage([row('zombie')]);
    const heir = await take();
    await heir.stage([row('a')]);
    await expect(zombie.stage([row('b')])).rejects.toBeInstanceOf(FencedOut);
    await expect(zombie.swap(position(9), [])).rejects.toBeInstanceOf(FencedOut);
    await expect(zombie.discard()).rejects.toBeInstanceOf(FencedOut);
    await expect(zombie.giveBack()).rejects.toBeInstanceOf(FencedOut);
    await heir.swap(position(1), []);
    expect(rows()).toEqual([{ id: 'a', percent: 0 }]);
    await expect(heir.swap(position(2), [])).rejects.toBeInstanceOf(FencedOut);
  });
});

describe('giveBack', () => {
  it('restores ready, with the version that wrote the rows', async () => {
    await ready(position(5), row('a'));
    const bootstrap = await replica.take(await replica.load(), { pipeline: 'p', version: 'v2' });
    expect(await replica.load()).toMatchObject({ version: 'v2' });
    await bootstrap.stage([row('b')]);
    await bootstrap.giveBack();
    expect(await replica.load()).toEqual({
      term: 2,
      state: 'ready',
      pipeline: 'p',
      version: 'v1',
      position: position(5),
    });
    expect(rows()).toEqual([{ id: 'a', percent: 0 }]);
    expect(await replica.apply(2, [batch(advance(0, 5, 6), row('c'))])).toEqual(['applied']);
  });

  it('restores empty', async () => {
    await (await take()).giveBack();
    expect(await replica.load()).toMatchObject({ term: 1, state: 'empty' });
  });
});

describe('apply', () => {
  it('I2: rows and marks move together; a batch that was applied already moves nothing', async () => {
    const term = await ready(position(5), row('a', 1));
    const step = batch(advance(0, 5, 7), row('a', 2), row('b', 2), remove('a'));
    expect(await replica.apply(term, [step])).toEqual(['applied']);
    expect(await replica.apply(term, [step])).toEqual([{ moved: { through: '7', witness: 'w7' } }]);
    expect(rows()).toEqual([{ id: 'b', percent: 2 }]);
    expect(await replica.load()).toMatchObject({ position: position(7) });
  });

  it('answers batch by batch: a moved one (a gap, too) never fails the others', async () => {
    const term = await ready(position(5, 5));
    const answers = await replica.apply(term, [
      batch(advance(0, 5, 6), row('a')),
      batch(advance(1, 6, 7), row('gap')),
      batch(advance(2, undefined, 0), row('new')),
      batch(advance(0, 6, 9), row('b')),
    ]);
    expect(answers).toEqual(['applied', { moved: { through: '5', witness: 'w5' } }, 'applied', 'applied']);
    expect(rows()).toMatchObject([{ id: 'a' }, { id: 'b' }, { id: 'new' }]);
  });

  it('empty batches just move the mark, on to closed, too', async () => {
    const term = await ready(position(5));
    const end = { partition: partition(0), after: decimal(6), through: { through: closed }, changes: [], rejected: [] };
    expect(await replica.apply(term, [batch(advance(0, 5, 6)), end])).toEqual(['applied', 'applied']);
    const again = { ...end, after: closed };
    expect(await replica.apply(term, [again])).toEqual(['applied']);
    expect(await replica.apply(term, [end])).toEqual([{ moved: { through: closed } }]);
  });

  it('I11: is fenced out before the first take, while bootstrapping, and under an older or a newer term', async () => {
    const step = () => [batch(advance(0, 5, 6), row('x'))];
    await expect(replica.apply(0, step())).rejects.toBeInstanceOf(FencedOut);
    const term = await ready(position(5));
    await expect(replica.apply(term + 1, step())).rejects.toBeInstanceOf(FencedOut);
    const bootstrap = await take();
    for (const old of [term, bootstrap.term])
      await expect(replica.apply(old, step())).rejects.toBeInstanceOf(FencedOut);
    await bootstrap.swap(position(5), []);
    await expect(replica.apply(term, step())).rejects.toBeInstanceOf(FencedOut);
    expect(rows()).toEqual([]);
  });

  it('I8: refuses a batch that goes back', async () => {
    const term = await ready(position(5));
    await expect(replica.apply(term, [batch(advance(0, 5, 4))])).rejects.toBeInstanceOf(TransportFault);
    expect(await replica.load()).toMatchObject({ position: position(5) });
  });

  it('I1: dead letters are stored whole, with the position', async () => {
    const term = await ready(position(5));
    const record = {
      key: new Uint8Array([1]),
      value: null,
      headers: new Map([['h', new Uint8Array([2, 3])]]),
      timestamp: 1.5,
      offset: decimal(6),
    };
    const error = new DecodeFailed('no such field');
    await replica.apply(term, [{ ...batch(advance(0, 5, 6)), rejected: [{ record, error }] }]);
    const letter: unknown = db.prepare('select *, cast(headers as text) as h from tidemark_dead_letter').get();
    expect(letter).toMatchObject({
      owner: 'table:work',
      pipeline: 'p',
      topic: 'orders',
      partition: '0',
      offset: '6',
      timestamp: 1,
      value: null,
      code: 'DECODE_FAILED',
      message: 'no such field',
      h: '[["h","AgM="]]',
    });
    expect([...(letter as { key: Uint8Array }).key]).toEqual([1]);
  });

  it('I5: one row that does not fit leaves rows, dead letters and position as they were', async () => {
    const term = await ready(position(5, 5), row('a', 1));
    const broken = { ...row('b'), row: { id: 'b', percent: 'much' as unknown as number } };
    const batches = [batch(advance(0, 5, 6), row('a', 2)), batch(advance(1, 5, 6), broken)];
    await expect(replica.apply(term, batches)).rejects.toBeInstanceOf(InvalidConfiguration);
    expect(rows()).toEqual([{ id: 'a', percent: 1 }]);
    expect(await replica.load()).toMatchObject({ position: position(5, 5) });
  });
});

describe('several replicas in one file', () => {
  it('know nothing of each other, and are found whatever the case of the name', async () => {
    const other = table(db, 'other');
    await ready(position(5), row('a'));
    const bootstrap = await other.take(await other.load(), { pipeline: 'q' });
    await bootstrap.stage([row('x')]);
    expect(await replica.load()).toMatchObject({ state: 'ready', pipeline: 'p' });
    await bootstrap.swap(position(1), []);
    expect(rows()).toEqual([{ id: 'a', percent: 0 }]);
    expect(await table(db, 'WORK').load()).toMatchObject({ state: 'ready', position: position(5) });
  });
});

describe('what SQLite refuses', () => {
  it('a locked database is retryable, and nothing has happened', async () => {
    const term = await ready(position(5));
    const impatient = table(file.connect({ timeout: 20 }));
    db.exec('begin immediate');
    const attempt = impatient.apply(term, [batch(advance(0, 5, 6), row('a'))]);
    await expect(attempt).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true });
    db.exec('rollback');
    expect(await impatient.apply(term, [batch(advance(0, 5, 6), row('a'))])).toEqual(['applied']);
  });

  it('a full disk is retryable; freed, the same call succeeds', async () => {
    const term = await ready(position(5));
    const pages = (db.prepare('pragma page_count').get() as { page_count: number }).page_count;
    db.exec(`pragma max_page_count = ${pages}`);
    const changes = Array.from({ length: 5_000 }, (_, i) => row(`k${i}`));
    const step = [batch(advance(0, 5, 6), ...changes)];
    await expect(replica.apply(term, step)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('full') as string,
    });
    expect(rows()).toEqual([]);
    expect(await replica.load()).toMatchObject({ position: position(5) });
    db.exec('pragma max_page_count = 100000');
    expect(await replica.apply(term, step)).toEqual(['applied']);
    expect(rows()).toHaveLength(5_000);
  });

  it("a transaction of the user's own is left alone", async () => {
    const term = await ready(position(5));
    db.exec('begin');
    await expect(replica.apply(term, [])).rejects.toBeInstanceOf(InvalidConfiguration);
    await expect(replica.load()).rejects.toBeInstanceOf(InvalidConfiguration);
    expect(db.isTransaction).toBe(true);
    db.exec('rollback');
    expect(await replica.apply(term, [])).toEqual([]);
  });

  it('a closed database is unavailable', async () => {
    db.close();
    await expect(replica.load()).rejects.toBeInstanceOf(Unavailable);
  });
});

describe('an unknown outcome of COMMIT', () => {
  /** Commits (or rolls back) and then throws, as a driver does that lost the answer. */
  const flaky = (outcome: 'commit' | 'rollback'): SqliteDatabase & { fail: boolean } => {
    const real = file.connect();
    return {
      fail: false,
      exec(sql) {
        real.exec(this.fail && sql === 'commit' ? outcome : sql);
        if (this.fail && sql === 'commit')
          throw Object.assign(new Error('disk I/O error'), { code: 'ERR_SQLITE_ERROR', errcode: 10 });
      },
      prepare: (sql) => real.prepare(sql),
      close: () => real.close(),
    };
  };

  it.each(['commit', 'rollback'] as const)('I2: after a hidden %s the position decides', async (outcome) => {
    const term = await ready(position(5), row('a', 1));
    const connection = flaky(outcome);
    const other = table(connection);
    connection.fail = true;
    const attempt = other.apply(term, [batch(advance(0, 5, 6), row('a', 2))]);
    if (outcome === 'commit') expect(await attempt).toEqual(['applied']);
    else await expect(attempt).rejects.toBeInstanceOf(Unavailable);
    expect(rows()).toEqual([{ id: 'a', percent: outcome === 'commit' ? 2 : 1 }]);
    expect(await replica.load()).toMatchObject({ position: position(outcome === 'commit' ? 6 : 5) });
  });

  it('stage and swap find out, take leaves it to the heartbeat', async () => {
    const connection = flaky('commit');
    const other = table(connection);
    const bootstrap = await take(other);
    connection.fail = true;
    await bootstrap.stage([row('a')]);
    expect(await bootstrap.swap(position(1), [])).toBe('swapped');
    expect(rows()).toEqual([{ id: 'a', percent: 0 }]);
    connection.fail = false;
    const seen = await other.load();
    connection.fail = true;
    await expect(other.take(seen, into)).rejects.toBeInstanceOf(Unavailable);
    expect(await replica.load()).toMatchObject({ state: 'bootstrapping', term: 2 });
  });
});
