import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** Starts service A in a process of its own: it must cost both sides the same, and neither of them memory. */
export async function serve(mode, count) {
  const child = fork(join(import.meta.dirname, 'server-process.mjs'), [mode, String(count)]);
  const failed = once(child, 'exit').then(() => {
    throw new Error('service A ended before it had begun');
  });
  const [url] = await Promise.race([once(child, 'message'), failed]);
  failed.catch(() => undefined);
  return { url, stop: () => child.disconnect() };
}
