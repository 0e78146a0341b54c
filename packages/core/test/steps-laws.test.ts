import * as fc from 'fast-check';
import * as t from 'io-ts';
import { decimal, type LogRecord, type Sync, translate } from '@tidemark/core';
import { Steps } from '../src/plan';
import { planOf, syncOf } from '../src/sync';
import { World } from './support/world';

/* Laws of decoding and translating, on the very function that a run calls for each delivery. */

const partition = { topic: 'toy.numbers', partition: '0' };

/** A source whose updates are numbers. */
const numbers = (): Sync<{ readonly value: number }> =>
  syncOf({ ...planOf(new World(1).source()), decode: { numbers: { row: t.number, update: t.number } } });

const recordsOf = (values: readonly unknown[]): LogRecord[] =>
  values.map((value, i) => {
    const bytes = Buffer.from(JSON.stringify(value));
    return { key: null, value: bytes, headers: new Map(), timestamp: i, offset: decimal(i) };
  });

interface Outcome {
  readonly out: readonly unknown[];
  readonly poison: readonly (readonly [offset: string, code: string])[];
}

function through(sync: Sync<unknown>, values: readonly unknown[]): Outcome {
  const poison: [string, string][] = [];
  const steps = new Steps<unknown>(planOf(sync));
  const out = steps.records('numbers', partition, recordsOf(values), ({ offset }, { code }) => {
    poison.push([offset, code]);
  });
  return { out, poison };
}

/** What a function of numbers may answer: one, several, none; or it throws. */
type Answer = number | readonly number[] | undefined | 'throws';
const answer: fc.Arbitrary<Answer> = fc.oneof(
  { weight: 3, arbitrary: fc.nat(9) },
  { weight: 3, arbitrary: fc.array(fc.nat(9), { maxLength: 3 }) },
  { weight: 1, arbitrary: fc.constant(undefined) },
  { weight: 1, arbitrary: fc.constant('throws' as const) },
);
/** A function by its table of answers. */
const table = fc.array(answer, { minLength: 10, maxLength: 10 });

const lookUp = (answers: readonly Answer[], n: number): number | readonly number[] | undefined => {
  const found = answers[n];
  if (found === 'throws') throw new Error('mine');
  return found;
};
const flat = (result: number | readonly number[] | undefined): readonly number[] =>
  result === undefined ? [] : typeof result === 'number' ? [result] : result;

const values = fc.array(fc.nat(9), { maxLength: 20 });
const valueOf = translate((m: { readonly value: number }) => m.value);

it('law: the identity changes nothing, wherever it stands', () => {
  fc.assert(
    fc.property(values, table, (input, f) => {
      const same = translate((m: { readonly value: number }) => m);
      const sameNumber = translate((n: number) => n);
      const step = translate((n: number) => lookUp(f, n));
      expect(through(numbers().pipe(same), input)).toEqual(through(numbers(), input));
      const translated = through(numbers().pipe(valueOf, step), input);
      expect(through(numbers().pipe(same, valueOf, step), input)).toEqual(translated);
      expect(through(numbers().pipe(valueOf, sameNumber, step), input)).toEqual(translated);
      expect(through(numbers().pipe(valueOf, step, sameNumber), input)).toEqual(translated);
    }),
  );
});

it('law: two translates are one of the composed function', () => {
  fc.assert(
    fc.property(values, table, table, (input, f, g) => {
      const two = numbers().pipe(
        valueOf,
        translate((n: number) => lookUp(f, n)),
        translate((n: number) => lookUp(g, n)),
      );
      const one = numbers().pipe(
        valueOf,
        translate((n: number) => flat(lookUp(f, n)).flatMap((m) => flat(lookUp(g, m)))),
      );
      expect(through(two, input)).toEqual(through(one, input));
    }),
  );
});

it('I3: law: messages come in the order of their records, each as often as it was answered', () => {
  fc.assert(
    fc.property(values, table, (input, f) => {
      const well = f.map((one) => (one === 'throws' ? undefined : one));
      const sync = numbers().pipe(
        valueOf,
        translate((n: number) => lookUp(well, n)),
      );
      expect(through(sync, input)).toEqual({ out: input.flatMap((n) => flat(lookUp(well, n))), poison: [] });
    }),
  );
});

it('I1: law: poison takes away the messages of its record, all of them, and no other; each is named once', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.nat(9), fc.constant('no number')), { maxLength: 20 }),
      table,
      table,
      (input, f, g) => {
        const steps = (source: Sync<{ readonly value: number }>) =>
          source.pipe(
            valueOf,
            translate((n: number) => lookUp(f, n)),
            translate((n: number) => lookUp(g, n)), // throws after others of its record have come out
          );
        const fails = (n: unknown) =>
          typeof n !== 'number' || f[n] === 'throws' || flat(lookUp(f, n)).some((m) => g[m] === 'throws');
        const { out, poison } = through(steps(numbers()), input);
        const kept = input.filter((n) => !fails(n));
        expect(out).toEqual(through(steps(numbers()), kept).out);
        expect(poison).toEqual(
          input.flatMap((n, i) =>
            fails(n) ? [[String(i), typeof n === 'number' ? 'TRANSLATE_FAILED' : 'DECODE_FAILED']] : [],
          ),
        );
      },
    ),
  );
});

it('law: how records are cut into deliveries changes nothing', () => {
  fc.assert(
    fc.property(values, table, fc.nat(20), (input, f, cut) => {
      const sync = numbers().pipe(
        valueOf,
        translate((n: number) => lookUp(f, n)),
      );
      const [first, rest] = [input.slice(0, cut), input.slice(cut)];
      expect([...through(sync, first).out, ...through(sync, rest).out]).toEqual(through(sync, input).out);
    }),
  );
});
