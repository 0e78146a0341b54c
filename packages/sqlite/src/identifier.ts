import { InvalidConfiguration } from '@tidemark/core';

/** A table or column name as SQL, quoted. Throws {@link InvalidConfiguration} for a name that no identifier can hold. */
export function identifier(name: string): string {
  if (name === '' || name.includes('\0'))
    throw new InvalidConfiguration('a table or column name is empty or holds a NUL character');
  return `"${name.replaceAll('"', '""')}"`;
}

/**
 * Text as it can be stored: drivers cut a text at its first NUL character without a word. Throws {@link InvalidConfiguration};
 * `what` says which text, never its content.
 */
export function storable(text: string, what: string): string {
  if (text.includes('\0'))
    throw new InvalidConfiguration(`${what} holds a NUL character, which SQLite text can't store`);
  return text;
}

/** Names beginning so are Tidemark's own, in any case. */
export const reserved = 'tidemark_';
