const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * A path, which git keeps as bytes, as text: UTF-8 where it is that, otherwise in quotes with octal escapes, as git itself
 * shows it. A path that begins with a quote is quoted too, so different paths never look alike.
 */
export function pathText(bytes: Uint8Array): string {
  if (bytes[0] !== quote) {
    try {
      return decoder.decode(bytes);
    } catch {
      // not UTF-8
    }
  }
  return `"${Array.from(bytes, escaped).join('')}"`;
}

const quote = 0x22;
const backslash = 0x5c;

const escaped = (byte: number): string =>
  byte >= 0x20 && byte < 0x7f && byte !== quote && byte !== backslash
    ? String.fromCharCode(byte)
    : `\\${byte.toString(8).padStart(3, '0')}`;
