import fc from 'fast-check';
import {
  before,
  beginning,
  closed,
  compareOffsets,
  decimal,
  following,
  lexical,
  MalformedPosition,
  offsetFrom,
} from '../src';
import { decimalOffset, digits, lexicalOffset } from './support/arbitraries';

describe('decimal offsets', () => {
  it('compare as the numbers they are, up to 60 digits', () => {
    fc.assert(
      fc.property(digits, digits, (a, b) => {
        const expected = BigInt(a) < BigInt(b) ? -1 : BigInt(a) > BigInt(b) ? 1 : 0;
        expect(compareOffsets('decimal', decimal(a), decimal(b))).toBe(expected);
      }),
    );
  });

  it('tell neighbours beyond 2^53 apart', () => {
    expect(compareOffsets('decimal', decimal('9007199254740992'), decimal('9007199254740993'))).toBe(-1);
    expect(compareOffsets('decimal', decimal('9'), decimal('10'))).toBe(-1);
  });

  it('have a neighbour on either side', () => {
    fc.assert(
      fc.property(digits, (text) => {
        const offset = decimal(text);
        expect(following(offset)).toBe(String(BigInt(text) + 1n));
        expect(before(following(offset))).toBe(offset);
      }),
    );
    expect(before('0')).toBe(beginning);
    expect(following(beginning)).toBe('0');
    expect(() => following(closed)).toThrow(MalformedPosition);
  });

  it('are taken from safe numbers, bigints and canonical text only', () => {
    expect([decimal(42), decimal(42n), decimal('42'), decimal(0)]).toEqual(['42', '42', '42', '0']);
    for (const wrong of ['', ' 1', '01', '-1', '+1', '1.0', '1e3', '0x1', '٣', 'beginning', '1\n'])
      expect(() => decimal(wrong)).toThrow(MalformedPosition);
    for (const wrong of [2 ** 53, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => decimal(wrong)).toThrow(MalformedPosition);
    expect(() => decimal(-1n)).toThrow(MalformedPosition);
  });

  it('from any text are the same digits or MalformedPosition', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9]*$/)), (text) => {
        const canonical = /^[0-9]+$/.test(text) && BigInt(text).toString() === text;
        if (canonical) expect(decimal(text)).toBe(text);
        else expect(() => decimal(text)).toThrow(MalformedPosition);
      }),
    );
  });

  it('refuse in a message that is short, whatever came', () => {
    expect(() => decimal('x'.repeat(10_000))).toThrow(/^not a decimal offset: .{1,80}; expected digits/);
  });
});

describe('lexical offsets', () => {
  it('compare by code units', () => {
    fc.assert(
      fc.property(lexicalOffset, lexicalOffset, (a, b) => {
        fc.pre(![beginning, closed].includes(a) && ![beginning, closed].includes(b));
        expect(compareOffsets('lexical', a, b)).toBe(a < b ? -1 : a > b ? 1 : 0);
      }),
    );
    expect(compareOffsets('lexical', lexical('10'), lexical('9'))).toBe(-1);
  });

  it('are never empty, and never named like an end', () => {
    for (const wrong of ['', 'beginning', 'closed']) expect(() => lexical(wrong)).toThrow(MalformedPosition);
  });
});

describe.each([
  ['decimal' as const, decimalOffset],
  ['lexical' as const, lexicalOffset],
])('the %s order', (order, offset) => {
  it('is total: antisymmetric, transitive, equal only to itself', () => {
    fc.assert(
      fc.property(offset, offset, offset, (a, b, c) => {
        expect(compareOffsets(order, a, b) + compareOffsets(order, b, a)).toBe(0);
        expect(compareOffsets(order, a, b) === 0).toBe(a === b);
        if (compareOffsets(order, a, b) <= 0 && compareOffsets(order, b, c) <= 0)
          expect(compareOffsets(order, a, c)).toBeLessThanOrEqual(0);
      }),
    );
  });

  it('has every record between the two ends', () => {
    fc.assert(
      fc.property(offset, (a) => {
        expect(compareOffsets(order, beginning, a)).toBe(a === beginning ? 0 : -1);
        expect(compareOffsets(order, a, closed)).toBe(a === closed ? 0 : -1);
      }),
    );
  });

  it('reads back what it wrote', () => {
    fc.assert(fc.property(offset, (a) => expect(offsetFrom(order, a)).toBe(a)));
  });
});
