import { holdsProtoKey, SnapshotRejected } from '@tidemark/core';

/** The frames of docs/spec/snapshot-protocol.md, one JSON object a line. */
export type SnapshotFrame = StartFrame | RowsFrame | EndFrame;

export interface StartFrame {
  readonly type: 'start';
  readonly v: 1;
  readonly id: string;
  /** `PositionJson`; read by the position's own codec. */
  readonly position: unknown;
  readonly schema?: string | undefined;
  readonly scope?: string | undefined;
  readonly count?: number | undefined;
  readonly resumed?: boolean | undefined;
}

export interface RowsFrame {
  readonly type: 'rows';
  readonly topic?: string | undefined;
  readonly rows: readonly unknown[];
  /** A version beyond 2^53 is a string of digits. */
  readonly tombstones?: readonly { readonly key: string; readonly version: number | string }[] | undefined;
  readonly token?: string | undefined;
}

export interface EndFrame {
  readonly type: 'end';
  readonly rows: number;
  /** SHA-256, in hex, of all bytes before this frame. */
  readonly digest: string;
}

/** The frames' media type. */
export const framesType = 'application/x-ndjson';

/** Request header: a position token; an older snapshot isn't wanted. */
export const notOlderThanHeader = 'tidemark-not-older-than';

/** Request header: a percent-encoded token of an earlier, broken off snapshot. */
export const resumeHeader = 'tidemark-resume';

/** Reads one frame. Throws `SnapshotRejected`, not retryable; `where` begins its message. */
export function parseFrame(text: string, where: string): SnapshotFrame {
  const frame = parseJson(text);
  const wrong = typeof frame === 'string' ? frame : whatIsWrong(frame);
  if (wrong !== undefined) throw new SnapshotRejected(`${where}: ${wrong}`, false);
  return frame as SnapshotFrame;
}

function parseJson(text: string): object | string {
  if (holdsProtoKey(text)) return 'an object has the key __proto__, which is refused';
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : 'not a JSON object';
  } catch {
    return 'not JSON';
  }
}

/** `undefined` if nothing is. Members that this version doesn't know are nobody's business. */
function whatIsWrong(frame: object): string | undefined {
  const { type } = frame as { type?: unknown };
  switch (type) {
    case 'start':
      return wrongMember<StartFrame>(frame, {
        v: (v) => v === 1,
        id: (id) => typeof id === 'string' && id !== '',
        position: () => true,
        schema: optional(isString),
        scope: optional(isString),
        count: optional(isCount),
        resumed: optional((resumed) => typeof resumed === 'boolean'),
      });
    case 'rows':
      return wrongMember<RowsFrame>(frame, {
        topic: optional(isString),
        rows: Array.isArray,
        tombstones: optional((all) => Array.isArray(all) && all.every(isTombstone)),
        token: optional(isString),
      });
    case 'end':
      return wrongMember<EndFrame>(frame, { rows: isCount, digest: isString });
    default:
      return 'its type is none of "start", "rows" and "end"';
  }
}

type Check = (value: unknown) => boolean;

function wrongMember<F extends SnapshotFrame>(frame: object, checks: Record<Exclude<keyof F, 'type'>, Check>) {
  const members = frame as Readonly<Record<string, unknown>>;
  const wrong = Object.entries<Check>(checks).find(([name, check]) => !check(members[name]));
  return wrong && `its member "${wrong[0]}" is missing or of another form than the protocol says`;
}

const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const isString: Check = (value) => typeof value === 'string';
const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;

const isTombstone: Check = (value) => {
  if (typeof value !== 'object' || value === null) return false;
  const { key, version } = value as { key?: unknown; version?: unknown };
  return typeof key === 'string' && (Number.isFinite(version) || isDigits(version));
};

const isDigits: Check = (value) => typeof value === 'string' && /^-?[0-9]{1,100}$/.test(value);
