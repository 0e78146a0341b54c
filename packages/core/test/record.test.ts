import fc from 'fast-check';
import { type LogRecord, witnessOf } from '../src';

const bytes = fc.option(fc.uint8Array());
const evidence = fc.record({ key: bytes, value: bytes, timestamp: fc.nat() });

describe('a witness', () => {
  it('is the timestamp and a checksum that tells the key from the value', () => {
    const of = (key: string, value: string) =>
      witnessOf({ key: Buffer.from(key), value: Buffer.from(value), timestamp: 1_700_000_000_000 });
    expect(of('k', 'v')).toMatch(/^1700000000000\.1\.1\.[0-9a-f]{1,8}$/);
    expect(new Set([of('ab', 'c'), of('a', 'bc'), of('', 'abc'), of('abc', '')]).size).toBe(4);
  });

  it('is the same for the same record, wherever its bytes lie', () => {
    fc.assert(
      fc.property(evidence, ({ key, value, timestamp }) => {
        const copy = { key: key && Buffer.from(key), value: value && Uint8Array.from(value), timestamp };
        expect(witnessOf(copy)).toBe(witnessOf({ key, value, timestamp }));
      }),
    );
  });

  it('I7: differs where a byte or the time differs', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1 }), fc.nat(), fc.nat({ max: 7 }), (value, at, bit) => {
        const record = { key: Buffer.from('k'), value, timestamp: 5 };
        const flipped = Uint8Array.from(value);
        flipped[at % value.length]! ^= 1 << bit;
        expect(witnessOf({ ...record, value: flipped })).not.toBe(witnessOf(record));
        expect(witnessOf({ ...record, timestamp: 6 })).not.toBe(witnessOf(record));
      }),
    );
  });

  it('is made of records without a key or without a value too', () => {
    const none: Pick<LogRecord, 'key' | 'value' | 'timestamp'> = { key: null, value: null, timestamp: 0 };
    expect(witnessOf(none)).toBe('0.-.-.0');
    expect(witnessOf({ ...none, value: Buffer.from('v') })).not.toBe(witnessOf(none));
    expect(witnessOf({ ...none, value: Buffer.alloc(0) })).not.toBe(witnessOf(none)); // a tombstone is no empty value
    expect(witnessOf({ ...none, key: Buffer.alloc(0) })).not.toBe(witnessOf(none));
  });
});
