/** Resolves once `holds` is true; rejects after ten seconds (real sockets and timers, so it looks every 5 ms). */
export async function eventually(what: string, holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`not within ten seconds: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The value, once it has stayed the same and above zero for 150 ms. */
export async function settles(read: () => number): Promise<number> {
  for (let last = -1, since = Date.now(); ;) {
    const now = read();
    if (now !== last || now === 0) [last, since] = [now, Date.now()];
    if (Date.now() - since > 150) return now;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
