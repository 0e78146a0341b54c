import {
  type LogRecord,
  OffsetMap,
  type Position,
  showPartition,
  type Transport,
  TransportFault,
} from '@tidemark/core';
import { follow } from './reading';

/** The position before everything that this log holds. */
export async function startOf(transport: Transport): Promise<Position> {
  const source = await transport.identify(new AbortController().signal);
  return { source, offsets: OffsetMap.empty(source.order) };
}

/** What one read found, from a position to the head. */
export interface Collected {
  readonly records: readonly LogRecord[];
  /** The records' values as text; a tombstone is `null`. */
  readonly values: readonly (string | null)[];
  /** `from`, plus everything read. */
  readonly position: Position;
}

/**
 * Reads from `from` (default: everything) until at least `count` records have come and every partition is at its head,
 * acknowledging all of it, then stops.
 */
export async function collect<T extends string>(
  transport: Transport<T>,
  count: number,
  from?: Position,
): Promise<Collected> {
  const start = from ?? (await startOf(transport));
  const reading = follow(transport, { from: start });
  await reading.until(({ records, atHead }) => {
    const [lost] = reading.lost();
    if (lost !== undefined) throw new TransportFault(`${showPartition(lost.partition)} is lost: ${lost.reason}`);
    return atHead && records.length >= count;
  }, `${count} records, then the head`);
  await reading.stop();
  return { records: reading.records, values: reading.values, position: reading.position(start) };
}
