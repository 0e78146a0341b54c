import { SyncError, Unavailable } from '@tidemark/core';

/** The connection is closed for good and isn't the log's to make anew. Give a function that connects, or unlimited reconnects. */
export class ConnectionEnded extends SyncError {
  readonly code = 'CONNECTION_ENDED';
  readonly retryable = false;
}

/** JetStream's answer to a request that it refused, as its `error` object has it. */
export class JetStreamRefused extends Error {
  constructor(
    /** JetStream's own number, `err_code`. */
    readonly number: number,
    readonly description: string,
  ) {
    super(`${description} (JetStream error ${number})`);
    this.name = 'JetStreamRefused';
  }
}

/** `err_code` of the refusals that mean something here. */
export const refusals = {
  noMessage: 10037,
  noStream: 10059,
  consumerGone: 10014,
  wrongLastSequence: 10071,
  streamExists: 10058,
  otherStream: 10060,
  tooBig: 10054,
} as const;

export const isRefusal = (error: unknown, number: number): boolean =>
  error instanceof JetStreamRefused && error.number === number;

/**
 * What NATS and its clients say passes: a server comes back, a stream that is missing may be created, a permission be given. Each is told
 * as trouble and tried again. Errors of this SDK stay what they are. The clients' texts name subjects, no payload and no secret.
 */
export function asUnavailable(error: unknown, what: string): SyncError {
  if (error instanceof SyncError) return error;
  return new Unavailable(`${what}; ${told(error)}`, { cause: error });
}

/** What happened, and what may help. */
export const told = (error: unknown): string =>
  error instanceof SyncError ? error.message : `${hint(error)}${said(error)}`;

/** Nobody has taken the request: nothing listens there. */
export function isUnheard(error: unknown): boolean {
  const { code, message = '' } = (error ?? {}) as { readonly code?: string; readonly message?: string };
  return code === '503' || /no responders/i.test(message);
}

function hint(error: unknown): string {
  if (isRefusal(error, refusals.noStream)) return 'create the stream: ';
  const { message = '' } = (error ?? {}) as { readonly message?: string };
  if (isUnheard(error)) return 'JetStream is not enabled there, or has no leader: ';
  if (/permissions violation/i.test(message)) return 'the account lacks a permission: ';
  if (/authorization/i.test(message)) return 'the credentials are refused: ';
  return '';
}

/** A subject that is no request's holds a key: it is left out. */
export const said = (error: unknown): string =>
  (error instanceof Error ? `${error.name}: ${error.message}` : String(error)).replace(
    /"(?!\$JS\.|_INBOX\.)[^"]*"/g,
    '"…"',
  );
