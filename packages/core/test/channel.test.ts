import fc from 'fast-check';
import { Channel } from '../src';

const drain = async <T>(channel: Channel<T>): Promise<T[]> => {
  const items: T[] = [];
  for await (const item of channel) items.push(item);
  return items;
};

describe('a channel', () => {
  it('hands over in order, whether pushed before or while waiting', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat()), fc.array(fc.nat()), async (early, late) => {
        const channel = new Channel<number>();
        for (const item of early) channel.push(item);
        const all = drain(channel);
        for (const item of late) {
          await Promise.resolve();
          channel.push(item);
        }
        channel.end();
        expect(await all).toEqual([...early, ...late]);
      }),
    );
  });

  it('hands over what was pushed before it failed, then the error', async () => {
    const channel = new Channel<number>();
    const broken = new Error('broken');
    channel.push(1);
    channel.fail(broken);
    channel.push(2);
    const iterator = channel[Symbol.asyncIterator]();
    expect(await iterator.next()).toEqual({ done: false, value: 1 });
    await expect(iterator.next()).rejects.toBe(broken);
  });

  it('fails a pull that waits already, even with undefined', async () => {
    const channel = new Channel<number>();
    const waiting = drain(channel);
    channel.fail(undefined);
    await expect(waiting).rejects.toBeUndefined();
  });

  it('keeps its first end', async () => {
    const channel = new Channel<number>();
    channel.end();
    channel.fail(new Error('too late'));
    channel.push(1);
    expect(await drain(channel)).toEqual([]);
  });

  it('takes back what nobody has pulled yet', async () => {
    const channel = new Channel<number>();
    for (const item of [1, 2, 3, 4]) channel.push(item);
    const iterator = channel[Symbol.asyncIterator]();
    await iterator.next();
    channel.drop((item) => item % 2 === 0);
    channel.end();
    expect(await iterator.next()).toEqual({ done: false, value: 3 });
    expect((await iterator.next()).done).toBe(true);
  });
});
