/** When intervals are counted from, and how long one is, in milliseconds (PROTOCOL.md, "Server-Generated Cursors"). */
const epochMs = Date.UTC(2024, 9, 9);
const intervalMs = 20_000;

/**
 * The `Stream-Cursor` of a live answer: the number of the current interval, or, when the client's is not older than that, one
 * that is 1 s to 1 h later than the client's. So no cache can answer the same client the same way for ever.
 */
export function cursorAfter(theirs: string | null, now: number, random: () => number): string {
  const current = Math.floor((now - epochMs) / intervalMs);
  const known = theirs !== null && /^[0-9]{1,15}$/.test(theirs) ? Number(theirs) : -1;
  if (known < current) return String(current);
  return String(known + Math.max(1, Math.round((random() * 3_600_000) / intervalMs)));
}
