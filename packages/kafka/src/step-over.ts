import { compareOffsets, following, type Offset } from '@tidemark/core';

/** What one page steps over at most: a batch has rarely more, and the position is moved in between. */
const most = 1_000;

/**
 * The last offset after `after` and before `end` that is proven to hold no record. `isEmpty`: a fetch from there brings no record. That
 * proves it for this one offset and not for a later one (a full batch may stand between two empty ones), so they are tried one by one.
 */
export async function stepOver(
  after: Offset,
  end: string,
  isEmpty: (offset: Offset) => Promise<boolean>,
): Promise<Offset> {
  let through = after;
  for (let steps = 0; steps < most; steps++) {
    const next = following(through);
    if (compareOffsets('decimal', next, end as Offset) >= 0 || !(await isEmpty(next))) break;
    through = next;
  }
  return through;
}
