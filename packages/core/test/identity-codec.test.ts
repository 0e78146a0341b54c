import * as fc from 'fast-check';
import * as t from 'io-ts';
import { isIdentityCodec } from '../src/identity-codec';

const leaves: readonly t.Mixed[] = [
  ...[t.null, t.undefined, t.unknown, t.string, t.number, t.bigint, t.boolean, t.UnknownArray, t.UnknownRecord],
  ...[t.literal(0), t.literal('a'), t.keyof({ a: null, b: null }), t.Int],
];
const key = fc.constantFrom('a', 'b', 'of');

/** Codecs of everything that counts as an identity, nested in one another. */
const { codec } = fc.letrec<{ codec: t.Mixed }>((tie) => {
  const props = fc.dictionary(key, tie('codec'), { maxKeys: 3, noNullPrototype: true });
  const tagged = (of: string) => props.map((others) => t.type({ ...others, of: t.literal(of) }));
  return {
    codec: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom(...leaves),
      props.map((of) => t.type(of)),
      props.map((of) => t.partial(of)),
      tie('codec').map((of) => t.array(of)),
      fc.tuple(tie('codec'), tie('codec')).map((of) => t.union(of)),
      fc.tuple(tagged('a'), tagged('b')).map((of) => t.union(of)),
      fc.tuple(tie('codec'), tie('codec')).map((of) => t.intersection(of)),
      tie('codec').map((of) => t.refinement(of, (value) => value !== 'a')),
    ),
  };
});

/** JSON values that often have the form asked for: the same few keys, tags and primitives. */
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(null, 0, 1, 1.5, 'a', 'b', true),
    fc.dictionary(key, tie('value'), { maxKeys: 3, noNullPrototype: true }),
    fc.record({ of: fc.constantFrom('a', 'b'), a: tie('value') }, { requiredKeys: ['of'] }),
    fc.array(tie('value'), { maxLength: 3 }),
  ),
}));

it('what `is` takes, `decode` gives back as it is; what it refuses, `decode` refuses', () => {
  let [taken, refused] = [0, 0];
  fc.assert(
    fc.property(codec, value, (codec, value) => {
      fc.pre(isIdentityCodec(codec));
      const decoded = codec.decode(value);
      if (codec.is(value)) {
        taken += 1;
        expect(decoded).toStrictEqual(t.success(value));
      } else {
        refused += 1;
        expect(decoded._tag).toBe('Left');
      }
    }),
    { numRuns: 3_000, maxSkipsPerRun: 10 },
  );
  expect(Math.min(taken, refused)).toBeGreaterThan(300);
});

it('takes what is made of nothing else', () => {
  const event = t.intersection([t.type({ id: t.string, n: t.Int }), t.partial({ tags: t.array(t.string) })]);
  const either = t.union([t.type({ type: t.literal('a'), of: event }), t.type({ type: t.literal('b') })]);
  expect([event, either, t.union([t.null, t.array(event)])].map(isIdentityCodec)).toEqual([true, true, true]);
});

/** Copies as io-ts-types makes them: the same class and tag, another `validate` or `is`. */
function copyOf<C extends t.Mixed>(codec: C, changes: Partial<Pick<C, 'is' | 'validate'>>): C {
  return Object.assign(Object.create(Object.getPrototypeOf(codec) as object) as C, codec, changes);
}
const trimmed = copyOf(t.string, { validate: (value) => t.success(String(value).trim()) });
const loud = copyOf(t.string, { is: (value): value is string => value !== null });

it.each<[string, t.Mixed]>([
  ['strict, which strips', t.strict({ a: t.string })],
  ['record, which may drop keys', t.record(t.keyof({ a: null }), t.string)],
  ['tuple, which cuts', t.tuple([t.string])],
  ['a recursion, whose end is unknown', t.recursion('r', () => t.string)],
  ['a type with a property that may be missing', t.type({ a: t.union([t.string, t.undefined]) })],
  ['a type with a property that may be anything', t.type({ a: t.unknown })],
  ['a codec of your own', new t.Type<number>('n', t.number.is, (value) => t.success(Number(value)), Number)],
  ['a copy with another validate', trimmed],
  ['a copy with another is', loud],
])('leaves %s to `decode`, at any depth', (_, codec) => {
  const nested = [
    codec,
    t.type({ a: codec }),
    t.partial({ a: codec }),
    t.array(codec),
    t.union([t.number, codec]),
    t.intersection([t.unknown, codec]),
    t.refinement(codec, () => true),
    t.type({ a: t.array(t.partial({ b: codec })) }),
  ];
  expect(nested.map(isIdentityCodec)).toEqual(nested.map(() => false));
});
