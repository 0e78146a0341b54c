import { type Position, type Rows, type SnapshotSource, snapshotOfRows } from '@tidemark/core';

/** One topic's row function. */
type RowsOf = (query: URLSearchParams, reader: undefined) => Iterable<unknown> | AsyncIterable<unknown>;

/**
 * Locates the head and calls every row function in the same turn of the event loop, so that no update comes between them. Plain
 * iterables are copied at once, for the same reason; async ones are read later, and updates up to then may replay.
 */
export function snapshotAtHead<T extends string>(head: () => Position, rows: Rows<T>): SnapshotSource {
  return {
    async open({ scope, signal }) {
      await Promise.resolve();
      signal.throwIfAborted();
      const position = head();
      const query = new URLSearchParams(scope);
      const taken = Object.entries<RowsOf | undefined>(rows).map(([topic, rowsOf]) => [topic, taking(rowsOf, query)]);
      return snapshotOfRows({ position, rows: Object.fromEntries(taken) as Rows<T>, reader: undefined, scope });
    },
  };
}

function taking(rowsOf: RowsOf | undefined, query: URLSearchParams): RowsOf {
  const rows = rowsOf?.(query, undefined) ?? [];
  const copy = Symbol.asyncIterator in rows ? rows : [...rows];
  return () => copy;
}
