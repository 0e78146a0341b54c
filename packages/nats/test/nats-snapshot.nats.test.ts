import { beginning, decimal, type Position } from '@tidemark/core';
import { natsSnapshot } from '@tidemark/nats';
import { onBothServers } from './both-servers';
import { keeping, rowsOf, Things } from './own-snapshot';
import { OwnStream } from './own-stream';

const throughOf = (position: Position): readonly string[] =>
  [...position.offsets].map(({ partition, through }) => `${partition}@${through}`);

onBothServers(({ it, version, client, address }) => {
  async function withThings(kind: keyof typeof keeping, test: (things: Things) => Promise<void>): Promise<void> {
    const { config, topic } = keeping[kind];
    const things = new Things(await OwnStream.create(address(), client, config), topic);
    try {
      await test(things);
    } finally {
      await things.close();
    }
  }

  for (const kind of ['log', 'compacted'] as const) {
    it(`an empty stream has a snapshot that ends, and is followed from its first message: ${kind}`, () =>
      withThings(kind, async (things) => {
        const snapshot = await things.open();
        expect(await rowsOf(snapshot)).toEqual([]);
        expect(throughOf(snapshot.position)).toEqual([`0@${beginning}`]);
        const last = await things.write({ id: 'a', n: 1 });
        expect(await things.after(snapshot.position, last)).toEqual(['1:a=1']);
      }));

    it(`I1, I2: it has the latest of each key, and what came after it is read from there, all of it and once: ${kind}`, () =>
      withThings(kind, async (things) => {
        await things.write(
          { id: 'a', n: 1 },
          { id: 'b', n: 1 },
          { id: 'c', n: 1 },
          { id: 'a', n: 2 },
          { id: 'd', n: 1 },
        );
        await things.stream.log({ topic: keeping[kind].topic }).publish('things', [{ key: 'b', value: null }]);
        const snapshot = await things.open();
        expect(await rowsOf(snapshot)).toEqual(['c=1', 'a=2', 'd=1']);
        expect(throughOf(snapshot.position)).toEqual(['0@6']);
        expect([...snapshot.position.offsets][0]?.witness).toMatch(/^\d+\.1\.-\.[0-9a-f]+$/);
        const last = await things.write({ id: 'a', n: 3 }, { id: 'e', n: 1 });
        expect(await things.after(snapshot.position, last)).toEqual(['7:a=3', '8:e=1']);
      }));

    it(`what is written between the position and the first row loses no key, and comes as updates: ${kind}`, () =>
      withThings(kind, async (things) => {
        await things.write({ id: 'a', n: 1 }, { id: 'b', n: 1 });
        const snapshot = await things.open();
        const last = await things.write({ id: 'a', n: 2 }, { id: 'c', n: 1 });
        expect(new Set(await rowsOf(snapshot))).toEqual(new Set(['b=1', 'a=2', 'c=1']));
        expect(await things.after(snapshot.position, last)).toEqual(['3:a=2', '4:c=1']);
      }));

    it(`keys that are replaced while it is read are rows, or updates after its position: ${kind}`, () =>
      withThings(kind, async (things) => {
        await things.fill(5_000);
        const snapshot = await things.open();
        let last = 0;
        const rows = await rowsOf(snapshot, async () => {
          last = await things.write(
            { id: 't0', n: 1 },
            { id: 't4000', n: 1 },
            { id: 't4001', n: 1 },
            { id: 'new', n: 1 },
          );
        });
        const all = new Map(
          [...rows, ...(await things.after(snapshot.position, last)).map((one) => one.slice(one.indexOf(':') + 1))].map(
            (one) => one.split('=') as [string, string],
          ),
        );
        expect(all.size).toBe(5_001);
        expect(
          [...all]
            .filter(([, n]) => n !== '0')
            .map(([id]) => id)
            .sort(),
        ).toEqual(['new', 't0', 't4000', 't4001']);
        // no key that was there all the time is missing, even for a moment
        expect(new Set(rows.map((row) => row.split('=')[0])).size).toBeGreaterThanOrEqual(5_000);
      }));
  }

  it('some subjects of a stream, and each of its partitions, are marked as natsLog marks them', async () => {
    const stream = await OwnStream.create(address(), client);
    try {
      for (const subject of ['0.a', '1.b', '0.c'])
        await stream.publish(`${stream.subject}.${subject}`, '{"id":"x","n":1}');
      await stream.publish(stream.other, 'no JSON');
      const topics = {
        apart: { stream: stream.name, partitions: [`${stream.subject}.0.>`, `${stream.subject}.1.>`] },
        some: { stream: stream.name, subjects: [`${stream.subject}.0.*`] },
      };
      const source = natsSnapshot({
        connection: stream.connection,
        topics,
        parse: (value, { topic, key }) => ({ topic, key, value: Buffer.from(value).toString().length }),
      });
      const { signal } = new AbortController();
      const snapshot = await source.open({ signal });
      const rows: unknown[] = [];
      for await (const { topic, rows: some } of snapshot.chunks) rows.push(...some.map((row) => [topic, row]));
      expect(rows).toEqual([
        ['apart', { topic: 'apart', key: 'a', value: 16 }],
        ['apart', { topic: 'apart', key: 'c', value: 16 }],
        ['apart', { topic: 'apart', key: 'b', value: 16 }],
        ['some', { topic: 'some', key: 'a', value: 16 }],
        ['some', { topic: 'some', key: 'c', value: 16 }],
      ]);
      for (const topic of Object.values(topics)) {
        const head = await stream.log({ topic }).locate('head', signal);
        expect(
          head.offsets.compare(snapshot.position.offsets.filter((at) => at.topic === [...head.offsets][0]?.topic)),
        ).toBe('equal');
        expect([...head.offsets].every(({ witness }) => witness !== undefined)).toBe(true);
      }
      await source[Symbol.asyncDispose]();
    } finally {
      await stream.close();
    }
  });

  it('a floor that the stream has not reached, and a part of it, are refused', () =>
    withThings('log', async (things) => {
      await things.write({ id: 'a', n: 1 });
      const early = (await things.open()).position;
      await things.write({ id: 'a', n: 2 });
      const late = (await things.open({ notOlderThan: early })).position;
      await things.stream.purge();
      expect(throughOf((await things.open({ notOlderThan: late })).position)).toEqual(throughOf(late));
      const offsets = late.offsets.with({ topic: things.stream.name, partition: '0' }, { through: decimal(9) });
      await expect(things.open({ notOlderThan: { ...late, offsets } })).rejects.toMatchObject({
        code: 'SNAPSHOT_TOO_OLD',
        retryable: true,
      });
      await expect(things.open({ scope: 'some' })).rejects.toMatchObject({
        code: 'SNAPSHOT_REJECTED',
        retryable: false,
      });
      await things.stream.recreate();
      expect(await rowsOf(await things.open({ notOlderThan: { ...late, offsets } }))).toEqual([]); // whoever asked compares
    }));

  it('streams that forget keys by themselves are refused', async () => {
    const day = 86_400e9;
    const limits = [{ max_age: day }, { max_msgs: 10 }, { max_bytes: 10_000 }];
    for (const kind of ['log', 'compacted'] as const)
      for (const limit of limits) {
        const { config, topic } = keeping[kind];
        const things = new Things(await OwnStream.create(address(), client, { ...config, ...limit }), topic);
        await expect(things.open()).rejects.toMatchObject({ code: 'INVALID_CONFIGURATION' });
        await things.close();
      }
    const full = new Things(await OwnStream.create(address(), client, { max_msgs: 10, discard: 'new' }), {});
    expect(await rowsOf(await full.open())).toEqual([]);
    await full.close();
  });

  it('of a stream that keeps several messages of each key the latest ones, where the server can tell them', async () => {
    const things = new Things(
      await OwnStream.create(address(), client, { max_msgs_per_subject: 2, allow_rollup_hdrs: true }),
      { keeps: 'compacted' },
    );
    try {
      if (version === 'floor') {
        await expect(things.open()).rejects.toMatchObject({ code: 'INVALID_CONFIGURATION' });
        return;
      }
      for (const n of [1, 2, 3]) await things.fill(3_000, n);
      const snapshot = await things.open();
      const rows = await rowsOf(snapshot, async () => {
        // all messages of some keys that were to be read go; newer ones are behind the position
        for (const n of [4, 5]) for (let i = 1_000; i < 1_020; i++) await things.write({ id: `t${i}`, n });
      });
      expect(rows).toHaveLength(new Set(rows).size);
      expect(rows.filter((row) => row.endsWith('=3'))).toHaveLength(2_980);
      const last = await things.write({ id: 'end', n: 1 });
      const updates = await things.after(snapshot.position, last);
      expect(new Set(updates.map((one) => one.slice(one.indexOf('t'))).filter((one) => one.endsWith('=5'))).size).toBe(
        20,
      );
    } finally {
      await things.close();
    }
  });

  it('what is no JSON, or no good JSON, is told with its place and without a word of it', () =>
    withThings('compacted', async (things) => {
      for (const bad of ['{"secret": tru', '{"__proto__":{"secret":1}}', '']) {
        await things.write({ id: 'fine', n: 1 });
        const at = await things.stream.publish(`${things.stream.subject}.secretly`, bad);
        const error: unknown = await rowsOf(await things.open()).catch((thrown: unknown) => thrown);
        expect(error).toMatchObject({ code: 'DECODE_FAILED', retryable: false });
        expect(String(error)).toContain(`${things.stream.name} at ${at}`);
        expect(`${String(error)}${String((error as Error).cause)}`).not.toMatch(/secret/);
      }
    }));
});
