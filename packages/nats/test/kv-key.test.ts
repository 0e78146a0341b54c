import { keyOf, partIn } from '../src/kv-key';

it.each([
  ['assignments', 'assignments'],
  ['', '='],
  ['=', '=3D'],
  ['a.b/c', 'a=2Eb=2Fc'],
  ["it's *!~ 100% (é)", 'it=27s=20=2A=21=7E=20100=25=20=28=C3=A9=29'],
  ['["S","0",null]', '=5B=22S=22=2C=220=22=2Cnull=5D'],
])('%j is %s, and comes back', (text, token) => {
  expect(keyOf(text)).toBe(token);
  expect(partIn(token)).toBe(text);
  expect(token).toMatch(/^[-/_=.a-zA-Z0-9]+$/);
});

it('parts stand apart, whatever is in them', () => {
  expect(keyOf('a', 'b.c')).toBe('a.b=2Ec');
  expect(keyOf('a.b', 'c')).toBe('a=2Eb.c');
});

it('what nobody here has written is no part', () => {
  for (const token of ['=ZZ', '=FF', 'a=', '=61', 'a.b', '=2e']) expect(partIn(token)).toBeUndefined();
});

it('refuses what has no form, or would end the connection', () => {
  expect(() => keyOf('\ud800')).toThrow('surrogate');
  expect(() => keyOf('a'.repeat(3_001))).toThrow('3000 characters');
});
