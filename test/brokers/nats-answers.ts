import { connect, type Socket } from 'node:net';

/** What a server says of itself to whoever connects. */
export interface NatsInfo {
  readonly serverName: string;
  readonly version: string;
}

/**
 * Connects to `host:port` and reads what the server there says of itself. Rejects where nobody says it within `withinMs`
 * milliseconds, or JetStream is off.
 */
export async function natsAnswers(address: string, withinMs = 2_000): Promise<NatsInfo> {
  const colon = address.lastIndexOf(':');
  const socket = connect({ host: address.slice(0, colon), port: Number(address.slice(colon + 1)) });
  try {
    const line = await firstLine(socket, withinMs);
    if (!line.startsWith('INFO {')) throw new Error(`what answers at ${address} isn't a NATS server`);
    const info = JSON.parse(line.slice('INFO '.length)) as Readonly<Record<string, unknown>>;
    if (info.jetstream !== true) throw new Error(`the NATS server at ${address} has JetStream off: start it with -js`);
    return { serverName: String(info.server_name), version: String(info.version) };
  } finally {
    socket.destroy();
  }
}

/** What comes before the first end of a line. */
function firstLine(socket: Socket, withinMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    socket.setEncoding('utf8');
    socket.setTimeout(withinMs, () => reject(new Error(`nothing is said within ${withinMs} ms`)));
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the connection ended before a line did')));
    socket.on('data', (more: string) => {
      text += more;
      const end = text.indexOf('\n');
      if (end >= 0) resolve(text.slice(0, end));
    });
  });
}
