import { InvalidConfiguration, orAborted, SyncError, TransportFault, Unavailable } from '@tidemark/core';
import { type Readable } from 'node:stream';
import { Call } from './feed-call';
import { type HttpClient } from './http-client';
import { shown } from './shown-url';
import { type ClientTlsSource } from './tls-options';

/** How a feed is asked. All times in milliseconds. */
export interface FeedRequestOptions {
  /** Asked before every request, so that credentials can be renewed. After a 401 it is asked once more. */
  readonly headers?: (() => Promise<Readonly<Record<string, string>>>) | undefined;
  /** Whom to trust, and as whom to ask; default: Node's authorities, and no certificate. Only for https URLs. */
  readonly tls?: ClientTlsSource | undefined;
  /** A larger body, uncompressed, is refused; default 64 MiB. */
  readonly maxBodyBytes?: number | undefined;
  /** How long an answer, or the next bytes of its body, may take; default 15,000. */
  readonly answerMs?: number | undefined;
  /** The same for live reads: it must be longer than the server holds them; default 75,000. */
  readonly liveMs?: number | undefined;
  /** How long a body, or one event, may take as a whole, however steadily it comes; default 300,000. */
  readonly totalMs?: number | undefined;
}

/** The options, and the client that they were made into. */
export interface FeedRequests extends FeedRequestOptions {
  readonly client: HttpClient;
}

/** One answer; its body is still to be read, or to be discarded. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The URL asked, without credentials and query, for messages. */
  readonly where: string;
  /** The whole body as UTF-8 text. Rejects when it is cut off, too large or too slow. */
  readonly text: () => Promise<string>;
  /** The body as it comes, uncompressed and without a cap. Our clock stands still while nobody pulls. */
  readonly chunks: () => AsyncGenerator<Uint8Array, void, undefined>;
  /** So many milliseconds from now are left for the body; `undefined`: as many as it takes. */
  readonly within: (ms: number | undefined) => void;
  /** The body isn't wanted, or is read already. */
  readonly discard: () => void;
}

export interface Ask {
  readonly url: URL;
  readonly method?: 'GET' | 'HEAD' | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly live: boolean;
  readonly signal: AbortSignal;
}

/**
 * Asks over a client of its own. @durable-streams/client would retry by itself, without bound, follow redirects to anywhere, read
 * without a cap, and keep our headers (epoch, witness, the reason of a loss) to itself; a transport needs to see all of that.
 */
export async function request(ask: Ask, options: FeedRequests): Promise<Answer> {
  const first = await follow(ask, options);
  if (first.status !== 401 || options.headers === undefined) return first;
  first.discard();
  return follow(ask, options);
}

/** What to throw for a status that the caller has no use for. The body is discarded. */
export function refused({ status, where, discard }: Answer): SyncError {
  discard();
  const what = `${where} answered ${status}`;
  if (status >= 500 || status === 408 || status === 425 || status === 429) return new Unavailable(what);
  if (status === 401 || status === 403) return new InvalidConfiguration(`${what}; give credentials with \`headers\``);
  return new TransportFault(`${what}, which a Durable Streams server doesn't do here`);
}

/** Reads a body as what it should be. HTTP can't tell the end of one that has no length from a broken connection: `Unavailable`. */
export function whole<T>({ headers, where }: Answer, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (headers.has('content-length') || headers.has('transfer-encoding')) throw error;
    throw new Unavailable(`${where} broke off in the middle of an answer`, { cause: error });
  }
}

const maxRedirects = 5;

async function follow(ask: Ask, options: FeedRequests): Promise<Answer> {
  let { url } = ask;
  for (let redirects = 0; ; redirects++) {
    const answer = await once({ ...ask, url }, options);
    const location = answer.headers.get('location');
    if (location === null || ![301, 302, 303, 307, 308].includes(answer.status)) return answer;
    answer.discard();
    if (redirects === maxRedirects) throw new TransportFault(`${answer.where} redirects in circles`);
    const target = URL.canParse(location, url.href) ? new URL(location, url) : undefined;
    if (target?.origin !== url.origin)
      throw new InvalidConfiguration(`${answer.where} redirects to another origin; give that URL if you trust it`);
    target.username = url.username;
    target.password = url.password;
    url = target;
  }
}

async function once({ url, method = 'GET', headers, live, signal }: Ask, options: FeedRequests): Promise<Answer> {
  const where = shown(url);
  const ms = (live ? options.liveMs : options.answerMs) ?? (live ? 75_000 : 15_000);
  const call = new Call(where, ms, signal);
  try {
    call.awaits();
    const asked = await orAborted(askHeaders(options, where), call.signal);
    const fields = headersOf({ ...basic(url), ...asked, ...headers }, where);
    const response = await options.client({ url: bare(url), method, headers: fields, signal: call.signal });
    const coding = response.headers.get('content-encoding') ?? 'gzip';
    if (response.status === 200 && coding !== 'gzip' && coding !== 'identity')
      throw new TransportFault(`${where} uses an encoding that wasn't asked for; gzip is`);
    const chunks = () => chunksOf(response.body, call);
    const within = (left: number | undefined) => {
      call.within(left);
    };
    return {
      status: response.status,
      headers: response.headers,
      where,
      chunks,
      within,
      text: () => {
        within(options.totalMs ?? defaultTotalMs);
        return textOf(chunks(), options.maxBodyBytes ?? defaultMaxBodyBytes, where);
      },
      discard: () => {
        call.end();
      },
    };
  } catch (error) {
    throw call.failed(error);
  }
}

export const defaultMaxBodyBytes = 64 * 1024 * 1024;
export const defaultTotalMs = 300_000;

async function* chunksOf(body: Readable, call: Call): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      call.rests();
      yield chunk;
      call.awaits();
    }
  } catch (error) {
    throw call.failed(error);
  } finally {
    call.end();
  }
}

async function textOf(chunks: AsyncIterable<Uint8Array>, max: number, where: string): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.byteLength;
    if (bytes > max)
      throw new TransportFault(`${where} sent more than ${max} bytes; raise maxBodyBytes if that is right`);
    parts.push(chunk);
  }
  return Buffer.concat(parts).toString('utf8');
}

async function askHeaders({ headers }: FeedRequestOptions, where: string): Promise<Readonly<Record<string, string>>> {
  try {
    return (await headers?.()) ?? {};
  } catch (cause) {
    if (cause instanceof SyncError) throw cause;
    throw new Unavailable(`the headers for ${where} can't be had: the \`headers\` function failed`, { cause });
  }
}

function headersOf(fields: Readonly<Record<string, string>>, where: string): Headers {
  try {
    return new Headers(fields);
  } catch {
    throw new InvalidConfiguration(`the headers for ${where} can't be sent: HTTP forbids a name or value among them`);
  }
}

/** Credentials go as a header. */
function bare(url: URL): URL {
  const copy = new URL(url);
  copy.username = '';
  copy.password = '';
  copy.hash = '';
  return copy;
}

function basic({ username, password }: URL): Readonly<Record<string, string>> {
  if (username === '' && password === '') return {};
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { authorization: `Basic ${Buffer.from(pair, 'utf8').toString('base64')}` };
}
