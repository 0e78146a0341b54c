import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Free loopback ports, below those that systems give to outgoing connections: so nobody gets one by chance while the broker that
 * it belongs to is down.
 */
export async function freePorts(count: number): Promise<readonly number[]> {
  const found = new Set<number>();
  for (let tries = 0; found.size < count; tries++) {
    if (tries === 500) throw new Error('no free port in 500 tries');
    const port = randomInt(15_000, 32_000);
    if (await isFree(port)) found.add(port);
  }
  return [...found];
}

export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
