import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer, type Socket } from 'node:net';
import { type HttpHandler } from '../src/http-handler';

/** A server on a free port of 127.0.0.1, which closes with its connections at the end of the block (`await using`). */
export interface Listening extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
}

export async function listen(handler: HttpHandler | RequestListener): Promise<Listening> {
  const server = createServer(typeof handler === 'function' ? handler : (req, res) => handler.node(req, res));
  return listening(server, () => server.closeAllConnections());
}

/** The same for bytes. */
export async function listenRaw(connected: (socket: Socket) => void): Promise<Listening> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
    connected(socket);
  });
  return listening(server, () => {
    for (const socket of sockets) socket.destroy();
  });
}

/** Any server; `cut` closes its connections, and `port` is one that others know already. */
export async function listening(server: TcpServer, cut: () => void, port = 0): Promise<Listening> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    async [Symbol.asyncDispose]() {
      cut();
      if (!server.listening) return;
      server.close();
      await once(server, 'close');
    },
  };
}
