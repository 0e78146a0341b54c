import { beginning, decimal, type Delivery, type LogRecord } from '@tidemark/core';
import { Cursor } from '../src/cursors';

const partition = { topic: 'toy.things', partition: '0' };

function delivery(records: readonly LogRecord[], atHead: boolean): Delivery {
  const through = { through: records.at(-1)?.offset ?? decimal(0) };
  const nothing = () => undefined;
  const ends = { after: beginning, through, atHead, ack: nothing, restart: nothing };
  return { type: 'delivery', topic: 'things', partition, records, ...ends };
}

describe('a cursor at its head', () => {
  it('I3: proves the census that was known when its page was asked for, no later one, and tells it once', () => {
    const cursor = new Cursor(partition, 1, decimal(0), undefined);
    const heads = [5, 5, 9, 9, 9, 9].map((census) => cursor.heard(delivery([], true), census).head);
    // a transport may be one page ahead: what is heard now was asked for before the last census was known
    expect(heads).toEqual([undefined, undefined, 5, undefined, 9, undefined]);
  });

  it('I3: away from its head it proves nothing', () => {
    const cursor = new Cursor(partition, 1, decimal(0), 5);
    expect(cursor.heard(delivery([], false), 5)).toEqual({ head: undefined, news: true });
    expect(cursor.heard(delivery([], true), 5)).toEqual({ head: 5, news: true });
    expect(cursor.heard(delivery([], true), 5)).toEqual({ head: undefined, news: false });
  });
});

describe('I2: a cursor that the replica has left behind', () => {
  const at = (offset: number) => ({ ...delivery([], true), through: { through: decimal(offset) } });

  it('is found at the second look without anything happening here', () => {
    const cursor = new Cursor(partition, 1, decimal(0), undefined);
    cursor.heard(at(0), undefined);
    expect([5, 5].map((stored) => cursor.strays(decimal(stored)))).toEqual([false, true]);
  });

  it('is none that has moved in between, has something in hand, idles as lost, or is where the replica is', () => {
    const moving = new Cursor(partition, 1, decimal(0), undefined);
    expect(moving.strays(decimal(5))).toBe(false);
    moving.heard(at(3), undefined);
    expect(moving.strays(decimal(5))).toBe(false);
    const busy = new Cursor(partition, 1, decimal(0), undefined);
    busy.waits(at(3));
    expect([5, 5].map((stored) => busy.strays(decimal(stored)))).toEqual([false, false]);
    busy.settled(at(3));
    expect([5, 5].map((stored) => busy.strays(decimal(stored)))).toEqual([false, true]);
    const lost = new Cursor(partition, 1, decimal(0), undefined);
    lost.idle = true;
    expect([5, 5].map((stored) => lost.strays(decimal(stored)))).toEqual([false, false]);
    const there = new Cursor(partition, 1, decimal(5), undefined);
    expect([5, 5].map((stored) => there.strays(decimal(stored)))).toEqual([false, false]);
  });
});
