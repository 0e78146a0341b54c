import { holdsProtoKey } from '@tidemark/core';
import fc from 'fast-check';

it('finds the key __proto__ however it is escaped, and nothing else', () => {
  const escape = (char: string) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  fc.assert(
    fc.property(fc.array(fc.boolean(), { minLength: 9, maxLength: 9 }), fc.boolean(), (escaped, upper) => {
      const key = Array.from('__proto__')
        .map((char, i) =>
          escaped[i] ? (upper ? escape(char).replace(/[a-f]/, (x) => x.toUpperCase()) : escape(char)) : char,
        )
        .join('');
      expect(Object.keys(JSON.parse(`{"${key}":1}`) as object)).toEqual(['__proto__']);
      expect(holdsProtoKey(`{"a":{"${key}" : 1}}`)).toBe(true);
      expect(holdsProtoKey(`{"a":"${key}","x":"a ${key}: b"}`)).toBe(false);
    }),
  );
});
