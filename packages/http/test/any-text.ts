import * as fc from 'fast-check';

const codePoint = fc.oneof(
  fc.nat(0x7f),
  fc.nat(0x10ffff).filter((code) => code < 0xd800 || code > 0xdfff),
);

/** A character of all that Unicode has, often ASCII. (fast-check's own `binary` is made in a second of computing.) */
export const anyChar = codePoint.map((code) => String.fromCodePoint(code));
