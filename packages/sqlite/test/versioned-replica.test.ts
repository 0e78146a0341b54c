import { decimal, OffsetMap, type Replica } from '@tidemark/core';
import fc from 'fast-check';
import { sqliteReplica } from '../src';
import { type TestDatabase, TestFile } from './database';

interface Note {
  /** `undefined`: of no key. */
  readonly key?: string | number | bigint | undefined;
  readonly v: number | bigint;
  readonly gone?: boolean | undefined;
}

const partition = { topic: 't', partition: '0' };
let file: TestFile;
let db: TestDatabase;
let applied: string[];
beforeEach(() => {
  file = new TestFile();
  db = file.connect();
  db.exec('create table note (key text primary key, v integer)');
  applied = [];
});
afterEach(() => {
  file.close();
});

const replicaOf = (name = 'notes'): Replica<Note> =>
  sqliteReplica<Note>(db, {
    name,
    clear: (tx) => tx.exec('delete from note'),
    apply: (tx, { key = 'none', v, gone }) => {
      applied.push(`${key}@${v}${gone === true ? '!' : ''}`);
      if (gone === true) tx.prepare('delete from note where key = ?').run(String(key));
      else tx.prepare('insert or replace into note values (?, ?)').run(String(key), v);
    },
    version: ({ key, v, gone }) => (key === undefined ? undefined : { key, version: v, removed: gone }),
  });

async function swapped(replica: Replica<Note>, through: number, notes: readonly Note[], scope?: string): Promise<void> {
  const bootstrap = await replica.take(await replica.load(), { pipeline: 'p', scope });
  await bootstrap.stage(notes);
  const source = { kind: 'k', order: 'decimal', epochs: {} } as const;
  const offsets = OffsetMap.from('decimal', [{ ...partition, through: decimal(through) }]);
  expect(await bootstrap.swap({ source, offsets }, [])).toBe('swapped');
}

async function apply(replica: Replica<Note>, ...changes: Note[]): Promise<void> {
  const stored = await replica.load();
  if (stored.state !== 'ready') throw new Error(stored.state);
  const after = stored.position.offsets.through(partition);
  const through = { through: decimal(Number(after) + 1) };
  expect(await replica.apply(stored.term, [{ partition, after, through, changes, rejected: [] }])).toEqual(['applied']);
}

const shown = () =>
  (db.prepare('select key, v from note order by key').all() as { key: string; v: number }[]).map(
    ({ key, v }) => `${key}@${v}`,
  );

it('I3: any history in any order leaves what the newest states say', async () => {
  const note = fc.record({ key: fc.constantFrom('a', 'b', 'c'), gone: fc.boolean() });
  const history = fc
    .array(note, { minLength: 1, maxLength: 10 })
    .chain((all) =>
      fc.tuple(fc.constant(all), fc.shuffledSubarray([...all.keys()], { minLength: all.length }), fc.nat(all.length)),
    );
  let n = 0;
  await fc.assert(
    fc.asyncProperty(history, async ([all, order, staged]) => {
      db.exec('delete from note');
      const replica = replicaOf(`notes-${n++}`);
      const notes = order.map((v): Note => ({ ...all[v], v }));
      await swapped(replica, 0, notes.slice(0, staged));
      for (const one of notes.slice(staged)) await apply(replica, one);
      const expected = new Map<string, string>();
      for (const [v, { key, gone }] of all.entries())
        if (gone) expected.delete(key);
        else expected.set(key, `${key}@${v}`);
      expect(shown()).toEqual([...expected.values()].sort());
    }),
    { numRuns: 50 },
  );
});

it('I3: what is older than what is known never reaches the handler; what belongs to no key always does', async () => {
  const replica = replicaOf();
  await swapped(replica, 0, [{ key: 'a', v: 5 }]);
  applied = [];
  await apply(replica, { key: 'a', v: 4 }, { key: 'a', v: 5 }, { key: 'a', v: 4, gone: true }, { v: 1 }, { v: 0 });
  await apply(replica, { key: 'b', v: 3, gone: true }, { key: 'b', v: 3 }, { key: 'b', v: 2, gone: true });
  expect(applied).toEqual(['a@5', 'none@1', 'none@0', 'b@3!']);
  expect(shown()).toEqual(['a@5', 'none@0']);
});

it('several messages of one state are all applied', async () => {
  const replica = replicaOf();
  await swapped(replica, 0, []);
  await apply(
    replica,
    { key: 'a', v: 1 },
    { key: 'a', v: 1 },
    { key: 'a', v: 2, gone: true },
    { key: 'a', v: 2, gone: true },
  );
  expect(applied).toEqual(['a@1', 'a@1', 'a@2!', 'a@2!']);
});

it('a key is one key as number, bigint and text', async () => {
  const replica = replicaOf();
  await swapped(replica, 0, [{ key: 7, v: 3 }]);
  await apply(replica, { key: 7n, v: 2 }, { key: '7', v: 1, gone: true });
  expect(shown()).toEqual(['7@3']);
});

it('I3: what a whole snapshot has no more is remembered as deleted, and forgotten with another scope', async () => {
  const replica = replicaOf();
  await swapped(replica, 0, [
    { key: 'vanishing', v: 4 },
    { key: 'stays', v: 9 },
  ]);
  await swapped(replica, 1, [{ key: 'stays', v: 8 }]);
  expect(shown()).toEqual(['stays@8']);
  await apply(replica, { key: 'vanishing', v: 4 });
  expect(shown()).toEqual(['stays@8']);
  await swapped(replica, 9, [{ key: 'vanishing', v: 1 }], 'media=42');
  expect(shown()).toEqual(['vanishing@1']);
  const counted = db.prepare(
    'select (select count(*) from tidemark_newest) n, (select count(*) from tidemark_tombstone) t',
  );
  expect(counted.get()).toMatchObject({ n: 1, t: 0 });
});

it('replicas in one file have versions of their own', async () => {
  const [one, other] = [replicaOf('one'), replicaOf('other')];
  await swapped(one, 0, [{ key: 'a', v: 9 }]);
  await swapped(other, 0, []);
  applied = [];
  await apply(other, { key: 'a', v: 1 });
  expect(applied).toEqual(['a@1']);
});

it.each([
  ['no whole number', { key: 'a', v: 1.5 }],
  ['beyond 64 bits', { key: 'a', v: 2n ** 63n }],
  ['no key that can be stored', { key: 'a\0b', v: 1 }],
])('refuses what `version` answers: %s', async (_, note) => {
  const replica = replicaOf();
  await swapped(replica, 0, []);
  await expect(apply(replica, { key: 'z', v: 1 }, note)).rejects.toMatchObject({ code: 'INVALID_CONFIGURATION' });
  expect(shown()).toEqual([]);
});

it('what `version` throws is the handler’s failure', async () => {
  const replica = sqliteReplica<Note>(db, {
    name: 'throwing',
    clear: () => undefined,
    apply: () => undefined,
    version: () => {
      throw new Error('a defect');
    },
  });
  const bootstrap = await replica.take(await replica.load(), { pipeline: 'p' });
  await expect(bootstrap.stage([{ v: 1 }])).rejects.toMatchObject({ code: 'HANDLER_FAILED' });
});
