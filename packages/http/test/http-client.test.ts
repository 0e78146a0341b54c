import { type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { httpClient } from '../src/http-client';
import { eventually } from './eventually';
import { listen, listenRaw } from './listen';

const signal = new AbortController().signal;
const asking = (url: string, method: 'GET' | 'HEAD' = 'GET') => ({
  url: new URL(url),
  method,
  headers: new Headers(),
  signal,
});
const textOf = async (body: AsyncIterable<Buffer>): Promise<string> => {
  const pieces: Buffer[] = [];
  for await (const piece of body) pieces.push(piece);
  return Buffer.concat(pieces).toString();
};

describe('the HTTP client', () => {
  it('keeps its connection over answers with and without a body, read or not', async () => {
    const hello = gzipSync('hello');
    const sockets = new Set<Socket>();
    await using server = await listen((req, res) => {
      sockets.add(req.socket);
      const status = Number(req.url?.slice(1));
      // without a length Node closes after HEAD
      res.writeHead(status, status === 200 ? { 'content-encoding': 'gzip', 'content-length': hello.length } : {});
      res.end(status === 200 ? hello : undefined);
    });
    const client = httpClient(new URL(server.url), undefined);
    for (const status of [200, 204, 304, 200]) {
      const answer = await client(asking(`${server.url}/${status}`));
      expect(answer.status).toBe(status);
      if (status === 200) expect(await textOf(answer.body)).toBe('hello');
      const head = await client(asking(`${server.url}/${status}`, 'HEAD'));
      expect(await textOf(head.body)).toBe('');
    }
    expect(sockets.size).toBe(1);
  });

  it('asks again over a new connection where a kept one is closed in the face of the request', async () => {
    const sockets: Socket[] = [];
    let requests = 0;
    await using server = await listenRaw((socket) => {
      sockets.push(socket);
      let first = true;
      socket.on('data', () => {
        requests++;
        if (first) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
        else socket.destroy();
        first = false;
      });
    });
    const url = `${server.url}/`;
    const client = httpClient(new URL(url), undefined);
    for (let i = 0; i < 3; i++) expect(await textOf((await client(asking(url))).body)).toBe('ok');
    expect(sockets).toHaveLength(3);
    expect(requests).toBe(5);
  });

  it('does not ask again over a connection that was new', async () => {
    let requests = 0;
    await using server = await listen((req) => {
      requests++;
      req.socket.destroy();
    });
    const failing = httpClient(new URL(server.url), undefined)(asking(server.url));
    await expect(failing).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(requests).toBe(1);
  });

  it('closes the connection when the signal aborts: before the answer, and in its body', async () => {
    for (const begun of [false, true]) {
      let [asks, closed] = [0, false];
      await using server = await listen((req, res) => {
        asks++;
        req.socket.on('close', () => (closed = true));
        if (begun) res.write('some');
      });
      const stop = new AbortController();
      const asked = httpClient(new URL(server.url), undefined)({ ...asking(server.url), signal: stop.signal });
      const read = asked.then(async ({ body }) => {
        stop.abort();
        return textOf(body);
      });
      const outcome = read.then(
        () => 'read',
        () => 'ended',
      );
      if (!begun) {
        await eventually('the server is asked', () => asks === 1);
        stop.abort();
      }
      expect(await outcome).toBe('ended');
      await eventually('the server sees it', () => closed);
    }
  });

  it('hands on what is neither plain nor gzip as it is, and never asks another origin', async () => {
    await using server = await listen((_, res) => void res.writeHead(200, { 'content-encoding': 'br' }).end('raw'));
    const client = httpClient(new URL(server.url), undefined);
    expect(await textOf((await client(asking(server.url))).body)).toBe('raw');
    await expect(client(asking('http://127.0.0.1:1/'))).rejects.toThrow('one origin');
  });
});
