/** A process of owned-process.test.ts: starts what it is told to, tells the id, and goes on until it is killed or let go. */
import process from 'node:process';
import { ownedProcess, type OwnedProcessOptions } from './owned-process';

const options = JSON.parse(process.argv[2] ?? '') as OwnedProcessOptions;
process.once('disconnect', () => process.exit(0));
void ownedProcess(options).then(({ pid }) => process.send?.(pid));
