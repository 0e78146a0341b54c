import { createServer, type Socket } from 'node:net';
import { natsAnswers } from './nats-answers';

/** Runs `use` with the address of somebody who does this with each connection. */
async function withPeer(does: (socket: Socket) => unknown, use: (address: string) => Promise<void>): Promise<void> {
  const sockets = new Set<Socket>();
  const peer = createServer((socket) => {
    sockets.add(socket);
    does(socket);
  });
  await new Promise<void>((resolve) => peer.listen(0, '127.0.0.1', resolve));
  try {
    await use(`127.0.0.1:${(peer.address() as { port: number }).port}`);
  } finally {
    for (const one of sockets) one.destroy();
    peer.close();
  }
}
const says =
  (...texts: readonly string[]) =>
  (socket: Socket) => {
    for (const text of texts) socket.write(text);
  };

it('tells who answers, and which version', async () => {
  const info = { server_id: 'N1', server_name: 'one', version: '2.9.10', jetstream: true };
  const text = `INFO ${JSON.stringify(info)} \r\n`;
  await withPeer(says(text.slice(0, 20), text.slice(20), 'PING\r\n'), async (address) => {
    expect(await natsAnswers(address)).toEqual({ serverName: 'one', version: '2.9.10' });
  });
});

it.each([
  ['without JetStream', says('INFO {"server_name":"one","version":"2.9.10"}\r\n'), 'has JetStream off'],
  ['that isn’t one', says('SSH-2.0-OpenSSH_9.2\r\n'), "isn't a NATS server"],
  ['that hangs up', (socket: Socket) => socket.end('INFO {'), 'the connection ended before a line did'],
  ['that says nothing', () => undefined, 'nothing is said within 200 ms'],
])('refuses a server %s', async (_, does, reason) => {
  await withPeer(does, async (address) => {
    await expect(natsAnswers(address, 200)).rejects.toThrow(reason);
  });
});

it('rejects where nobody listens, and what isn’t an address', async () => {
  let left = '';
  await withPeer(
    () => undefined,
    async (address) => void (left = address),
  );
  await expect(natsAnswers(left)).rejects.toThrow('ECONNREFUSED');
  await expect(natsAnswers('nowhere')).rejects.toThrow('Port');
});
