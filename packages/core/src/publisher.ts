import { type Position } from './position';
import { type NewRecord } from './record';

/** Writes to a log. Resolves once the log has accepted all records, with the position that includes them. */
export interface Publisher<Topic extends string = string> {
  publish(topic: Topic, records: readonly NewRecord[]): Promise<Position>;
}

/** A place in a log: an end, a time, or a number of records per partition before the head. */
export type Point = 'beginning' | 'head' | { readonly time: Date } | { readonly headLess: number };

/**
 * Finds positions. For A's side and an explicit start; a plain follower never calls it, because it may have to write (Kinesis).
 * Marks carry a witness wherever the head record can be read.
 */
export interface Locator {
  locate(point: Point, signal: AbortSignal): Promise<Position>;
}
