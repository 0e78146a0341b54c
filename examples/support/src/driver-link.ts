import { type FollowerSays, type Order, type SourceSays } from './messages';

/** Tells the driver, or (started by hand) standard output. Resolves once it is sent. */
export async function say(message: SourceSays | FollowerSays): Promise<void> {
  if (process.send === undefined) {
    console.log(JSON.stringify(message));
    return;
  }
  await new Promise<void>((sent) => process.send?.(message, undefined, {}, () => sent()));
}

/**
 * Obeys the driver's orders. The process ends with its driver: it can't be orphaned. SIGTERM, and SIGINT when started by hand,
 * mean `stop`; under a driver, SIGINT (Ctrl-C reaches the whole group) is the driver's business.
 */
export function obey(carryOut: (order: Order) => void): void {
  const stop = () => carryOut({ order: 'stop' });
  process.on('SIGTERM', stop);
  process.on('SIGINT', () => {
    if (process.send === undefined) stop();
  });
  if (process.send === undefined) return;
  process.on('message', (order: Order) => carryOut(order));
  process.on('disconnect', exitOrphaned);
}

/** After the last message: nothing keeps the process alive any more. */
export function letGo(): void {
  process.off('disconnect', exitOrphaned);
  if (process.connected) process.disconnect();
}

const exitOrphaned = () => process.exit(1);

/** The options that a process was started with: one JSON argument. */
export const startOptions = (): unknown => JSON.parse(process.argv[2] ?? '{}');

/** For messages: the error's class and text, and its cause's. */
export function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = `${error.name}: ${error.message}`;
  return error.cause === undefined ? own : `${own} (cause: ${explain(error.cause)})`;
}
