/** NATS's own protocol, as far as tests of a server need it: ask, and wait for the answer. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

/** Who asks, of a server that wants to know. */
interface Who {
  readonly user: string;
  readonly pass: string;
}

/** The JSON that is answered to a request on this subject. Rejects with what the server complains about. */
export async function natsRequest(address: string, subject: string, payload: string, who?: Who): Promise<unknown> {
  const [host = '', port = ''] = address.split(':');
  const socket = connect({ host, port: Number(port), timeout: 5_000 });
  socket.once('timeout', () => socket.destroy(new Error('no answer within 5000 ms')));
  try {
    await once(socket, 'connect');
    const hello = JSON.stringify({ verbose: false, lang: 'test', version: '1', headers: false, ...who });
    const size = Buffer.byteLength(payload);
    socket.write(`CONNECT ${hello}\r\nSUB answer 1\r\nPUB ${subject} answer ${size}\r\n${payload}\r\n`);
    let isNext = false;
    for await (const line of createInterface({ input: socket, crlfDelay: Infinity })) {
      if (line.startsWith('-ERR')) throw new Error(line);
      if (isNext) return JSON.parse(line);
      isNext = line.startsWith('MSG answer ');
    }
    throw new Error('the connection ended without an answer');
  } finally {
    socket.destroy();
  }
}
