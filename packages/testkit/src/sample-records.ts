import { type NewRecord } from '@tidemark/core';
import { deepStrictEqual } from 'node:assert/strict';

/** `count` records over sixteen keys, values `<prefix>0`, `<prefix>1`, …: enough keys to reach every partition. */
export const records = (count: number, prefix = 'v'): NewRecord[] =>
  Array.from({ length: count }, (_, i) => ({ key: `key-${i % 16}`, value: `${prefix}${i}` }));

/** The values of `records(count, prefix)`. */
export const valuesOf = (published: readonly NewRecord[]): (string | null)[] =>
  published.map(({ value }) => (value === null ? null : Buffer.from(value).toString('utf8')));

/** Exactly these, whatever the order: nothing is missing, nothing came twice. */
export function sameItems<A>(actual: readonly A[], expected: readonly A[], what: string): void {
  const sorted = (items: readonly A[]) => [...items].map(String).sort();
  deepStrictEqual(sorted(actual), sorted(expected), what);
}
