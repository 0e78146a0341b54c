import { applyTo, liveView, remove, snapshotThenSubscribe, translate, upsert } from '@tidemark/core';
import { type NatsConnection, natsLog, natsSnapshot } from '@tidemark/nats';
import { eventually } from '@tidemark/testkit';
import * as t from 'io-ts';
import { connect, type KV } from 'nats';
import { randomBytes } from 'node:crypto';
import { onBothServers } from './both-servers';
import { clients } from './clients';

interface Setting {
  readonly name: string;
  readonly value: unknown;
}

/** A view of a bucket, running until the signal. */
function follow(connection: NatsConnection, bucket: string, signal: AbortSignal) {
  const topics = {
    settings: { stream: `KV_${bucket}`, subjects: [`$KV.${bucket}.>`], keeps: 'compacted' },
  } as const;
  const view = liveView<Setting>({ key: ({ name }) => name });
  const pipeline = snapshotThenSubscribe({
    name: 'settings',
    snapshot: natsSnapshot({
      connection,
      topics,
      parse: (value, { key }) => ({ name: key, value: JSON.parse(Buffer.from(value).toString()) as unknown }),
    }),
    transport: natsLog({ connection, topics }),
    decode: {
      settings: { row: t.type({ name: t.string, value: t.unknown }), update: t.unknown, tombstone: t.string },
    },
  }).pipe(
    translate((message) => {
      if (message.kind === 'row') return upsert<Setting>(message.value);
      if (message.kind === 'tombstone') return remove(message.key);
      return upsert<Setting>({ name: Buffer.from(message.record.key ?? []).toString(), value: message.value });
    }),
    applyTo(view),
  );
  const run = pipeline.run({ signal });
  return { view, pipeline, run };
}

onBothServers(({ it, client, address }) => {
  /** A bucket that a foreign client fills, and how to follow it here. */
  async function withBucket(test: (kv: KV, start: () => ReturnType<typeof follow>) => Promise<void>): Promise<void> {
    const bucket = `settings-${randomBytes(6).toString('hex')}`;
    const foreign = await connect({ servers: address() });
    const connection = await clients[client](address());
    const stop = new AbortController();
    const runs: Promise<void>[] = [];
    try {
      await test(await foreign.jetstream().views.kv(bucket), () => {
        const following = follow(connection, bucket, stop.signal);
        runs.push(following.run);
        return following;
      });
    } finally {
      stop.abort();
      await Promise.all(runs);
      await connection.close();
      await foreign.close();
    }
  }

  const shown = (view: ReadonlyMap<string, Setting>) =>
    Object.fromEntries([...view].map(([name, { value }]) => [name, value] as const).sort());

  it('an empty bucket is caught up with at once, and its first value comes', () =>
    withBucket(async (kv, start) => {
      const { view, pipeline } = start();
      await pipeline.caughtUp();
      expect(shown(view)).toEqual({});
      await kv.put('a.b', '1');
      await eventually(() => view.size === 1, 'the value comes');
      expect(shown(view)).toEqual({ 'a.b': 1 });
    }));

  it("a bucket is followed: values, and a foreign client's deletes and purges, before, between and after", () =>
    withBucket(async (kv, start) => {
      for (const name of ['a', 'b', 'c', 'd.e', 'f']) await kv.put(name, JSON.stringify({ of: name }));
      await kv.delete('a');
      await kv.purge('b');
      const { view, pipeline } = start();
      await pipeline.caughtUp();
      expect(shown(view)).toEqual({ c: { of: 'c' }, 'd.e': { of: 'd.e' }, f: { of: 'f' } });
      await kv.put('a', '"again"');
      await kv.delete('c');
      await kv.purge('d.e');
      await kv.put('f', '2');
      await eventually(() => view.get('f')?.value === 2, 'the last one comes');
      expect(shown(view)).toEqual({ a: 'again', f: 2 });
    }));
});
