import { decimal, headThenRows, type Log, OffsetMap, type SnapshotChunk } from '@tidemark/core';
import { memoryLog } from '@tidemark/memory';

const signal = new AbortController().signal;

async function rowsIn(chunks: AsyncIterable<SnapshotChunk>): Promise<unknown[]> {
  const rows: unknown[] = [];
  for await (const chunk of chunks) rows.push(...chunk.rows);
  return rows;
}

describe('headThenRows', () => {
  it('I1: an update while the rows are read is in them, and comes again after the position', async () => {
    const log = memoryLog({ topics: { things: { partitions: 1 } } });
    const state = new Map<string, number>();
    const set = (key: string, n: number) => {
      state.set(key, n);
      return log.publish('things', [{ key, value: String(n) }]);
    };
    await set('a', 1);
    let meanwhile: Promise<unknown> | undefined;
    const source = headThenRows(log, {
      *things() {
        meanwhile = set('b', 2);
        yield* state;
      },
    });
    const { position, chunks } = await source.open({ signal });
    expect(await rowsIn(chunks)).toEqual([
      ['a', 1],
      ['b', 2],
    ]);
    await meanwhile;
    const at = { topic: 'things', partition: '0' };
    expect(position.offsets.through(at)).toBe('0');
    expect((await log.locate('head', signal)).offsets.through(at)).toBe('1');
  });

  it('I1: asks for no row before the head is known, however long that takes', async () => {
    const order: string[] = [];
    const position = {
      source: { kind: 'toy', order: 'decimal' as const, epochs: {} },
      offsets: OffsetMap.from('decimal', [{ topic: 'things', partition: '0', through: decimal(7) }]),
    };
    const log = {
      ...memoryLog({ topics: ['things'] }),
      locate: async () => {
        await new Promise(setImmediate);
        order.push('head');
        return position;
      },
    } satisfies Log<'things'>;
    const snapshot = await headThenRows(log, {
      things: () => {
        order.push('rows');
        return [];
      },
    }).open({ signal });
    expect(await rowsIn(snapshot.chunks)).toEqual([]);
    expect(snapshot.position).toBe(position);
    expect(order).toEqual(['head', 'rows']);
  });
});
