import { beginning, decimal, OffsetMap, type Partition, type Position, type Source } from '@tidemark/core';

export const source: Source = { kind: 'test', order: 'decimal', cluster: 'c1', epochs: { orders: 'e1' } };

export const partition = (name: number | string): Partition => ({ topic: 'orders', partition: String(name) });

/** A position of topic `orders`: the last offset included of partition 0, 1, …; `undefined` = beginning. */
export const position = (...through: (number | undefined)[]): Position => ({
  source,
  offsets: OffsetMap.from(
    'decimal',
    through.map((offset, i) => ({
      ...partition(i),
      through: offset === undefined ? beginning : decimal(offset),
      ...(offset === undefined ? {} : { witness: `w${offset}` }),
    })),
  ),
});

/** One step of one partition; `from` undefined = beginning. */
export const advance = (of: number, from: number | undefined, to: number) => ({
  partition: partition(of),
  after: from === undefined ? beginning : decimal(from),
  through: { through: decimal(to), witness: `w${to}` },
});
