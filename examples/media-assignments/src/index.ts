import { join } from 'node:path';

export { Assignment, AssignmentUpdate } from './assignment';
export type { AssignmentChange, NewAssignment } from './assignment';
export { replicaRows, sourceRows, toldAgain } from './compare-rows';
export type { ComparedWork } from './compare-rows';
export type { XOptions } from './x-process';
export type { YOptions } from './y-process';

/** The file to start as service Y's process. */
export const yProcess = join(__dirname, 'y-process.js');
/** The file to start as service X's process. */
export const xProcess = join(__dirname, 'x-process.js');
