import { beginning, decimal, FencedOut, OffsetMap, type Position } from '@tidemark/core';
import { MemoryPositions } from '../src/memory-positions';

const p0 = { topic: 't', partition: '0' };
const p1 = { topic: 't', partition: '1' };
const at = (through: number): Position => ({
  source: { kind: 'memory', order: 'decimal', epochs: {} },
  offsets: OffsetMap.empty('decimal').with(p0, { through: decimal(through) }),
});
const advance = (partition: typeof p0, after: string, through: string) => ({
  partition,
  after: after === beginning ? beginning : decimal(after),
  through: { through: decimal(through), witness: '1.a' },
});

describe('positions', () => {
  it('are never synchronised before the first reset', async () => {
    const positions = new MemoryPositions();
    expect(await positions.load()).toBeUndefined();
    await expect(positions.save('s1', [])).rejects.toThrow(FencedOut);
  });

  it('advance from where they stand, a partition that is missing from its beginning', async () => {
    const positions = new MemoryPositions();
    await positions.reset(at(5), 's1');
    await positions.save('s1', [advance(p0, '5', '7'), advance(p1, beginning, '3')]);
    const stored = await positions.load();
    expect([...stored!.position.offsets]).toEqual([
      { ...p0, through: '7', witness: '1.a' },
      { ...p1, through: '3', witness: '1.a' },
    ]);
  });

  it('I11: refuse another snapshot’s saves and other places, and save nothing of the rest', async () => {
    const positions = new MemoryPositions();
    await positions.reset(at(5), 's1');
    await expect(positions.save('s1', [advance(p1, beginning, '3'), advance(p0, '4', '7')])).rejects.toThrow(FencedOut);
    await positions.reset(at(6), 's2');
    await expect(positions.save('s1', [advance(p0, '6', '7')])).rejects.toThrow(FencedOut);
    const stored = await positions.load();
    expect([...stored!.position.offsets]).toEqual([{ ...p0, through: '6', witness: undefined }]);
  });
});

it('refuses dead letters, which it could not keep', async () => {
  const positions = new MemoryPositions();
  await positions.reset(at(5), 's1');
  const record = { key: null, value: null, headers: new Map(), timestamp: 0, offset: decimal(6) };
  const rejected = [{ record, error: new FencedOut('any') }];
  await expect(positions.save('s1', [{ ...advance(p0, '5', '6'), rejected }])).rejects.toMatchObject({
    code: 'INVALID_CONFIGURATION',
  });
  expect((await positions.load())?.position.offsets.through(p0)).toBe('5');
});
