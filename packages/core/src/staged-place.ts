import { createHash } from 'node:crypto';
import { partitionKey } from './partition';
import { positionToJson } from './position';
import { type Snapshot, type SnapshotToken } from './snapshot';

/** How far a staging has come, and in which snapshot: what is stored beside staged rows, so that a successor can go on there. */
export interface StagedPlace {
  /** Equal for one snapshot only: rows of two are never mixed (I6). */
  readonly seal: string;
  /** Rows staged so far. */
  readonly rows: number;
  /** Where the source would go on. */
  readonly token: SnapshotToken;
}

/** A digest of what makes a snapshot this one: id, schema and position, whatever the order of the position's parts. */
export function sealOf({ id, schema, position }: Snapshot): string {
  const { source, partitions } = positionToJson(position);
  const { kind, order, cluster, epochs } = source;
  const marks = new Map(partitions.map((mark) => [partitionKey(mark), [mark.through, mark.witness ?? null]]));
  const parts = [id, schema ?? null, kind, order, cluster ?? null, sorted(Object.entries(epochs)), sorted(marks)];
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
}

const sorted = <T>(entries: Iterable<readonly [string, T]>) =>
  [...entries].sort(([one], [other]) => (one < other ? -1 : 1));

/** The place as a token of ours, for the replica. */
export const placeToToken = ({ seal, rows, token }: StagedPlace): SnapshotToken => `${seal}.${rows}.${token}`;

/** `undefined`: no token, or none of ours. */
export function placeFromToken(text: SnapshotToken | undefined): StagedPlace | undefined {
  const [, seal, rows, token] = /^([\w-]{43})\.(\d{1,15})\.(.*)$/s.exec(text ?? '') ?? [];
  return seal === undefined || token === undefined ? undefined : { seal, rows: Number(rows), token };
}
