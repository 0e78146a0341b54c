import { InvalidConfiguration } from '@tidemark/core';
import * as fc from 'fast-check';
import { SubjectPattern } from '../src/subject-pattern';

const wellFormed = fc.string({ unit: 'grapheme', maxLength: 40 });
const awkward = fc.stringMatching(/^[a-c.*>% \t\r\n%é$_-]{0,12}$/);
const ending = fc.constantFrom('y.orders.*', 'y.orders.>', '*', '>');

it('any key stands in one token that NATS takes, and is read again from it', () => {
  fc.assert(
    fc.property(ending, fc.oneof(wellFormed, awkward, fc.constantFrom('', '%', '%25', '.', '>', '*')), (text, key) => {
      const pattern = new SubjectPattern(text);
      const subject = pattern.subjectOf(key);
      const before = text.slice(0, -1);
      expect(subject.startsWith(before)).toBe(true);
      expect(subject.slice(before.length)).toMatch(/^[\x21-\x7e]+$/);
      expect(subject.slice(before.length)).not.toMatch(/[.*>]/);
      expect(pattern.keyIn(subject)).toBe(key);
    }),
  );
});

it('different keys have different subjects', () => {
  const pattern = new SubjectPattern('y.*');
  fc.assert(
    fc.property(awkward, awkward, (a, b) => {
      expect(pattern.subjectOf(a) === pattern.subjectOf(b)).toBe(a === b);
    }),
  );
});

it('a key that is no well-formed text is refused, and not told', () => {
  expect(() => new SubjectPattern('y.*').subjectOf('secret \ud800')).toThrow(InvalidConfiguration);
  expect(() => new SubjectPattern('y.*').subjectOf('secret \ud800')).not.toThrow(/secret/);
});

it.each([
  ['y.orders.*', 'y.orders.42', '42'],
  ['y.orders.*', 'y.orders.4%2E2', '4.2'],
  ['y.orders.*', 'y.orders.100%', '100%'],
  ['y.orders.*', 'y.orders.%zz', '%zz'],
  ['y.orders.*', 'y.orders.%', ''],
  ['y.orders.*', 'y.orders.42.audit', undefined],
  ['y.orders.*', 'y.orders.', undefined],
  ['y.orders.*', 'y.orders', undefined],
  ['y.orders.*', 'y.others.42', undefined],
  ['y.orders.>', 'y.orders.42.audit', '42.audit'],
  ['y.orders.>', 'y.orders', undefined],
  ['y.*.orders.*', 'y.7.orders.42', '42'],
  ['y.*.orders.*', 'y.7.orders.42.audit', undefined],
  ['y.*.orders.*', 'y.7.others.42', undefined],
  ['y.*.orders.*', 'y.7.orders', undefined],
  ['y.*.>', 'y.7.orders.42', 'orders.42'],
  ['y.*.>', 'y.7', undefined],
  ['y.*.audit', 'y.42.audit', undefined],
  ['y.orders', 'y.orders', undefined],
])('in %s the key of %s is %s', (text, subject, key) => {
  expect(new SubjectPattern(text).keyIn(subject)).toBe(key);
});

it.each(['y.orders', 'y.*.audit', 'y.*.orders.*', 'y.*.>'])('nothing can be published to %s', (text) => {
  expect(() => new SubjectPattern(text).subjectOf('42')).toThrow(InvalidConfiguration);
});

it.each(['', '.', 'y.', '.y', 'y..z', 'y.>.z', 'y z', 'y.\n'])('%j is no subject', (text) => {
  expect(() => new SubjectPattern(text)).toThrow(InvalidConfiguration);
});
