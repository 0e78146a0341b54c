import * as t from 'io-ts';
import { decimal, type LogRecord, type StandardSchema } from '@tidemark/core';
import { topicReader } from '../src/topic-reader';

const partition = { topic: 'y.things', partition: '3' };
const record = (value: string | Uint8Array | null, key: Uint8Array | null = Buffer.from('k1')): LogRecord => ({
  key,
  value: typeof value === 'string' ? Buffer.from(value) : value,
  headers: new Map(),
  timestamp: 0,
  offset: decimal(7),
});
const N = t.type({ n: t.number });

const schema = (validate: (value: unknown) => unknown): StandardSchema<number> => ({
  '~standard': { version: 1, vendor: 'mine', validate },
});

function failure(work: () => unknown): Error & { code?: string } {
  try {
    work();
  } catch (error) {
    return error as Error;
  }
  throw new Error('it did not throw');
}

it('reads rows, updates and tombstones by their io-ts decoders', () => {
  const reader = topicReader('things', { row: N, update: N, tombstone: t.string });
  expect(reader.row({ n: 1 })).toEqual({ kind: 'row', topic: 'things', value: { n: 1 } });
  expect(reader.record(partition, record('{"n":2}'))).toMatchObject({
    kind: 'update',
    topic: 'things',
    value: { n: 2 },
    partition,
  });
  expect(reader.record(partition, record(null))).toMatchObject({
    kind: 'tombstone',
    topic: 'things',
    key: 'k1',
    partition,
  });
});

it('reads by any Standard Schema validator', () => {
  const reader = topicReader('things', {
    row: schema((value) => (typeof value === 'number' ? { value: value + 1 } : { issues: [{ message: 'no' }] })),
    update: N,
  });
  expect(reader.row(1)).toMatchObject({ value: 2 });
  expect(failure(() => reader.row('x'))).toMatchObject({
    code: 'DECODE_FAILED',
    message: expect.stringContaining('mine') as string,
  });
  const asynchronous = topicReader('things', { row: schema(async (value) => ({ value })), update: N });
  expect(failure(() => asynchronous.row(1)).message).toContain('asynchronous');
});

it('refuses the key __proto__ in JSON, which code that copies objects could take for a prototype', () => {
  const reader = topicReader('things', { update: t.unknown });
  for (const json of ['{"__proto__":{"n":1}}', '[{"a":{"\\u005f_proto__" : null}}]'])
    expect(failure(() => reader.record(partition, record(json)))).toMatchObject({
      code: 'DECODE_FAILED',
      message: expect.stringContaining('__proto__, which is refused') as string,
    });
  expect(reader.record(partition, record('{"is":"__proto__"}'))).toMatchObject({ value: { is: '__proto__' } });
});

it('takes bytes that are not JSON by a parse of your own', () => {
  const reader = topicReader('things', { update: t.number, parse: (bytes) => bytes[0] });
  expect(reader.record(partition, record(Uint8Array.of(9)))).toMatchObject({ value: 9 });
});

it.each([
  ['bytes that are not JSON', '{"secret":'],
  ['bytes that are not UTF-8', Buffer.from([0x7b, 0xff, 0xfe])],
  ['a value of another form', '{"n":"secret"}'],
  ['a tombstone that nobody expects', null],
])('refuses %s, says where, and keeps the payload to itself', (_, value) => {
  const error = failure(() => topicReader('things', { update: N }).record(partition, record(value)));
  expect(error).toMatchObject({ code: 'DECODE_FAILED', retryable: false });
  expect(error.message).toContain('things (y.things/3 at 7)');
  expect(error.message).not.toContain('secret');
});

it('refuses a row without a decoder, and a tombstone whose key is no text', () => {
  const reader = topicReader('things', { update: N, tombstone: t.string });
  expect(failure(() => reader.row({})).message).toContain('`row`');
  expect(failure(() => reader.record(partition, record(null, null)))).toMatchObject({ code: 'DECODE_FAILED' });
  expect(failure(() => reader.record(partition, record(null, Buffer.from([0xff]))))).toMatchObject({
    code: 'DECODE_FAILED',
  });
});
