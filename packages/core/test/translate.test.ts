import * as fc from 'fast-check';
import { filter, firstValueFrom, map } from 'rxjs';
import { applyTo, type Change, type Replica, translate } from '@tidemark/core';
import { stopped } from './support/stopped';
import { listen, eventually, type Thing, World } from './support/world';

/** What these steps make of the numbers, through a real run. */
async function through(numbers: readonly number[], steps: (n: number) => unknown): Promise<unknown[]> {
  const world = new World(1);
  const out: unknown[] = [];
  const view = world.view();
  const collecting: Replica<unknown> = {
    shared: true,
    load: () => view.load(),
    take: async (...args) => {
      const bootstrap = await view.take(...args);
      return { ...bootstrap, stage: async () => undefined };
    },
    apply: async (term, batches) => {
      const answers = await view.apply(
        term,
        batches.map((batch) => ({ ...batch, changes: [] as Change<Thing>[] })),
      );
      for (const { changes } of batches) out.push(...changes);
      return answers;
    },
    amend: async () => 'gone',
    letters: async () => [],
    pause: async () => undefined,
  };
  const pipeline = world.source().pipe(
    translate((m) => (m.kind === 'update' && 'set' in m.value ? m.value.set.n : [])),
    translate(steps),
    applyTo(collecting),
  );
  listen(stopped(pipeline));
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  for (const n of numbers) world.set(1, n);
  world.set(1, -1);
  await eventually(() => out.at(-1) === 'end');
  await pipeline.stop();
  return out.slice(0, -1);
}

const small = { numRuns: 15 };
const numbers = fc.array(fc.nat(99), { maxLength: 12 });
const orEnd = (f: (n: number) => unknown) => (n: number) => (n === -1 ? 'end' : f(n));

it('gives one message, several or none', async () => {
  await fc.assert(
    fc.asyncProperty(numbers, async (input) => {
      const flat = orEnd((n) => (n % 3 === 0 ? undefined : n % 3 === 1 ? n : [n, n + 1]));
      const expected = input.flatMap((n) => (n % 3 === 0 ? [] : n % 3 === 1 ? [n] : [n, n + 1]));
      expect(await through(input, flat)).toEqual(expected);
    }),
    small,
  );
});

it('law: the identity changes nothing, an array is flattened by one level', async () => {
  await fc.assert(
    fc.asyncProperty(numbers, async (input) => {
      expect(
        await through(
          input,
          orEnd((n) => n),
        ),
      ).toEqual(input);
      expect(
        await through(
          input,
          orEnd((n) => [[n]]),
        ),
      ).toEqual(input.map((n) => [n]));
      expect(
        await through(
          input,
          orEnd(() => []),
        ),
      ).toEqual([]);
    }),
    small,
  );
});

it('keeps its error apart from ours: TRANSLATE_FAILED with the cause', async () => {
  const world = new World(1);
  world.set(1, 1);
  const pipeline = world.source().pipe(
    translate(() => {
      throw new TypeError('mine');
    }),
    applyTo(world.view()),
  );
  await expect(stopped(pipeline).run()).rejects.toMatchObject({ code: 'TRANSLATE_FAILED', cause: { message: 'mine' } });
});

it('translates on the road of plain operators too', async () => {
  const world = new World(1);
  world.set(1, 5);
  const source = world.source().pipe(translate((m) => m.kind));
  const rows = source.pipe(
    filter((event) => event.type === 'snapshotRows'),
    map((event) => event.messages),
  );
  expect(await firstValueFrom(rows)).toEqual(['row']);
});

it('takes nothing but a Sync', () => {
  const step = translate((n: number) => n);
  expect(() => step({} as never)).toThrow(TypeError);
});
