/**
 * A name as one segment of a URL's path. `''`, `.` and `..` mean something else to URL parsers, so they (and names that begin
 * with `~` themselves) get a `~` in front. Throws `URIError` for half a surrogate pair, which no URL can hold.
 */
export function segmentOf(name: string): string {
  const special = name === '' || name === '.' || name === '..' || name.startsWith('~');
  return `${special ? '~' : ''}${encodeURIComponent(name)}`;
}

/** The name of a path segment; `undefined` if it isn't percent-encoded UTF-8. */
export function nameOf(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment.startsWith('~') ? segment.slice(1) : segment);
  } catch {
    return undefined;
  }
}
