import { setTimeout as delay } from 'node:timers/promises';

/** Resolves once the condition holds; rejects with `what` after 20 s. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = performance.now() + 20_000;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`waited in vain: ${what}`);
    await delay(5);
  }
}
