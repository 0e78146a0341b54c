import { type Agent, type IncomingMessage, request as overHttp } from 'node:http';
import { request as overHttps } from 'node:https';
import { pipeline, type Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { agentsOf } from './tls-agents';
import { shown } from './shown-url';
import { refusalOf } from './tls-failure';
import { type ClientTlsSource } from './tls-options';

interface HttpAsk {
  readonly url: URL;
  readonly method: 'GET' | 'HEAD';
  readonly headers: Headers;
  /** Ends the request, and the reading of its answer. */
  readonly signal: AbortSignal;
}

/** One answer, whatever its status. Its body must be read to the end or destroyed. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Unzipped where the answer says `gzip`, which is what is asked for; nothing else is decoded, and nothing is capped. */
  readonly body: Readable;
}

/**
 * Asks one origin. Redirects are answers. Rejects with `IdentityRefused` and what {@link agentsOf} throws; with
 * {@link NetworkFailure} for everything that comes between; and with anything once the signal has aborted.
 */
export type HttpClient = (ask: HttpAsk) => Promise<HttpAnswer>;

/** What Node or OpenSSL says of a failure, without the rest of its error: bytes of the answer, whole certificates. */
class NetworkFailure extends Error {
  constructor(
    message: string,
    readonly code: string | undefined,
  ) {
    super(message);
    this.name = 'NetworkFailure';
  }
}

/** A client of its own, with connections of its own, for the origin of `base`. Throws `InvalidConfiguration`. */
export function httpClient(base: URL, tls: ClientTlsSource | undefined): HttpClient {
  const agents = agentsOf(base, tls);
  return async (ask) => {
    if (ask.url.origin !== base.origin) throw new TypeError('a client asks one origin');
    if (!ask.headers.has('accept-encoding')) ask.headers.set('accept-encoding', 'gzip');
    const agent = await agents(ask.signal);
    let answer: HttpAnswer | undefined;
    do answer = await exchange(agent, ask);
    while (answer === undefined);
    return answer;
  };
}

/** One exchange; `undefined` where a kept connection was closed by the server before it saw the request. */
async function exchange(agent: Agent, { url, method, headers, signal }: HttpAsk): Promise<HttpAnswer | undefined> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? overHttps : overHttp;
    const request = send(url, { agent, method, headers: Object.fromEntries(headers) });
    // without an error: the `signal` option's would reach a connection that is being kept, where nobody listens
    const end = () => void request.destroy();
    signal.addEventListener('abort', end, { once: true });
    let answered = false;
    request.once('close', () => {
      signal.removeEventListener('abort', end);
      // Node says no more than this of an answer that switches protocols
      if (!answered) reject(new NetworkFailure('the connection was closed without an answer', 'ECONNRESET'));
    });
    request.once('response', (message) => {
      answered = true;
      answerOf(message, method).then(resolve, reject);
    });
    // stays: an error after the answer is the body's, too
    request.on('error', (error: NodeJS.ErrnoException) => {
      const { code } = error;
      if (request.reusedSocket && (code === 'ECONNRESET' || code === 'EPIPE') && !signal.aborted) resolve(undefined);
      else reject(refusalOf(error, request.socket, shown(url)) ?? new NetworkFailure(error.message, code));
    });
    request.end();
  });
}

async function answerOf(message: IncomingMessage, method: string): Promise<HttpAnswer> {
  const { statusCode: status = 0 } = message;
  const headers = new Headers();
  for (const [name, values] of Object.entries(message.headersDistinct))
    for (const value of values ?? []) headers.append(name, value);
  if (method === 'HEAD' || status === 204 || status === 304) {
    // there is no body: with this the connection is free again
    message.resume();
    await finished(message);
    return { status, headers, body: message };
  }
  const body = headers.get('content-encoding') === 'gzip' ? unzipped(message) : message;
  // who reads is told; who doesn't may have gone
  body.on('error', () => undefined);
  return { status, headers, body };
}

/** What isn't pulled isn't unzipped, and a trailer that is missing is an error. */
const unzipped = (message: IncomingMessage): Readable =>
  pipeline(message, createGunzip({ chunkSize: 65_536 }), () => undefined);
