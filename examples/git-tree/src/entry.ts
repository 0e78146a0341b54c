import { posix } from 'node:path';
import { type Message } from '@tidemark/core';
import { FileState, FileUpdate } from './file-state';

/** B's model: a directory's entries, with what they are in words. */
export interface Entry {
  readonly path: string;
  /** `.` is the root. */
  readonly directory: string;
  readonly name: string;
  readonly kind: 'file' | 'program' | 'link' | 'submodule';
  readonly mode: string;
  readonly blob: string;
}

/** What B does. A written file counts one change more; a known one comes with its count. */
export type TreeMessage =
  | { readonly is: 'known'; readonly entry: Entry; readonly changes: number; readonly version: number }
  | { readonly is: 'written'; readonly entry: Entry; readonly version: number }
  | { readonly is: 'gone'; readonly path: string; readonly version: number };

/** How A's words are read. */
export const treeDecoders = { files: { row: FileState, update: FileUpdate } } as const;

/** The translation (the paper, section 2). */
export function toTreeMessage(m: Message<typeof treeDecoders>): TreeMessage {
  const { version } = m.value;
  if (m.kind === 'row') return { is: 'known', entry: toEntry(m.value), changes: m.value.changes, version };
  return m.value.type === 'written'
    ? { is: 'written', entry: toEntry(m.value), version }
    : { is: 'gone', path: m.value.path, version };
}

export const toEntry = ({ path, mode, blob }: Pick<FileState, 'path' | 'mode' | 'blob'>): Entry => ({
  path,
  directory: posix.dirname(path),
  name: posix.basename(path),
  kind: kinds[mode] ?? 'file',
  mode,
  blob,
});

const kinds: Readonly<Record<string, Entry['kind']>> = { '100755': 'program', '120000': 'link', '160000': 'submodule' };
