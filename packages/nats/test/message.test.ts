import { witnessOf } from '@tidemark/core';
import * as fc from 'fast-check';
import { type NatsMessage } from '../src/connection';
import { delivered, keyIn, recordOf } from '../src/message';
import { SubjectPattern } from '../src/subject-pattern';
import { headersOf, message, someTime, status } from './fake-connection';

const patterns = [new SubjectPattern('things.>')];
const texts = (headers: ReadonlyMap<string, Uint8Array>) =>
  Object.fromEntries([...headers].map(([name, value]) => [name, Buffer.from(value).toString()]));

it.each([undefined, 'hub.AB12CD', '_.AB12CD'])('is read from its reply subject, whose domain is %s', (domain) => {
  const told = { count: 7, seq: 4_242, pending: 12, subject: 'things.a%20b', text: '{}' };
  expect(delivered(message({ ...told, ...(domain !== undefined && { domain }) }), patterns)).toEqual({
    record: {
      key: Buffer.from('a b'),
      value: Buffer.from('{}'),
      headers: new Map(),
      timestamp: 1_700_000_000_123,
      offset: '4242',
    },
    count: 7,
    pending: 12,
  });
});

it('sequences beyond 2^53 stay exact', () => {
  const one = message({ count: 1, seq: 1 });
  const reply = one.reply?.replace('.1.1.1.', '.1.18446744073709551615.1.') ?? '';
  expect(delivered({ ...one, reply }, patterns)?.record.offset).toBe('18446744073709551615');
});

it('a status is no message', () => {
  expect(delivered(status('_INBOX.1', 404, 'No Messages'), patterns)).toBeUndefined();
  expect(delivered({ ...message({ count: 1, seq: 1 }), reply: '_INBOX.somebody' }, patterns)).toBeUndefined();
});

it.each([
  ['KV-Operation', 'DEL', true],
  ['KV-Operation', 'PURGE', true],
  ['KV-Operation', 'PUT', false],
  ['Nats-Marker-Reason', 'MaxAge', true],
  ['Nats-Msg-Id', 'DEL', false],
])('%s: %s is a tombstone: %s', (name, value, isTombstone) => {
  const one = message({ count: 1, seq: 1, text: '', headers: { [name]: value } });
  expect(delivered(one, patterns)?.record.value).toEqual(isTombstone ? null : Buffer.from(''));
});

it('an empty payload is a value', () => {
  expect(delivered(message({ count: 1, seq: 1, text: '' }), patterns)?.record.value).toEqual(Buffer.from(''));
});

it("headers are handed over without NATS's own; of several values the last counts", () => {
  const headers = { 'Nats-Msg-Id': '1', 'KV-Operation': 'PUT', trace: ['a', 'b'], Umlaut: 'ü' };
  const one = { ...message({ count: 1, seq: 1 }), headers: headersOf(headers) };
  expect(texts(delivered(one, patterns)?.record.headers ?? new Map())).toEqual({ trace: 'b', Umlaut: 'ü' });
});

it('a subject without a place for a key has none, and the first pattern that has one says it', () => {
  expect(delivered(message({ count: 1, seq: 1, subject: 'others' }), patterns)?.record.key).toBeNull();
  const both = [new SubjectPattern('y.*.audit'), new SubjectPattern('y.*'), new SubjectPattern('y.>')];
  expect(keyIn('y.42', both)).toBe('42');
  expect(keyIn('y.42.audit', both)).toBe('42.audit');
  expect(keyIn('z', both)).toBeUndefined();
});

const headerText = fc.stringMatching(/^[!-~]([ -~]{0,10}[!-~])?$/);
const anyMessage = fc.record({
  subject: fc.constantFrom('things.a', 'things.%C3%A9', 'things.%', 'others'),
  data: fc.uint8Array({ maxLength: 20 }),
  headers: fc.dictionary(
    fc.constantFrom('KV-Operation', 'Nats-Marker-Reason', 'Nats-Msg-Id', 'trace', 'X'),
    headerText,
  ),
  seq: fc.integer({ min: 1 }),
  nanoseconds: fc.bigInt({ min: 0n, max: 4_102_444_800_000_000_000n }),
});

/** As a server writes times: RFC 3339, without zeros at the end of the fraction. */
function timeOf(nanoseconds: bigint): string {
  const seconds = new Date(Number(nanoseconds / 1_000_000_000n) * 1_000).toISOString().slice(0, -5);
  const fraction = String(nanoseconds % 1_000_000_000n)
    .padStart(9, '0')
    .replace(/0+$/, '');
  return fraction === '' ? `${seconds}Z` : `${seconds}.${fraction}Z`;
}

const blockOf = (headers: Readonly<Record<string, string>>) =>
  ['NATS/1.0', ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`), '', ''].join('\r\n');

it('I7: a message is the same record, with the same witness, whether it is delivered or looked up', () => {
  fc.assert(
    fc.property(anyMessage, ({ subject, data, headers, seq, nanoseconds }) => {
      const hasHeaders = Object.keys(headers).length > 0;
      const sent: NatsMessage = {
        subject,
        data,
        reply: `$JS.ACK.S.c.1.${seq}.1.${nanoseconds}.0`,
        ...(hasHeaders && { headers: headersOf(headers) }),
      };
      const stored = {
        subject,
        seq,
        time: timeOf(nanoseconds),
        ...(data.length > 0 && { data: Buffer.from(data).toString('base64') }),
        ...(hasHeaders && { hdrs: Buffer.from(blockOf(headers)).toString('base64') }),
      };
      const came = delivered(sent, patterns)?.record;
      const looked = recordOf(stored, patterns);
      const bytes = ({ value, ...rest }: typeof looked) => ({ ...rest, value: value && Buffer.from(value) });
      expect(came && bytes(came)).toEqual(bytes(looked));
      expect(came && witnessOf(came)).toBe(witnessOf(looked));
    }),
  );
});

it('times are cut off at milliseconds, never rounded', () => {
  const reply = (time: bigint) => delivered(message({ count: 1, seq: 1, time }), patterns)?.record.timestamp;
  expect(reply(someTime)).toBe(1_700_000_000_123);
  expect(reply(1_700_000_000_999_999_999n)).toBe(1_700_000_000_999);
  expect(recordOf({ subject: 's', seq: 1, time: timeOf(1_700_000_000_999_999_999n) }, []).timestamp).toBe(
    1_700_000_000_999,
  );
});

it('several values of a stored header, and lines that are none', () => {
  const block = 'NATS/1.0\r\ntrace: a\r\nno header\r\ntrace:b \r\nurl: http://x:1/\r\n\r\n';
  const stored = { subject: 's', seq: 1, time: timeOf(0n), hdrs: Buffer.from(block).toString('base64') };
  expect(texts(recordOf(stored, []).headers)).toEqual({ trace: 'b', url: 'http://x:1/' });
});
