import { beginning, decimal, following, type Offset } from '@tidemark/core';
import * as fc from 'fast-check';
import { gapsIn } from '../src/gap';

const start = fc.oneof(
  fc.constant(beginning),
  fc.bigInt({ min: 1n, max: 2n ** 64n }).map((n) => decimal(n)),
);
const steps = fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 20 });

it('I1: finds each place where sequences are missing, and none where none are', () => {
  fc.assert(
    fc.property(start, steps, (after, distances) => {
      const records: { readonly offset: Offset }[] = [];
      let at = after === beginning ? 0n : BigInt(after);
      for (const distance of distances) records.push({ offset: decimal((at += BigInt(distance))) });
      const expected = distances.flatMap((distance, i) => {
        const before = i === 0 ? after : records[i - 1]?.offset;
        return distance > 1 ? [{ after: before, before: records[i]?.offset }] : [];
      });
      const found = gapsIn(records, after);
      expect(found.map(({ after, before }) => ({ after, before }))).toEqual(expected);
      for (const { after, from } of found) expect(BigInt(from)).toBe(after === beginning ? 1n : BigInt(after) + 1n);
    }),
  );
});

it('sequences begin at 1', () => {
  expect(gapsIn([{ offset: decimal(1) }], beginning)).toEqual([]);
  expect(gapsIn([{ offset: decimal(2) }], beginning)).toEqual([{ after: beginning, from: '1', before: '2' }]);
  expect(gapsIn([{ offset: following(decimal('9007199254740993')) }], decimal('9007199254740993'))).toEqual([]);
});
