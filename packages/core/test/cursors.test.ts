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
