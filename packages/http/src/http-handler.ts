import { type IncomingMessage, type ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** One handler in both of the forms that servers take: node:http (Express too) and Fetch (Hono, Deno, workers). */
export interface HttpHandler {
  /** For `createServer` and everything built on it. Answers by itself; never throws. */
  node(req: IncomingMessage, res: ServerResponse): void;
  /** Never rejects. Cancelling the response's body, or aborting the request's signal, ends the work behind it. */
  fetch(request: Request): Promise<Response>;
}

/**
 * Both forms of a handler that is written once, Fetch-style. For reading only: a request's body isn't passed on.
 *
 * In the node form the client's socket holds the body back (nothing is read ahead of it but one stream buffer), a client that
 * goes away aborts `request.signal`, and a body that fails cuts the connection, so that the client can't take it for whole.
 * What `answer` throws becomes a bare 500: no message leaves the process.
 */
export function httpHandler(answer: (request: Request) => Promise<Response>): HttpHandler {
  const answerAlways = async (request: Request): Promise<Response> => {
    try {
      return await answer(request);
    } catch {
      return new Response('internal error\n', { status: 500, headers: { 'content-type': 'text/plain' } });
    }
  };
  return {
    fetch: answerAlways,
    node: (req, res) => {
      serve(answerAlways, req, res).catch(() => res.destroy());
    },
  };
}

async function serve(
  answer: (request: Request) => Promise<Response>,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  const request = requestOf(req, gone.signal);
  res.once('close', () => {
    // the mention of `request` keeps it from being collected: its signal follows ours only while it lives
    if (request !== undefined && !res.writableFinished) gone.abort();
  });
  const response = request === undefined ? new Response(null, { status: 400 }) : await answer(request);
  if (gone.signal.aborted || response.body === null || req.method === 'HEAD') {
    await response.body?.cancel();
    if (!gone.signal.aborted) res.setHeaders(response.headers).writeHead(response.status).end();
    return;
  }
  res.setHeaders(response.headers).writeHead(response.status).flushHeaders();
  await pipeline(Readable.fromWeb(response.body), res);
}

/** `undefined` where the request line or the Host header don't make a URL, or Fetch forbids the method. */
function requestOf(req: IncomingMessage, signal: AbortSignal): Request | undefined {
  const headers = new Headers();
  for (const [name, values] of Object.entries(req.headersDistinct))
    for (const value of values ?? []) if (!name.startsWith(':')) headers.append(name, value);
  try {
    const target = req.url ?? '/';
    const url = target.startsWith('/') ? `http://${req.headers.host ?? 'localhost'}${target}` : target;
    return new Request(url, { method: req.method ?? 'GET', headers, signal });
  } catch {
    return undefined;
  }
}
