/** What happened to one path in one commit. */
export type FileChange = FileWritten | FileDeleted;

interface FileWritten {
  readonly op: 'upsert';
  /** As {@link pathText} shows it. */
  readonly path: string;
  /** As git writes it: `100644`, `100755`, `120000` (a link), `160000` (a submodule), … */
  readonly mode: string;
  /** The object's id. */
  readonly blob: string;
}

interface FileDeleted {
  readonly op: 'delete';
  readonly path: string;
}

/** One commit's changes, compared with its first parent. */
export interface Commit {
  readonly commit: string;
  readonly changes: readonly FileChange[];
}

/** Commits, oldest first. */
export type History = AsyncIterable<Commit>;
