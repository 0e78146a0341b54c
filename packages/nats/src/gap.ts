import { beginning, following, type LogRecord, type Offset } from '@tidemark/core';

/** Sequences that are missing between two that came. */
export interface Gap {
  /** What comes before the first of them. */
  readonly after: Offset;
  /** The first of them. */
  readonly from: string;
  /** The record that follows. */
  readonly before: Offset;
}

/** In their order. */
export function gapsIn(records: readonly Pick<LogRecord, 'offset'>[], after: Offset): readonly Gap[] {
  const last = records.at(-1)?.offset ?? after;
  if (following(last) === (BigInt(first(after)) + BigInt(records.length)).toString()) return [];
  const gaps: Gap[] = [];
  let at = after;
  for (const { offset } of records) {
    const from = first(at);
    if (offset !== from) gaps.push({ after: at, from, before: offset });
    at = offset;
  }
  return gaps;
}

/** The sequence right after this: they begin at 1. */
const first = (after: Offset): string => (after === beginning ? '1' : following(after));
