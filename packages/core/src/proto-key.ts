/**
 * Does this JSON text have an object with the key `__proto__`, however it is escaped? `JSON.parse` keeps it as a plain key, and code
 * that copies objects could take it for the copy's prototype. The cheap looks, for one character first, spare nearly all texts
 * the expensive one.
 */
export const holdsProtoKey = (text: string): boolean =>
  ((text.includes('_') && text.includes('__proto__')) || (text.includes('\\') && text.includes('\\u00'))) &&
  protoKey.test(text);

const protoKey =
  /"(?:_|\\u005f){2}(?:p|\\u0070)(?:r|\\u0072)(?:o|\\u006f)(?:t|\\u0074)(?:o|\\u006f)(?:_|\\u005f){2}"\s*:/i;
