import { InvalidConfiguration } from '@tidemark/core';

/** A subject that is longer than a server's `max_control_line` (4 KiB) would end the connection. */
const longest = 3_000;

/**
 * A key of a KV bucket, of parts that are any text, with a dot between them. Keys have letters, digits and `-/_=.` only (ADR-8), so what
 * else a part holds, dots and slashes too, is there as `=XX`, the hexadecimal bytes of its UTF-8; the empty text is `=`. Throws
 * `InvalidConfiguration` for a text that is not well-formed or too long.
 */
export function keyOf(...parts: readonly string[]): string {
  const key = parts.map(encoded).join('.');
  if (key.length > longest)
    throw new InvalidConfiguration(`a key of a KV bucket has ${longest} characters at most; one has ${key.length}`);
  return key;
}

/** The text of an encoded part; `undefined`: nobody here has written it. */
export function partIn(token: string): string | undefined {
  if (token === empty) return '';
  try {
    const text = decodeURIComponent(token.replaceAll('=', '%'));
    return encoded(text) === token ? text : undefined;
  } catch {
    return undefined;
  }
}

/** No text is encoded so: a part can't be empty. */
const empty = '=';

function encoded(part: string): string {
  if (part === '') return empty;
  try {
    return encodeURIComponent(part)
      .replace(/[.!~*'()]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
      .replaceAll('%', '=');
  } catch (error) {
    throw new InvalidConfiguration('a name is no well-formed text: it has half of a surrogate pair', { cause: error });
  }
}
