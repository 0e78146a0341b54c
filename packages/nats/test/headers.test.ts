import { headers as ioHeaders } from '@nats-io/transport-node';
import { InvalidConfiguration } from '@tidemark/core';
import * as fc from 'fast-check';
import { Headers } from '../src/headers';

const name = fc.stringMatching(/^[!-9;-~]{1,20}$/);
const value = fc
  .string({ unit: 'grapheme', maxLength: 20 })
  .filter((text) => !/[\r\n]/.test(text) && text.trim() === text);

it('are the bytes that the clients make of the same ones', () => {
  const ours = new Headers().add('Nats-Msg-Id', '1').add('trace', 'a: b').add('empty', '');
  const theirs = ioHeaders() as ReturnType<typeof ioHeaders> & { encode(): Uint8Array };
  for (const [header, text] of [
    ['Nats-Msg-Id', '1'],
    ['trace', 'a: b'],
    ['empty', ''],
  ] as const)
    theirs.append(header, text);
  expect(Buffer.from(ours.encode()).toString()).toBe(Buffer.from(theirs.encode()).toString());
});

it('come out as they went in', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value), { maxLength: 5 }), (entries) => {
      const headers = new Headers();
      for (const [header, text] of entries) headers.add(header, text);
      const lines = Buffer.from(headers.encode()).toString().split('\r\n');
      expect([lines[0], ...lines.slice(-2)]).toEqual(['NATS/1.0', '', '']);
      const read = lines
        .slice(1, -2)
        .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]);
      expect(read).toEqual(entries);
    }),
  );
});

it.each(['', 'a b', 'a:b', 'a\n', 'ä'])('%j is no name', (wrong) => {
  expect(() => new Headers().add(wrong, 'x')).toThrow(InvalidConfiguration);
});

it.each(['a\r\nb', 'a\n', ' a', 'a '])('a value like %j would not arrive, and is not told', (wrong) => {
  expect(() => new Headers().add('name', wrong)).toThrow(InvalidConfiguration);
  expect(() => new Headers().add('name', `secret${wrong}`)).not.toThrow(/secret/);
});
