import { beginning, closed, compareOffsets, decimal, lexical, MalformedPosition, type Offset } from '@tidemark/core';
import * as fc from 'fast-check';
import { decodeOffset, encodeOffset } from '../src/feed-token';
import { anyChar } from './any-text';

const decimals = fc.oneof(
  fc.constantFrom(beginning, closed, decimal('0')),
  fc.bigInt({ min: 0n, max: 10n ** 60n }).map((n) => decimal(n)),
  fc.bigInt({ min: 0n, max: 1100n }).map((n) => decimal(n)),
  fc.nat(400).map((digits) => decimal(`1${'0'.repeat(digits)}`)),
);
const lexicals = fc.oneof(
  fc.constantFrom<Offset>(beginning, closed),
  fc
    .oneof(
      fc.string({ minLength: 1, unit: anyChar }),
      fc.string({ minLength: 1 }),
      fc.array(fc.nat(0xffff), { minLength: 1 }).map((units) => String.fromCharCode(...units)),
    )
    .filter((text) => text !== beginning && text !== closed)
    .map(lexical),
);
const orders = [
  { order: 'decimal' as const, offsets: decimals },
  { order: 'lexical' as const, offsets: lexicals },
];

describe.each(orders)('tokens of $order offsets', ({ order, offsets }) => {
  it('are reversible', () => {
    fc.assert(fc.property(offsets, (offset) => decodeOffset(order, encodeOffset(order, offset)) === offset));
  });

  it('I3: sort as plain text as the offsets do', () => {
    fc.assert(
      fc.property(offsets, offsets, (a, b) => {
        const [x, y] = [encodeOffset(order, a), encodeOffset(order, b)];
        expect(x < y ? -1 : x > y ? 1 : 0).toBe(compareOffsets(order, a, b));
      }),
      { numRuns: 1_000 },
    );
  });

  it('are no sentinel, need no escaping in a URL, and come after -1', () => {
    fc.assert(
      fc.property(offsets, (offset) => {
        const token = encodeOffset(order, offset);
        expect(token).toMatch(/^[0-9A-Za-z-]+$/);
        expect(['-1', 'now']).not.toContain(token);
        expect('-1' < token).toBe(true);
      }),
    );
  });

  it('refuses what it never wrote, with a typed error', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.stringMatching(/^[al][0-9A-Za-z-]{0,8}$/)).filter((s) => s !== '-1'),
        (token) => {
          try {
            const offset = decodeOffset(order, token);
            expect(encodeOffset(order, offset)).toBe(token);
          } catch (error) {
            expect(error).toBeInstanceOf(MalformedPosition);
          }
        },
      ),
      { numRuns: 1_000 },
    );
  });
});

describe('tokens', () => {
  it('look like this', () => {
    expect(encodeOffset('decimal', decimal(42))).toBe('a242');
    expect(encodeOffset('decimal', decimal(10n ** 18n))).toBe('b191000000000000000000');
    expect(encodeOffset('lexical', lexical('0000_0012'))).toBe('l0000A5f0012');
    expect(encodeOffset('lexical', lexical('a/b=z?é'))).toBe('la-2fbA3dz007aA3fz00e9');
    expect(encodeOffset('decimal', beginning)).toBe('0');
    expect(encodeOffset('lexical', closed)).toBe('z');
  });

  it('read -1 as the beginning', () => {
    expect(decodeOffset('decimal', '-1')).toBe(beginning);
    expect(decodeOffset('lexical', '-1')).toBe(beginning);
  });

  it.each(['', 'now', 'a142', 'a342', 'a2042', 'a20', 'b0142', 'a242 ', 'l', 'l-41', 'lz0061', 'A', 'a2-1'])(
    'refuses %j in either order',
    (token) => {
      for (const order of ['decimal', 'lexical'] as const)
        expect(() => decodeOffset(order, token)).toThrow(MalformedPosition);
    },
  );
});
