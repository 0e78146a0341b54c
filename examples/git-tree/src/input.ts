import { type History } from './file-change';
import { gitHistory } from './git-history';
import { fileHistory } from './history-file';

/** Where a history comes from: a repository up to a commit, or a file. */
export type Input =
  | { readonly from: 'git'; readonly repo: string; readonly commit: string }
  | { readonly from: 'file'; readonly file: string };

/** Reads it anew, from its beginning. */
export const openHistory = (input: Input): History =>
  input.from === 'git' ? gitHistory(input.repo, input.commit) : fileHistory(input.file);
