import { join } from 'node:path';

export type { AProcessOptions } from './a-process';
export type { BOptions } from './b-process';
export { replicaRows, sourceRows, toldAgain } from './compare-rows';
export type { ComparedEntry } from './compare-rows';
export { GitFailed, headCommit } from './git';
export type { Input } from './input';
export { lsTree } from './ls-tree';
export { pathText } from './path-text';

/** The file to start as A's process. */
export const aProcess = join(__dirname, 'a-process.js');
/** The file to start as B's process. */
export const bProcess = join(__dirname, 'b-process.js');
