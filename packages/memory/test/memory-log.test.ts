import {
  compareSources,
  covers,
  InvalidConfiguration,
  type Snapshot,
  type SnapshotSource,
  Unavailable,
} from '@tidemark/core';
import { memoryLog } from '@tidemark/memory';
import { collect, startOf } from '@tidemark/testkit';

const { signal } = new AbortController();
const record = (key: string, value: string | null = key) => ({ key, value });
const keys = (count: number) => Array.from({ length: count }, (_, i) => record(`key-${i}`));

const rowsOf = async (source: SnapshotSource, scope?: string): Promise<{ snapshot: Snapshot; rows: unknown[] }> => {
  const snapshot = await source.open({ scope, signal });
  const rows: unknown[] = [];
  for await (const chunk of snapshot.chunks) rows.push(...chunk.rows);
  return { snapshot, rows };
};

describe('publishing', () => {
  it('keeps the records of a key in one partition, and spreads keys over all', async () => {
    const log = memoryLog({ topics: { t: { partitions: 4 } } });
    await log.publish('t', keys(400));
    const { partitions } = await log.describe(signal);
    const heads = partitions.map(({ head }) => Number(head) + 1);
    expect(heads.reduce((a, b) => a + b)).toBe(400);
    expect(Math.min(...heads)).toBeGreaterThan(50);
    for (let i = 0; i < 5; i++) {
      const written = await log.publish('t', [record('the-same-key')]);
      expect([...written.offsets].map(({ partition }) => partition)).toEqual(['2']);
    }
  });

  it('answers with the partitions written, and a witness for each', async () => {
    const log = memoryLog({ topics: { t: { partitions: 4 } } });
    const written = await log.publish('t', [record('a')]);
    expect(written.offsets.size).toBe(1);
    expect([...written.offsets][0]).toMatchObject({ through: '0', witness: expect.any(String) as string });
    expect(covers(await log.locate('head', signal), written)).toBe(true);
  });

  it('dates records by the clock that it is given', async () => {
    let now = 1000;
    const log = memoryLog({ topics: ['t'], clock: () => now });
    await log.publish('t', [record('a')]);
    now = 2000;
    await log.publish('t', [record('b')]);
    expect((await collect(log, 2)).records.map(({ timestamp }) => timestamp)).toEqual([1000, 2000]);
    const at = await log.locate({ time: new Date(1500) }, signal);
    expect((await collect(log, 1, at)).values).toEqual(['b']);
  });

  it('refuses topics that it does not have', async () => {
    const log = memoryLog({ topics: ['t'] });
    await expect(log.publish('other' as 't', [record('a')])).rejects.toThrow(InvalidConfiguration);
    expect(() => log.trim('other' as 't')).toThrow(InvalidConfiguration);
    expect(() => log.trim('t', 0, '7')).toThrow(InvalidConfiguration);
  });
});

describe('options', () => {
  it.each([
    {},
    { t: { partitions: 0 } },
    { t: { partitions: 1.5 } },
    { t: { partitions: 1, keep: -1 } },
    { t: { partitions: 1, keepMs: 0 } },
  ])('refuses topics %j', (topics) => {
    expect(() => memoryLog({ topics })).toThrow(InvalidConfiguration);
  });

  it('refuses to shrink, to count in fractions, and points that are no points', async () => {
    const log = memoryLog({ topics: { t: { partitions: 3 } } });
    expect(() => log.grow('t', 2)).toThrow(InvalidConfiguration);
    expect(() => log.truncate('t', 0.5)).toThrow(InvalidConfiguration);
    expect(() => log.gap('t', -1)).toThrow(InvalidConfiguration);
    await expect(log.locate({ headLess: -1 }, signal)).rejects.toThrow(InvalidConfiguration);
    await expect(log.locate({ time: new Date(Number.NaN) }, signal)).rejects.toThrow(InvalidConfiguration);
  });

  it('keeps what retention leaves, partition by partition', async () => {
    const log = memoryLog({ topics: { t: { partitions: 2, keep: 10 } } });
    await log.publish('t', keys(100));
    expect((await collect(log, 20, await log.locate('beginning', signal))).records).toHaveLength(20);
  });
});

describe('retention by age', () => {
  it('removes what is older, in every partition, when something is published; and is told', async () => {
    let now = 1_000;
    const log = memoryLog({ topics: { t: { partitions: 3, keepMs: 100 } }, clock: () => now });
    await log.publish('t', keys(30));
    now = 1_050;
    await log.publish('t', keys(30));
    now = 1_100;
    await log.publish('t', [{ key: 'one', value: 'more' }]);
    const all = async () => (await collect(log, 0, await log.locate('beginning', signal))).records.length;
    expect(await all()).toBe(61);
    const early = await log.locate('beginning', signal);
    now = 1_101;
    await log.publish('t', [{ key: 'one', value: 'more' }]);
    expect(await all()).toBe(32);
    const { partitions } = await log.verify(early, signal);
    expect(partitions.map(({ verdict, retentionMs }) => [verdict, retentionMs])).toEqual(
      Array.from({ length: 3 }, () => ['expired', 100]),
    );
    now = 5_000;
    await log.publish('t', []);
    expect(await all()).toBe(0);
  });
});

describe('identity', () => {
  it('I7: tells one log from another, and one life of a topic from the next', async () => {
    const [one, other] = [memoryLog({ topics: ['t', 'u'] }), memoryLog({ topics: ['t', 'u'] })];
    const before = await one.identify(signal);
    expect(compareSources(before, await other.identify(signal), 't')).toBe('different');
    expect(compareSources(before, await one.member().identify(signal), 't')).toBe('same');
    one.recreate('t');
    expect(compareSources(before, await one.identify(signal), 't')).toBe('different');
    expect(compareSources(before, await one.identify(signal), 'u')).toBe('same');
  });
});

describe('what happens to logs', () => {
  it('trims below an offset, in one partition or all', async () => {
    const log = memoryLog({ topics: { t: { partitions: 2 } } });
    await log.publish('t', keys(40));
    log.trim('t', 5, '0');
    const trimmed = async () => (await log.describe(signal)).partitions.map((p) => p.trimmed);
    expect(await trimmed()).toEqual(['4', 'beginning']);
    log.trim('t', 7n);
    expect(await trimmed()).toEqual(['6', '6']);
  });

  it('has outages, one upon the other', async () => {
    const log = memoryLog({ topics: ['t'] });
    const [first, second] = [log.outage(), log.outage()];
    first();
    first();
    await expect(log.publish('t', [record('a')])).rejects.toThrow(Unavailable);
    await expect(log.identify(signal)).rejects.toThrow(Unavailable);
    await expect(log.locate('head', signal)).rejects.toThrow(Unavailable);
    second();
    await log.publish('t', [record('a')]);
    expect((await collect(log, 1)).values).toEqual(['a']);
  });

  it('I1: finds a position whose witness was compacted away still good', async () => {
    const log = memoryLog({ topics: ['t'] });
    await log.publish('t', [record('a', '1'), record('b', '2')]);
    const { position } = await collect(log, 2);
    await log.publish('t', [record('b', '3'), record('c', '4')]);
    log.compact('t');
    expect((await collect(log, 2, position)).values).toEqual(['3', '4']);
  });
});

describe('snapshots', () => {
  it('I1: are exact: rows and head are taken together, whatever is published while they are read', async () => {
    const log = memoryLog({ topics: { t: { partitions: 2 } } });
    const state = new Map<string, number>();
    const add = async (key: string) => {
      state.set(key, (state.get(key) ?? 0) + 1);
      await log.publish('t', [record(key, '1')]);
    };
    for (let i = 0; i < 50; i++) await add(`key-${i % 7}`);
    const snapshot = await log.snapshot({ t: () => state.entries() }).open({ signal });
    for (let i = 0; i < 50; i++) await add(`key-${i % 9}`);
    const copy = new Map<string, number>();
    for await (const chunk of snapshot.chunks)
      for (const [key, n] of chunk.rows as [string, number][]) copy.set(key, n);
    for (const { key } of (await collect(log, 50, snapshot.position)).records) {
      const name = Buffer.from(key ?? []).toString();
      copy.set(name, (copy.get(name) ?? 0) + 1);
    }
    expect(copy).toEqual(state);
  });

  it('have a position of every partition, with witnesses', async () => {
    const log = memoryLog({ topics: { t: { partitions: 2 } } });
    await log.publish('t', keys(20));
    const { snapshot } = await rowsOf(log.snapshot({ t: () => [1, 2, 3] }));
    expect([...snapshot.position.offsets].map(({ witness }) => typeof witness)).toEqual(['string', 'string']);
    expect(snapshot.position.offsets.compare((await collect(log, 20)).position.offsets)).toBe('equal');
  });

  it('give each topic its scope, and read async rows as they come', async () => {
    const log = memoryLog({ topics: ['t', 'u'] });
    const { snapshot, rows } = await rowsOf(
      log.snapshot({
        t: (query) => [query.get('media')],
        u: async function* () {
          yield 'later';
        },
      }),
      'media=42',
    );
    expect(rows).toEqual(['42', 'later']);
    expect(snapshot.scope).toBe('media=42');
  });

  it('are refused during an outage, and once aborted', async () => {
    const log = memoryLog({ topics: ['t'] });
    const source = log.snapshot({ t: () => [] });
    const end = log.outage();
    await expect(source.open({ signal })).rejects.toThrow(Unavailable);
    end();
    await expect(source.open({ signal: AbortSignal.abort(new Error('stop')) })).rejects.toThrow('stop');
  });
});

it('shares what it holds with its members, and positions within a group', async () => {
  const log = memoryLog({ topics: ['t'], group: 'g' });
  expect([log.reads, memoryLog({ topics: ['t'] }).reads]).toEqual(['share', 'all']);
  await log.positions.reset(await startOf(log), 'snapshot-1');
  expect(await log.member().positions.load()).toMatchObject({ snapshotId: 'snapshot-1' });
  const alone = memoryLog({ topics: ['t'] });
  await alone.positions.reset(await startOf(alone), 'snapshot-1');
  expect(await alone.member().positions.load()).toBeUndefined();
});
