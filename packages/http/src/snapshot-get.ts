import {
  InvalidConfiguration,
  orAborted,
  SnapshotRejected,
  SnapshotTooOld,
  SyncError,
  Unavailable,
} from '@tidemark/core';
import { type Deadlines } from './deadlines';

/** Headers of one request; called for each, so that credentials can be renewed. */
export type RequestHeaders = () => Promise<Readonly<Record<string, string>>> | Readonly<Record<string, string>>;

const maxRedirects = 5;

/**
 * GETs a URL and returns the 200. Redirects are followed within the origin only: credentials and trust belong to it. Throws
 * `Unavailable` where asking again may help (no connection, 408, 425, 429, 5xx), `SnapshotTooOld` for 412, and
 * `SnapshotRejected`, not retryable, for every other status. No message holds a header, or the URL's query.
 */
export async function get(
  target: URL,
  ours: Readonly<Record<string, string>>,
  theirs: RequestHeaders | undefined,
  deadlines: Deadlines,
): Promise<Response> {
  let url = target;
  for (let hop = 0; hop <= maxRedirects; hop++) {
    deadlines.touch();
    const headers = await headersOf(ours, theirs, url, deadlines.signal);
    const response = await send(url, headers, deadlines);
    if (response.status === 200) return response;
    await response.body?.cancel();
    if (![301, 302, 303, 307, 308].includes(response.status)) throw statusError(response, url);
    url = redirected(response, url);
  }
  throw new SnapshotRejected(`GET ${showUrl(target)}: more than ${maxRedirects} redirects`, false);
}

/** The URL for people and logs: without credentials, query and fragment, which may hold secrets. */
export const showUrl = (url: URL): string => url.origin + url.pathname;

async function headersOf(
  ours: Readonly<Record<string, string>>,
  theirs: RequestHeaders | undefined,
  url: URL,
  signal: AbortSignal,
): Promise<Headers> {
  const what = `GET ${showUrl(url)}: the function \`headers\``;
  let given: Readonly<Record<string, string>>;
  try {
    given = theirs === undefined ? {} : await orAborted(Promise.resolve(theirs()), signal);
  } catch (cause) {
    signal.throwIfAborted();
    throw cause instanceof SyncError ? cause : new Unavailable(`${what} failed`, { cause });
  }
  try {
    const headers = new Headers(given);
    if (!headers.has('accept-encoding')) headers.set('accept-encoding', 'gzip');
    for (const [name, value] of Object.entries(ours)) headers.set(name, value);
    return headers;
  } catch {
    // no cause: its message holds the value
    throw new InvalidConfiguration(`${what} returned a name or value that HTTP doesn't allow`);
  }
}

async function send(url: URL, headers: Headers, deadlines: Deadlines): Promise<Response> {
  try {
    return await fetch(url, { headers, redirect: 'manual', signal: deadlines.signal });
  } catch (cause) {
    deadlines.signal.throwIfAborted();
    throw new Unavailable(`GET ${showUrl(url)}: no answer (${codeOf(cause)})`, { cause });
  } finally {
    deadlines.rest();
  }
}

/** Node's fetch tells what happened by its error's cause, `ECONNREFUSED` for instance. */
export function codeOf(error: unknown): string {
  const { cause } = Object(error) as { cause?: { code?: unknown } };
  return typeof cause?.code === 'string' ? cause.code : 'no code';
}

function redirected(response: Response, from: URL): URL {
  const location = response.headers.get('location') ?? '';
  const to = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  if (to === undefined || location === '')
    throw new SnapshotRejected(`GET ${showUrl(from)}: a redirect (${response.status}) to no URL`, false);
  if (to.origin !== from.origin || to.username !== '' || to.password !== '')
    throw new SnapshotRejected(
      `GET ${showUrl(from)}: a redirect to another origin, ${to.origin}, isn't followed; if it is right, configure that URL`,
      false,
    );
  return to;
}

function statusError({ status, headers }: Response, url: URL): SyncError {
  const what = `GET ${showUrl(url)}: ${status}`;
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
