import { beginning, closed, decimal, lexical, MalformedPosition, type Offset, type OffsetOrder } from '@tidemark/core';

/**
 * Offsets as Durable Streams tokens (PROTOCOL.md, "Offsets"): opaque there, but reversible, and their plain lexicographic
 * order is the order of the offsets. A token holds letters, digits and `-` only, so never `,` `&` `=` `?` `/`, and is never
 * `-1` or `now`. docs/spec/feed.md has the grammar.
 */
export function encodeOffset(order: OffsetOrder, offset: Offset): string {
  if (offset === beginning) return beginningToken;
  if (offset === closed) return closedToken;
  return order === 'decimal' ? decimalToken(offset) : `l${offset.replace(/[^0-9a-y]/gu, escaped)}`;
}

/** The offset of a token; `-1` is the beginning too. Throws {@link MalformedPosition} unless the token is canonical. */
export function decodeOffset(order: OffsetOrder, token: string): Offset {
  if (token === beginningToken || token === '-1') return beginning;
  if (token === closedToken) return closed;
  const offset = order === 'decimal' ? decimalOf(token) : lexicalOf(token);
  if (offset === undefined || encodeOffset(order, offset) !== token)
    throw new MalformedPosition(`not an offset token of ${order} order: ${JSON.stringify(token.slice(0, 60))}`);
  return offset;
}

/** What the server says where the protocol forbids it to say `-1`. */
const beginningToken = '0';
/** Greater than every other token. */
const closedToken = 'z';

/** A decimal is its digits, before them how many they are, and before that, as a letter, how many digits that number has. */
function decimalToken(digits: string): string {
  const length = String(digits.length);
  return `${'abcdefghi'.charAt(length.length - 1)}${length}${digits}`;
}

function decimalOf(token: string): Offset | undefined {
  const width = 'abcdefghi'.indexOf(token.charAt(0)) + 1;
  const digits = token.slice(1 + width);
  return width > 0 && /^[0-9]+$/.test(digits) ? wellFormed(decimal, digits) : undefined;
}

/**
 * Every code unit but `0`–`9` and `a`–`y` is written as hexadecimal digits behind a letter that sorts where the unit does:
 * `-` for what comes before `0`, `A` for what lies between `9` and `a`, `z` for `z` and all beyond.
 */
function escaped(units: string): string {
  return Array.from({ length: units.length }, (_, i) => {
    const unit = units.charCodeAt(i);
    const hex = unit.toString(16);
    return unit < 0x30 ? `-${hex.padStart(2, '0')}` : unit < 0x61 ? `A${hex}` : `z${hex.padStart(4, '0')}`;
  }).join('');
}

function lexicalOf(token: string): Offset | undefined {
  if (!/^l(?:[0-9a-y]|[-A][0-9a-f]{2}|z[0-9a-f]{4})+$/.test(token)) return undefined;
  const text = token
    .slice(1)
    .replace(/[-A]([0-9a-f]{2})|z([0-9a-f]{4})/g, (_, short: string | undefined, long: string | undefined) =>
      String.fromCharCode(parseInt(short ?? long ?? '', 16)),
    );
  return wellFormed(lexical, text);
}

function wellFormed(read: (text: string) => Offset, text: string): Offset | undefined {
  try {
    return read(text);
  } catch {
    return undefined;
  }
}
