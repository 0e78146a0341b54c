import { InvalidConfiguration, Unavailable } from '@tidemark/core';
import { connect } from 'nats';
import { onBothServers } from './both-servers';
import { OwnBucket } from './own-bucket';

onBothServers(({ client, address, it }) => {
  let own: OwnBucket;
  beforeEach(async () => {
    own = await OwnBucket.open(address(), client);
  });
  afterEach(() => own.close());

  it('is made by the first write, as KV tools know it', async () => {
    const bucket = own.bucket();
    expect(await bucket.get('a')).toBeUndefined();
    expect(await bucket.list('a')).toEqual(new Map());
    expect(await own.config()).toBeUndefined();
    expect(await bucket.write('a', 'one', 0)).toBe(1);
    expect(await own.config()).toMatchObject({
      subjects: [`$KV.${own.name}.>`],
      max_msgs_per_subject: 1,
      discard: 'new',
      allow_rollup_hdrs: true,
      deny_delete: true,
      allow_direct: true,
      storage: 'file',
      num_replicas: 1,
    });
    const tool = await connect({ servers: address() });
    try {
      const kv = await tool.jetstream().views.kv(own.name);
      expect((await kv.get('a'))?.string()).toBe('one');
      expect(await kv.put('b', 'two')).toBe(2);
      await kv.delete('a');
      expect(await bucket.get('b')).toEqual({ value: 'two', revision: 2 });
      expect(await bucket.get('a')).toEqual({ value: undefined, revision: 3 });
    } finally {
      await tool.close();
    }
  });

  it('many may make it at the same time', async () => {
    const written = await Promise.all(Array.from({ length: 10 }, (_, i) => own.bucket().write(`key-${i}`, 'x', 0)));
    expect(written.toSorted((a, b) => Number(a) - Number(b))).toEqual(Array.from({ length: 10 }, (_, i) => i + 1));
  });

  it('I11: writes only over the revision that was seen; a marker has one, too', async () => {
    const bucket = own.bucket();
    expect(await bucket.write('a', 'one', 0)).toBe(1);
    expect(await bucket.write('b', 'other', 0)).toBe(2);
    for (const seen of [0, 2, 3]) {
      expect(await bucket.write('a', 'no', seen)).toBe('refused');
      expect(await bucket.write('a', null, seen)).toBe('refused');
    }
    expect(await bucket.get('a')).toEqual({ value: 'one', revision: 1 });
    expect(await bucket.write('a', null, 1)).toBe(3);
    expect(await bucket.get('a')).toEqual({ value: undefined, revision: 3 });
    for (const seen of [0, 1]) expect(await bucket.write('a', 'no', seen)).toBe('refused');
    expect(await bucket.write('a', 'two', 3)).toBe(4);
    expect(await bucket.get('a')).toEqual({ value: 'two', revision: 4 });
  });

  it('lists what stands below a prefix, without what was deleted', async () => {
    const bucket = own.bucket();
    const keys = Array.from({ length: 1_500 }, (_, i) => `p.${i}`);
    await Promise.all([...keys, 'p', 'q.1', 'pp.1', 'p.deep.er'].map((key) => bucket.write(key, `of ${key}`, 0)));
    await bucket.write('p.7', null, (await bucket.get('p.7'))?.revision ?? 0);
    const listed = await bucket.list('p');
    expect([...listed.keys()].toSorted()).toEqual(
      [...keys.filter((key) => key !== 'p.7').map((key) => key.slice(2)), 'deep.er'].toSorted(),
    );
    expect(listed.get('deep.er')).toEqual(expect.objectContaining({ value: 'of p.deep.er' }));
    expect(await bucket.list('none')).toEqual(new Map());
  });

  it('a list has every key, however fast they are written', async () => {
    const bucket = own.bucket();
    const keys = Array.from({ length: 40 }, (_, i) => `k.${i}`);
    await Promise.all(keys.map((key) => bucket.write(key, '0', 0)));
    let over = false;
    const writing = keys.map(async (key) => {
      for (let i = 1; !over; i++) await bucket.write(key, String(i), (await bucket.get(key))?.revision ?? 0);
    });
    try {
      const last = new Map<string, number>();
      for (let i = 0; i < 50; i++) {
        const listed = await own.bucket().list('k');
        expect(listed.size).toBe(keys.length);
        for (const [key, { revision }] of listed) {
          expect(revision).toBeGreaterThanOrEqual(last.get(key) ?? 0);
          last.set(key, revision);
        }
      }
    } finally {
      over = true;
      await Promise.all(writing);
    }
  });

  it('a bucket that somebody has deleted is made anew; what was seen before is refused', async () => {
    const bucket = own.bucket();
    await bucket.write('a', 'one', 0);
    await bucket.write('a', 'two', 1);
    await own.remove();
    expect(await bucket.get('a')).toBeUndefined();
    expect(await bucket.write('a', 'three', 2)).toBe('refused');
    expect(await bucket.write('a', 'three', 0)).toBe(1);
    await own.remove();
    expect(await bucket.write('a', 'four', 0)).toBe(1); // not looked at before
    await own.remove();
    expect(await bucket.list('a')).toEqual(new Map());
  });

  it.each([
    ['with more history', { max_msgs_per_subject: 5, max_bytes: 1_000_000 }],
    ['in memory', { storage: 'memory', discard: 'old' }],
  ])('an existing one %s is taken as it is', async (_, config) => {
    await own.make(config);
    const bucket = own.bucket();
    expect(await bucket.write('a', 'one', 0)).toBe(1);
    expect(await bucket.write('a', 'two', 1)).toBe(2);
    expect(await bucket.list('a')).toEqual(new Map());
    expect(await bucket.get('a')).toEqual({ value: 'two', revision: 2 });
    expect(await own.config()).toMatchObject(config);
  });

  it.each([
    ['max_age', { max_age: 3_600_000_000_000 }],
    ['discards the oldest', { discard: 'old', max_msgs: 100 }],
    ['discards the oldest', { discard: 'old', max_bytes: 100_000 }],
    ['is no bucket', { subjects: ['something.else'] }],
    ['is no bucket', { max_msgs_per_subject: -1 }],
    ['is no bucket', { retention: 'workqueue' }],
  ])('one that forgets, or is none, is refused: %s %j', async (why, config) => {
    await own.make(config);
    const bucket = own.bucket();
    for (const use of [() => bucket.get('a'), () => bucket.list('a'), () => bucket.write('a', 'one', 0)]) {
      await expect(use()).rejects.toThrow(InvalidConfiguration);
      await expect(use()).rejects.toThrow(why);
    }
  });

  it('a value that the server would not take ends no connection', async () => {
    await expect(own.bucket().write('a', 'x'.repeat(1_100_000), 0)).rejects.toThrow('max_payload');
    expect(await own.bucket().write('a', 'small', 0)).toBe(1);
  });

  it('a full bucket says so, and nothing is written', async () => {
    await own.make({ max_bytes: 300 });
    const bucket = own.bucket();
    expect(await bucket.write('a', 'small', 0)).toBe(1);
    await expect(bucket.write('b', 'x'.repeat(300), 0)).rejects.toThrow(Unavailable);
    expect(await bucket.get('b')).toBeUndefined();
  });
});
