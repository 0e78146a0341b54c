import { once } from 'node:events';
import { connect } from 'node:net';
import { httpHandler } from '../src/http-handler';
import { settles } from './eventually';
import { listen } from './listen';

describe('httpHandler', () => {
  it('answers node requests with what the Fetch handler returned', async () => {
    await using server = await listen(
      httpHandler(async (request) => {
        const { pathname, search } = new URL(request.url);
        return new Response(`${request.method} ${pathname}${search} ${String(request.headers.get('x-asked'))}`, {
          status: 201,
          headers: { 'x-said': 'yes' },
        });
      }),
    );
    const response = await fetch(`${server.url}//other.example/p?q=1`, { headers: { 'x-asked': 'a, b' } });
    expect(response.status).toBe(201);
    expect(response.headers.get('x-said')).toBe('yes');
    expect(await response.text()).toBe('GET //other.example/p?q=1 a, b');
  });

  it('sends no body to HEAD, and ends the body that the handler made', async () => {
    let cancelled = false;
    await using server = await listen(
      httpHandler(async () => new Response(new ReadableStream({ cancel: () => void (cancelled = true) }))),
    );
    const response = await fetch(server.url, { method: 'HEAD' });
    expect(await response.text()).toBe('');
    expect(cancelled).toBe(true);
  });

  it('gives 500 without a word when the handler throws, in both forms', async () => {
    const handler = httpHandler(() => Promise.reject(new Error('secret-canary')));
    await using server = await listen(handler);
    for (const response of [await fetch(server.url), await handler.fetch(new Request('http://a.example/'))]) {
      expect(response.status).toBe(500);
      expect(await response.text()).not.toContain('canary');
    }
  });

  it('gives 400 to a request that makes no URL', async () => {
    await using server = await listen(httpHandler(async () => new Response('reached')));
    const socket = connect(server.port, '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nHost: a b:c\r\nConnection: close\r\n\r\n');
    let answer = '';
    for await (const chunk of socket) answer += String(chunk);
    expect(answer).toMatch(/^HTTP\/1.1 400 /);
  });

  it('cuts the connection when the body fails', async () => {
    const body = () =>
      new ReadableStream<Uint8Array>({
        pull(controller) {
          controller.enqueue(Buffer.from('half'));
          controller.error(new Error('secret-canary'));
        },
      });
    await using server = await listen(httpHandler(async () => new Response(body())));
    await expect(fetch(server.url).then((r) => r.text())).rejects.toThrow();
  });

  it('aborts request.signal and ends the body when the client goes away', async () => {
    const seen: string[] = [];
    let done: () => void;
    const both = new Promise<void>((resolve) => (done = resolve));
    const note = (what: string) => {
      if (seen.push(what) === 2) done();
    };
    await using server = await listen(
      httpHandler(async (request) => {
        request.signal.addEventListener('abort', () => note('aborted'));
        return new Response(new ReadableStream({ cancel: () => note('cancelled') }));
      }),
    );
    const client = new AbortController();
    const response = await fetch(server.url, { signal: client.signal });
    expect(response.status).toBe(200);
    client.abort();
    await both;
    expect(seen.sort()).toEqual(['aborted', 'cancelled']);
  });

  it('does not abort request.signal after a whole answer', async () => {
    let signal: AbortSignal | undefined;
    await using server = await listen(
      httpHandler(async (request) => {
        signal = request.signal;
        return new Response('whole');
      }),
    );
    const socket = connect(server.port, '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    socket.resume();
    await once(socket, 'close');
    expect(signal?.aborted).toBe(false);
  });

  it('I9: reads no further ahead than the socket takes', async () => {
    let produced = 0;
    const body = () =>
      new ReadableStream<Uint8Array>({
        pull(controller) {
          produced++;
          controller.enqueue(Buffer.alloc(65_536));
        },
      });
    await using server = await listen(httpHandler(async () => new Response(body())));
    const socket = connect(server.port, '127.0.0.1').pause();
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const settled = await settles(() => produced);
    expect(settled).toBeGreaterThan(0);
    expect(settled * 65_536).toBeLessThan(32 * 1024 * 1024);
    socket.destroy();
  });
});
