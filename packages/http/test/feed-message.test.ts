import { decimal, type LogRecord, type SyncError, TransportFault } from '@tidemark/core';
import * as fc from 'fast-check';
import { messageText, recordOf } from '../src/feed-message';
import { anyChar } from './any-text';

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.json().map((text) => Buffer.from(text)),
  fc.json().map((text) => Buffer.from(` ${text}\n`)),
  fc.string({ unit: anyChar }).map((text) => Buffer.from(text)),
  fc
    .constantFrom(
      '',
      'null',
      '-0',
      '1.0',
      '1e2',
      '9007199254740993',
      '{"a":1,"a":2}',
      '{"b":1,"1":2}',
      '"\\ud800"',
      '\ufeff{}',
    )
    .map((text) => Buffer.from(text)),
  fc
    .constantFrom('{"__proto__":{"x":1}}', '["a" , 1]', '"\u2028"', '"\\u0041"', '{"a":\r\n1}')
    .map((text) => Buffer.from(text)),
);
const timestamps = fc.oneof(
  fc.integer({ min: 0, max: 4_102_444_800_000 }),
  fc.double(),
  fc.constantFrom(-0, 0, -1, -62_167_219_200_000, -62_167_219_200_001, 253_402_300_799_999, 253_402_300_800_000, 1.5),
);
const records: fc.Arbitrary<LogRecord> = fc.record({
  key: fc.option(bytes),
  value: fc.option(bytes),
  headers: fc
    .array(fc.tuple(fc.oneof(fc.string({ unit: anyChar }), fc.constantFrom('__proto__', '\ud800', '')), bytes), {
      maxLength: 4,
    })
    .map((pairs) => new Map(pairs)),
  timestamp: timestamps,
  offset: fc.bigInt({ min: 0n, max: 10n ** 30n }).map((n) => decimal(n)),
});

const plain = ({ key, value, headers, timestamp, offset }: LogRecord) => ({
  key: key === null ? null : [...key],
  value: value === null ? null : [...value],
  headers: [...headers].map(([name, field]) => [name, [...field]]),
  timestamp,
  offset,
});

describe('feed messages', () => {
  it('I1: give back the very record, whatever its bytes', () => {
    fc.assert(
      fc.property(records, (record) => {
        const text = messageText('orders', 'decimal', record);
        const [message] = JSON.parse(`[${text}]`) as unknown[];
        expect(plain(recordOf('orders', 'decimal', message))).toEqual(plain(record));
      }),
      { numRuns: 1_000 },
    );
  });

  it('are change messages of the State Protocol', () => {
    fc.assert(
      fc.property(records, (record) => {
        const message = JSON.parse(messageText('orders', 'decimal', record)) as {
          type: string;
          key: string;
          value?: unknown;
          headers: { operation: string; timestamp?: string };
        };
        expect(message.type).toBe('orders');
        expect(message.key).not.toBe('');
        expect(message.headers.operation).toBe(record.value === null ? 'delete' : 'update');
        expect('value' in message).toBe(record.value !== null);
        expect(message.headers.timestamp ?? '2026-01-01T00:00:00.000Z').toMatch(/^\d{4}-\d\d-\d\dT[0-9:.]+Z$/);
      }),
    );
  });

  const simple = { key: Buffer.from('a1'), headers: new Map(), timestamp: 0, offset: decimal(7) };

  it('carry JSON as JSON, readable for everybody, and its exact text only where it matters', () => {
    expect(messageText('orders', 'decimal', { ...simple, value: Buffer.from('{"n":1}') })).toBe(
      '{"type":"orders","key":"a1","value":{"n":1},"headers":{"operation":"update","timestamp":"1970-01-01T00:00:00.000Z","offset":"a17"}}',
    );
    expect(
      JSON.parse(messageText('orders', 'decimal', { ...simple, value: Buffer.from('{ "n": 1.0 }') })),
    ).toMatchObject({
      value: { n: 1 },
      headers: { tidemark: { exact: '{ "n": 1.0 }' } },
    });
    expect(JSON.parse(messageText('orders', 'decimal', { ...simple, value: Buffer.of(0xff, 0) }))).toMatchObject({
      value: '/wA=',
      headers: { tidemark: { value: 'base64' } },
    });
  });

  it('survive values nested beyond any stack, and refuse messages that are', () => {
    const depth = 200_000;
    const value = Buffer.from('['.repeat(depth) + ']'.repeat(depth));
    const message: unknown = JSON.parse(messageText('orders', 'decimal', { ...simple, value }));
    expect(Buffer.from(recordOf('orders', 'decimal', message).value ?? []).equals(value)).toBe(true);
    const deep: unknown = JSON.parse(
      `{"type":"orders","key":"k","value":${value.toString()},"headers":{"operation":"update","timestamp":"2026-01-01T00:00:00Z","offset":"a17"}}`,
    );
    expect(() => recordOf('orders', 'decimal', deep)).toThrow(TransportFault);
  });

  it('refuse everything else with a typed error that holds no payload', () => {
    const good = JSON.parse(messageText('orders', 'decimal', { ...simple, value: Buffer.from('1') })) as Record<
      string,
      unknown
    >;
    const headers = fc.record(
      {
        operation: fc.oneof(fc.constantFrom('update', 'delete'), fc.jsonValue()),
        timestamp: fc.oneof(fc.constant('2026-01-01T00:00:00Z'), fc.jsonValue()),
        offset: fc.oneof(fc.constant('a17'), fc.jsonValue()),
        tidemark: fc.oneof(
          fc.jsonValue(),
          fc.record(
            {
              key: fc.oneof(fc.constantFrom('base64', 'none', 'empty'), fc.jsonValue()),
              value: fc.oneof(fc.constant('base64'), fc.jsonValue()),
              exact: fc.jsonValue(),
              ms: fc.oneof(fc.constantFrom('NaN', '1', '01'), fc.jsonValue()),
              fields: fc.jsonValue(),
            },
            { requiredKeys: [] },
          ),
        ),
      },
      { requiredKeys: [] },
    );
    const messages = fc.oneof(
      fc.jsonValue(),
      fc
        .tuple(headers, fc.jsonValue(), fc.jsonValue())
        .map(([h, key, value]) => ({ type: 'orders', key, value, headers: h })),
      fc
        .tuple(fc.constantFrom('type', 'key', 'headers'), fc.jsonValue())
        .map(([name, value]) => ({ ...good, [name]: value })),
      headers.map((h) => ({ ...good, value: 'secret payload', headers: h })),
    );
    fc.assert(
      fc.property(messages, (message) => {
        try {
          expect(recordOf('orders', 'decimal', message).offset).toBeDefined();
        } catch (error) {
          expect(error).toBeInstanceOf(TransportFault);
          expect((error as SyncError).message).not.toContain('secret payload');
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
