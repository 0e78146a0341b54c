import { beginning, following, type LogRecord, type Offset } from '@tidemark/core';

/** Behind what the first sequences are missing; `undefined` where none are. */
export function gapIn(records: readonly Pick<LogRecord, 'offset'>[], after: Offset): Offset | undefined {
  const last = records.at(-1)?.offset ?? after;
  if (following(last) === (BigInt(first(after)) + BigInt(records.length)).toString()) return undefined;
  let at = after;
  for (const { offset } of records) {
    if (offset !== first(at)) return at;
    at = offset;
  }
  return undefined;
}

/** The sequence right after this: they begin at 1. */
const first = (after: Offset): string => (after === beginning ? '1' : following(after));
