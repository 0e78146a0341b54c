import * as fc from 'fast-check';
import { KeyedPool } from '../src/keyed-pool';

it('law: everything is done once, in order within a key, never more than the width at a time', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(5), { maxLength: 40 }),
      fc.integer({ min: 1, max: 6 }),
      fc.infiniteStream(fc.nat(3)),
      async (keys, width, pauses) => {
        const pool = new KeyedPool(width);
        const done: [number, number][] = [];
        let [running, most] = [0, 0];
        const items = keys.map((key, i) => ({ key, i }));
        await pool.all(
          items,
          ({ key }) => key,
          async ({ key, i }) => {
            most = Math.max(most, ++running);
            for (let n = Number(pauses.next().value); n > 0; n--) await Promise.resolve();
            running--;
            done.push([key, i]);
          },
        );
        expect(done).toHaveLength(items.length);
        expect(most).toBeLessThanOrEqual(width);
        for (const key of new Set(keys)) {
          const order = done.filter(([k]) => k === key).map(([, i]) => i);
          expect(order).toEqual([...order].sort((a, b) => a - b));
        }
      },
    ),
  );
});

it('a slow key holds nobody else up', async () => {
  const pool = new KeyedPool(2);
  const done: string[] = [];
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  const all = pool.all(
    ['slow', 'a', 'b', 'c'],
    (key) => key,
    async (key) => {
      if (key === 'slow') await held;
      done.push(key);
    },
  );
  while (done.length < 3) await new Promise(setImmediate);
  release();
  await all;
  expect(done).toEqual(['a', 'b', 'c', 'slow']);
});

it('after a failure nothing begins, what had begun settles, and the failure is told', async () => {
  const pool = new KeyedPool(2);
  const done: number[] = [];
  const all = pool.all(
    [1, 2, 3, 4],
    (n) => n,
    async (n) => {
      await Promise.resolve();
      if (n === 1) throw new Error('mine');
      done.push(n);
    },
  );
  await expect(all).rejects.toThrow('mine');
  expect(done).toEqual([2]);
  await pool.all(
    [5],
    (n) => n,
    async (n) => void done.push(n),
  );
  expect(done).toEqual([2, 5]);
});
