import {
  InvalidConfiguration,
  orAborted,
  SnapshotRejected,
  SnapshotTooOld,
  SyncError,
  Unavailable,
} from '@tidemark/core';
import { type Deadlines } from './deadlines';
import { type HttpAnswer, type HttpClient } from './http-client';
import { shown } from './shown-url';

/** Headers of one request; called for each, so that credentials can be renewed. */
export type RequestHeaders = () => Promise<Readonly<Record<string, string>>> | Readonly<Record<string, string>>;

const maxRedirects = 5;

/**
 * GETs a URL and returns the 200. Redirects are followed within the origin only: credentials and trust belong to it. Throws
 * `Unavailable` where asking again may help (no connection, 408, 425, 429, 5xx), `SnapshotTooOld` for 412, and
 * `SnapshotRejected`, not retryable, for every other status. No message holds a header, or the URL's query.
 */
export async function get(
  ask: HttpClient,
  target: URL,
  ours: Readonly<Record<string, string>>,
  theirs: RequestHeaders | undefined,
  deadlines: Deadlines,
): Promise<HttpAnswer> {
  let url = target;
  for (let hop = 0; hop <= maxRedirects; hop++) {
    deadlines.touch();
    const headers = await headersOf(ours, theirs, url, deadlines.signal);
    const response = await send(ask, url, headers, deadlines);
    if (response.status === 200) return response;
    response.body.destroy();
    if (![301, 302, 303, 307, 308].includes(response.status)) throw statusError(response, url);
    url = redirected(response, url);
  }
  throw new SnapshotRejected(`GET ${shown(target)}: more than ${maxRedirects} redirects`, false);
}

async function headersOf(
  ours: Readonly<Record<string, string>>,
  theirs: RequestHeaders | undefined,
  url: URL,
  signal: AbortSignal,
): Promise<Headers> {
  const what = `GET ${shown(url)}: the function \`headers\``;
  let given: Readonly<Record<string, string>>;
  try {
    given = theirs === undefined ? {} : await orAborted(Promise.resolve(theirs()), signal);
  } catch (cause) {
    signal.throwIfAborted();
    throw cause instanceof SyncError ? cause : new Unavailable(`${what} failed`, { cause });
  }
  try {
    const headers = new Headers(given);
    for (const [name, value] of Object.entries(ours)) headers.set(name, value);
    return headers;
  } catch {
    // no cause: its message holds the value
    throw new InvalidConfiguration(`${what} returned a name or value that HTTP doesn't allow`);
  }
}

async function send(ask: HttpClient, url: URL, headers: Headers, deadlines: Deadlines): Promise<HttpAnswer> {
  try {
    return await ask({ url, method: 'GET', headers, signal: deadlines.signal });
  } catch (cause) {
    deadlines.signal.throwIfAborted();
    if (cause instanceof SyncError) throw cause;
    throw new Unavailable(`GET ${shown(url)}: no answer (${codeOf(cause)})`, { cause });
  } finally {
    deadlines.rest();
  }
}

/** What Node says that happened, `ECONNREFUSED` for instance. */
export function codeOf(error: unknown): string {
  const { code } = Object(error) as { code?: unknown };
  return typeof code === 'string' ? code : 'no code';
}

function redirected(response: HttpAnswer, from: URL): URL {
  const location = response.headers.get('location') ?? '';
  const to = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  if (to === undefined || location === '')
    throw new SnapshotRejected(`GET ${shown(from)}: a redirect (${response.status}) to no URL`, false);
  if (to.origin !== from.origin || to.username !== '' || to.password !== '')
    throw new SnapshotRejected(
      `GET ${shown(from)}: a redirect to another origin, ${to.origin}, isn't followed; if it is right, configure that URL`,
      false,
    );
  return to;
}

function statusError({ status, headers }: HttpAnswer, url: URL): SyncError {
  const what = `GET ${shown(url)}: ${status}`;
  if (status === 412) return new SnapshotTooOld(`${what}, A has no snapshot yet that is as new as asked for`);
  if (status >= 500 || [408, 425, 429].includes(status)) return new Unavailable(`${what}${retryHint(headers)}`);
  return new SnapshotRejected(`${what}, ${whatToDo(status)}`, false);
}

function whatToDo(status: number): string {
  switch (status) {
    case 400:
      return 'A refuses the request: is the scope one that it serves?';
    case 401:
    case 403:
      return 'A wants other credentials: give them by the option `headers`';
    case 404:
    case 410:
      return 'there is nothing: check the URL';
    default:
      return 'a snapshot is answered by 200';
  }
}

function retryHint(headers: Headers): string {
  const after = headers.get('retry-after') ?? '';
  return /^[0-9]{1,9}$/.test(after) ? `; it asks to wait for ${after} s` : '';
}
