import { beginning, decimal, following, type Offset } from '@tidemark/core';
import * as fc from 'fast-check';
import { gapIn } from '../src/gap';

const start = fc.oneof(
  fc.constant(beginning),
  fc.bigInt({ min: 1n, max: 2n ** 64n }).map((n) => decimal(n)),
);
const steps = fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 20 });

it('I1: finds the first place where a sequence is missing, and none where none is', () => {
  fc.assert(
    fc.property(start, steps, (after, distances) => {
      const records: { readonly offset: Offset }[] = [];
      let at = after === beginning ? 0n : BigInt(after);
      for (const distance of distances) records.push({ offset: decimal((at += BigInt(distance))) });
      const jump = distances.findIndex((distance) => distance > 1);
      const expected = jump < 0 ? undefined : jump === 0 ? after : records[jump - 1]?.offset;
      expect(gapIn(records, after)).toBe(expected);
    }),
  );
});

it('sequences begin at 1', () => {
  expect(gapIn([{ offset: decimal(1) }], beginning)).toBeUndefined();
  expect(gapIn([{ offset: decimal(2) }], beginning)).toBe(beginning);
  expect(gapIn([{ offset: following(decimal('9007199254740993')) }], decimal('9007199254740993'))).toBeUndefined();
});
