import fc from 'fast-check';
import { beginning, closed, decimal, type Entry, lexical, type Offset, OffsetMap, type Position } from '../../src';

/** Decimal digits, small ones (so that they collide) and ones of up to 60 digits. */
export const digits: fc.Arbitrary<string> = fc.oneof(
  fc.nat(20).map(String),
  fc.bigInt(0n, 10n ** 60n - 1n).map(String),
  fc.constantFrom('9007199254740991', '9007199254740992', '9007199254740993', '18446744073709551615'),
);

export const decimalOffset: fc.Arbitrary<Offset> = fc.oneof(
  { weight: 5, arbitrary: digits.map(decimal) },
  { weight: 1, arbitrary: fc.constantFrom(beginning, closed) },
);

export const lexicalOffset: fc.Arbitrary<Offset> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .string({ minLength: 1 })
      .filter((text) => text !== beginning && text !== closed)
      .map(lexical),
  },
  { weight: 1, arbitrary: fc.constantFrom(beginning, closed) },
);

const codePoint = fc.oneof(
  fc.nat(0x7f),
  fc.nat(0x10ffff).filter((code) => code < 0xd800 || code > 0xdfff),
);

/** A character of all that Unicode has, often ASCII. (fast-check's own `binary` is made in a second of computing.) */
const anyChar = codePoint.map((code) => String.fromCodePoint(code));

/** Names that break naive maps and separators, and any text. */
export const name: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom('a', 'b', '__proto__', 'constructor', 'toString', '1:a', '', 'a/b', 'тема'),
  fc.string({ unit: anyChar }),
);

const witness = fc.option(fc.constantFrom('1.a', '1.b', '2.a'), { nil: undefined });

/** Few partitions, so that maps meet each other in them. */
export const entry: fc.Arbitrary<Entry> = fc.record({
  topic: fc.constantFrom('a', 'b', '__proto__'),
  partition: fc.constantFrom('0', '1', '__proto__'),
  through: decimalOffset,
  witness,
});

export const offsetMap: fc.Arbitrary<OffsetMap> = fc.array(entry).map((entries) => OffsetMap.from('decimal', entries));

export const position: fc.Arbitrary<Position> = fc.constantFrom('decimal' as const, 'lexical' as const).chain((order) =>
  fc.record({
    source: fc.record({
      kind: name,
      order: fc.constant(order),
      cluster: fc.option(name, { nil: undefined }),
      epochs: fc.array(fc.tuple(name, name)).map((pairs) => Object.fromEntries(pairs)),
    }),
    offsets: fc
      .array(
        fc.record({
          topic: name,
          partition: name,
          through: order === 'decimal' ? decimalOffset : lexicalOffset,
          witness,
        }),
      )
      .map((entries) => OffsetMap.from(order, entries)),
  }),
);
