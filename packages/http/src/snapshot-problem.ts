import { MalformedPosition, SnapshotRejected, SnapshotTooOld, SyncError } from '@tidemark/core';

/** A refusal's body, as RFC 9457 (problem details) has it. `code` is the literal of the `SyncError`. */
export interface Problem {
  readonly status: number;
  readonly title: string;
  readonly code: string;
  /** Left out where the error could tell strangers something. */
  readonly detail?: string | undefined;
}

const problemType = 'application/problem+json';

/** Seconds after which asking again makes sense. */
const retryAfter = '1';

export function problemResponse(problem: Problem, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(`${JSON.stringify(problem)}\n`, {
    status: problem.status,
    headers: { 'content-type': problemType, 'cache-control': 'no-store', ...headers },
  });
}

/** What the client is told of an error before the first frame: nothing of errors that aren't ours. */
export function refusal(error: unknown): Response {
  const later = { 'retry-after': retryAfter };
  if (error instanceof SnapshotTooOld)
    return problemResponse({ status: 412, title: 'older than asked for', ...told(error) }, later);
  if (error instanceof MalformedPosition || (error instanceof SnapshotRejected && !error.retryable))
    return problemResponse({ status: 400, title: 'no snapshot can answer this request', ...told(error) });
  if (error instanceof SyncError && error.retryable)
    return problemResponse({ status: 503, title: 'no snapshot just now', code: error.code }, later);
  const code = error instanceof SyncError ? error.code : 'INTERNAL';
  return problemResponse({ status: 500, title: 'the snapshot failed', code });
}

const told = ({ code, message }: SyncError) => ({ code, detail: message });
