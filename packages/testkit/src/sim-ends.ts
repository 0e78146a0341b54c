import { DeadlineExceeded, PipelineSuperseded, SourceMismatch, SyncError } from '@tidemark/core';
import { type SimFault } from './sim-plan';

/** Is this an end that the faults of the world explain? The process is started again then, as an orchestrator would. */
export function mayEndWith(error: unknown, faults: ReadonlySet<SimFault>): boolean {
  if (error instanceof PipelineSuperseded) return faults.has('deploy');
  if (error instanceof SourceMismatch) return faults.has('foreign');
  return error instanceof DeadlineExceeded; // of `stop`, while the replica is away
}

export const asSyncCode = (error: unknown): string =>
  error instanceof SyncError ? error.code : error instanceof Error ? error.name : '';

export const asSyncText = (error: unknown): string =>
  error instanceof Error ? String(error) : 'something that is no Error';
