import { beginning, decimal, OffsetMap } from '@tidemark/core';
import { recordsThrough, showPosition } from '../src/positions';

const position = {
  source: { kind: 'sqlite', order: 'decimal', epochs: {} } as const,
  offsets: OffsetMap.from('decimal', [
    { topic: 'files', partition: '1', through: beginning },
    { topic: 'files', partition: '0', through: decimal(41) },
  ]),
};

it('shows a position shortly, and counts the records up to it', () => {
  expect(showPosition(position)).toBe('files 0@41 1@beginning');
  expect(recordsThrough(position)).toBe(42);
  expect(recordsThrough({ ...position, source: { ...position.source, kind: 'nats' } })).toBe(41);
});
