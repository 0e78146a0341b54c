import { decimal, following } from '@tidemark/core';
import * as fc from 'fast-check';
import { stepOver } from '../src/step-over';

/** Batches one after the other, with records or without. A fetch brings those of its segment from the one that holds its offset. */
const layouts = fc.array(
  fc.record({ size: fc.integer({ min: 1, max: 90 }), full: fc.boolean(), lastOfSegment: fc.boolean() }),
  { minLength: 1, maxLength: 8 },
);

it('I1: steps over what holds no record, and over nothing else', async () => {
  await fc.assert(
    fc.asyncProperty(layouts, async (batches) => {
      const placed: { readonly last: number; readonly full: boolean; readonly lastOfSegment: boolean }[] = [];
      for (const { size, ...batch } of batches) placed.push({ ...batch, last: (placed.at(-1)?.last ?? 99) + size });
      const end = (placed.at(-1)?.last ?? 0) + 1;
      const bringsNothing = (offset: number): boolean => {
        const from = placed.slice(placed.findIndex(({ last }) => last >= offset));
        const segment = from.slice(0, from.findIndex(({ lastOfSegment }) => lastOfSegment) + 1 || from.length);
        return segment.every(({ full }) => !full);
      };
      const through = await stepOver(decimal(99), String(end), async (offset) => bringsNothing(Number(offset)));
      const firstFull = placed.findIndex(({ full }) => full);
      const firstRecord = firstFull < 0 ? end : (placed[firstFull - 1]?.last ?? 99) + 1;
      expect(Number(through)).toBeLessThan(firstRecord);
      const next = Number(following(through));
      expect(next === end || !bringsNothing(next)).toBe(true);
    }),
  );
});

it('steps over a long stretch in parts', async () => {
  let asked = 0;
  const isEmpty = async () => {
    asked++;
    return true;
  };
  expect(await stepOver(decimal(99), '100000', isEmpty)).toBe('1099');
  expect(asked).toBe(1_000);
});
