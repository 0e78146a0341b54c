import { decimal, FencedOut, OffsetMap, type Position, Unavailable } from '@tidemark/core';
import { keyOf } from '../src/kv-key';
import { onBothServers } from './both-servers';
import { OwnBucket } from './own-bucket';

/* Writes whose answers got lost. A client waits for five seconds each time, so all scenarios wait together. */

const partition = (number: number) => ({ topic: 'ORDERS', partition: String(number) });
const step = (of: number, after: number, through: number) => ({
  partition: partition(of),
  after: decimal(after),
  through: { through: decimal(through), witness: `w${through}` },
});
const at = (...through: number[]): Position => ({
  source: { kind: 'nats', order: 'decimal', epochs: { ORDERS: 'e1' } },
  offsets: OffsetMap.from(
    'decimal',
    through.map((offset, i) => ({ ...partition(i), through: decimal(offset), witness: `w${offset}` })),
  ),
});
const position = keyOf('positions', 'orders');
const lease = (owner: string, counter: number) => ({ key: 'a', owner, counter });

const scenarios: Readonly<Record<string, (own: OwnBucket) => Promise<void>>> = {
  'has been done: it is found there, and is not done again': async (own) => {
    await own.bucket().write('a', 'one', 0);
    const bucket = own.bucket(own.behindProxy);
    await bucket.get('a');
    expect(await own.unanswered('a', () => bucket.write('a', 'two', 1))).toBe(2);
    expect(await own.get('a')).toEqual({ value: 'two', revision: 2 });
  },

  'has been done, and somebody has written over it: nobody can tell': async (own) => {
    await own.bucket().write('a', 'one', 0);
    const bucket = own.bucket(own.behindProxy);
    await bucket.get('a');
    const over = () => own.bucket().write('a', 'three', 2);
    expect(await own.unanswered('a', () => bucket.write('a', 'two', 1), over)).toBe('unsure');
    expect(await own.get('a')).toEqual({ value: 'three', revision: 3 });
  },

  'has been a deletion: it is found there': async (own) => {
    await own.bucket().write('a', 'one', 0);
    const bucket = own.bucket(own.behindProxy);
    await bucket.get('a');
    expect(await own.unanswered('a', () => bucket.write('a', null, 1))).toBe(2);
    expect(await own.get('a')).toEqual({ value: undefined, revision: 2 });
  },

  'has not arrived: it is done when the network is back': async (own) => {
    await own.bucket().write('a', 'one', 0);
    const bucket = own.bucket(own.behindProxy);
    await bucket.get('a');
    expect(await own.swallowed(() => bucket.write('a', 'two', 1))).toBe(2);
    expect(await own.get('a')).toEqual({ value: 'two', revision: 2 });
  },

  'has not arrived, and somebody was first: it is not done': async (own) => {
    await own.bucket().write('a', 'one', 0);
    const bucket = own.bucket(own.behindProxy);
    await bucket.get('a');
    const writing = own.swallowed(
      () => bucket.write('a', 'two', 1),
      () => own.bucket().write('a', 'other', 1),
    );
    expect(await writing).toBe('unsure');
    expect(await own.get('a')).toEqual({ value: 'other', revision: 2 });
  },

  'never arrives: it rejects': async (own) => {
    await own.bucket().write('a', 'one', 0);
    const bucket = own.bucket(own.behindProxy);
    await bucket.get('a');
    own.proxy.blackHole();
    await expect(bucket.write('a', 'two', 1)).rejects.toThrow(Unavailable);
    expect(await own.get('a')).toEqual({ value: 'one', revision: 1 });
  },

  'I5: a position that was saved is known to be, though others have saved theirs since': async (own) => {
    const { positions } = own.log();
    await positions.reset(at(5, 5), 's1');
    const behind = own.log({ connection: own.behindProxy }).positions;
    await behind.load();
    const others = () => positions.save('s1', [step(1, 5, 9)]);
    await own.unanswered(position, () => behind.save('s1', [step(0, 5, 7)]), others);
    expect(await positions.load()).toEqual({ snapshotId: 's1', position: at(7, 9) });
  },

  'I11: a position that was not saved, because somebody else was first, is fenced out': async (own) => {
    const { positions } = own.log();
    await positions.reset(at(5, 5), 's1');
    const behind = own.log({ connection: own.behindProxy }).positions;
    await behind.load();
    const saving = own.swallowed(
      () => behind.save('s1', [step(0, 5, 7)]),
      () => positions.save('s1', [step(0, 5, 6)]),
    );
    await expect(saving).rejects.toThrow(FencedOut);
    expect(await positions.load()).toEqual({ snapshotId: 's1', position: at(6, 5) });
  },

  'I5: a reset that was done is not done again over what others have saved since': async (own) => {
    const { positions } = own.log();
    await positions.reset(at(1, 1), 's0');
    const behind = own.log({ connection: own.behindProxy }).positions;
    await behind.load();
    const others = () => positions.save('s1', [step(0, 5, 8)]);
    await own.unanswered(position, () => behind.reset(at(5, 5), 's1'), others);
    expect(await positions.load()).toEqual({ snapshotId: 's1', position: at(8, 5) });
  },

  'a lease that was taken is known to be': async (own) => {
    const leases = own.leases();
    await leases.write([{ seen: undefined, next: lease('x', 1) }]);
    const behind = own.leases({ connection: own.behindProxy });
    await behind.list();
    const key = keyOf('leases', 'leases', 'a');
    const take = () => behind.write([{ seen: lease('x', 1), next: lease('y', 2) }]);
    expect(await own.unanswered(key, take)).toEqual([true]);
    expect(await leases.list()).toEqual([lease('y', 2)]);
  },

  'a lease that was taken, and by somebody else since, is not ours': async (own) => {
    const leases = own.leases();
    await leases.write([{ seen: undefined, next: lease('x', 1) }]);
    const behind = own.leases({ connection: own.behindProxy });
    await behind.list();
    const take = () => behind.write([{ seen: lease('x', 1), next: lease('y', 2) }]);
    const over = () => leases.write([{ seen: lease('y', 2), next: lease('z', 3) }]);
    expect(await own.unanswered(keyOf('leases', 'leases', 'a'), take, over)).toEqual([false]);
    expect(await leases.list()).toEqual([lease('z', 3)]);
  },

  'a lease that was not taken, because somebody else was first, is not': async (own) => {
    const leases = own.leases();
    await leases.write([{ seen: undefined, next: lease('x', 1) }]);
    const behind = own.leases({ connection: own.behindProxy });
    await behind.list();
    const taking = own.swallowed(
      () => behind.write([{ seen: lease('x', 1), next: lease('y', 2) }]),
      () => leases.write([{ seen: lease('x', 1), next: lease('z', 2) }]),
    );
    expect(await taking).toEqual([false]);
    expect(await leases.list()).toEqual([lease('z', 2)]);
  },
};

onBothServers(
  ({ client, address, it }) => {
    it('what goes unanswered is found out', async () => {
      const all = Object.entries(scenarios).map(async ([name, play]) => {
        const own = await OwnBucket.open(address(), client);
        try {
          await play(own);
        } catch (error) {
          throw new Error(`a write that ${name}: ${String(error)}`, { cause: error });
        } finally {
          await own.close();
        }
      });
      const failed = (await Promise.allSettled(all)).flatMap((one) =>
        one.status === 'rejected' ? [one.reason as unknown] : [],
      );
      expect(failed).toEqual([]);
    });
  },
  { inPairs: true },
);
