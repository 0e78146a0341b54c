import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo } from 'node:net';
import { type HttpHandler } from '../src/http-handler';

/** A server on a free port of 127.0.0.1, which closes with its connections at the end of the block (`await using`). */
export async function listen(handler: HttpHandler | RequestListener): Promise<
  AsyncDisposable & {
    readonly url: string;
    readonly port: number;
  }
> {
  const server = createServer(typeof handler === 'function' ? handler : (req, res) => handler.node(req, res));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
