import * as t from 'io-ts';

/** A row of A's state: a path as it is in the tree now. */
export const FileState = t.type({
  path: t.string,
  mode: t.string,
  blob: t.string,
  /** How often it was written since it last appeared. */
  changes: t.number,
  /** Grows with each of A's writes, all paths together: so of two states of one path, even if it was gone between them, the newer. */
  version: t.number,
});
export type FileState = t.TypeOf<typeof FileState>;

/** A record of A's updates topic. It carries state and a version, but no count: whoever follows has to count. */
export const FileUpdate = t.union([
  t.type({
    type: t.literal('written'),
    path: t.string,
    mode: t.string,
    blob: t.string,
    version: t.number,
    commit: t.string,
  }),
  t.type({ type: t.literal('deleted'), path: t.string, version: t.number, commit: t.string }),
]);
export type FileUpdate = t.TypeOf<typeof FileUpdate>;
