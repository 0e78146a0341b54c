import { isDeepStrictEqual } from 'node:util';
import { type Change, remove, upsert } from './change';

/** What makes `after` of `before`: an upsert of each row that is new or differs, a removal of each that is gone. */
export function* diff<K, V>(before: ReadonlyMap<K, V>, after: ReadonlyMap<K, V>): Generator<Change<V, K>> {
  for (const key of before.keys()) if (!after.has(key)) yield remove(key);
  for (const [key, row] of after) if (!before.has(key) || !isDeepStrictEqual(before.get(key), row)) yield upsert(row);
}
