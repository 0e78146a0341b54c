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

it('law: after a failure what was done of each key is a prefix, and nothing began that had not', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(4), fc.nat(3), fc.boolean()), { minLength: 1, maxLength: 30 }),
      fc.integer({ min: 1, max: 5 }),
      async (items, width) => {
        const pool = new KeyedPool(width);
        const begun: number[] = [];
        const done: number[] = [];
        let failedAt: number | undefined;
        let [known, late] = [false, false];
        const all = pool.all(
          items.map((item, i) => [i, ...item] as const),
          ([, key]) => key,
          async ([i, , pauses, fails]) => {
            late ||= known;
            begun.push(i);
            for (let n = pauses; n > 0; n--) await new Promise(setImmediate);
            if (fails) {
              failedAt ??= i;
              setImmediate(() => (known = true));
              throw new Error(String(i));
            }
            done.push(i);
          },
        );
        const outcome = await all.then(
          () => undefined,
          (error: unknown) => error,
        );
        expect(outcome).toEqual(failedAt === undefined ? undefined : new Error(String(failedAt)));
        expect(late).toBe(false);
        for (const key of new Set(items.map(([k]) => k))) {
          const ofKey = items.flatMap(([k], i) => (k === key ? [i] : []));
          for (const some of [begun, done]) {
            const order = some.filter((i) => ofKey.includes(i));
            expect(order).toEqual(ofKey.slice(0, order.length));
          }
        }
        // places are given back: what comes later runs
        await pool.all(
          [0],
          (n) => n,
          async () => undefined,
        );
      },
    ),
  );
});

it("law: the width holds over all that share a pool, and one failure is nobody else's", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(fc.tuple(fc.nat(3), fc.nat(3)), { maxLength: 10 }), { maxLength: 5 }),
      fc.integer({ min: 1, max: 4 }),
      fc.nat(4),
      async (batches, width, failing) => {
        const pool = new KeyedPool(width);
        let [running, most] = [0, 0];
        const done = batches.map(() => 0);
        const outcomes = await Promise.allSettled(
          batches.map((batch, b) =>
            pool.all(
              batch,
              ([key]) => key,
              async ([, pauses]) => {
                most = Math.max(most, ++running);
                for (let n = pauses; n > 0; n--) await Promise.resolve();
                running--;
                if (b === failing) throw new Error('mine');
                done[b]!++;
              },
            ),
          ),
        );
        expect(most).toBeLessThanOrEqual(width);
        expect(running).toBe(0);
        for (const [b, { status }] of outcomes.entries()) {
          const fails = b === failing && batches[b]!.length > 0;
          expect([status, done[b]]).toEqual(fails ? ['rejected', 0] : ['fulfilled', batches[b]!.length]);
        }
      },
    ),
  );
});
