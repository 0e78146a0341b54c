import { type Cluster } from 'kafkajs';
import { type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/**
 * After a request that wasn't answered in time its broker is connected anew; kafkajs would go on asking for ever, over a connection
 * that has died without a word, or, where one broke in mid-answer, over a new one whose answers it appends to that part.
 */
export function reset(cluster: Cluster, which: (address: string) => boolean): void {
  const { brokers, seedBroker } = (cluster as Cluster & WithPool).brokerPool;
  for (const { connectionPool } of new Set([...Object.values(brokers), ...(seedBroker ? [seedBroker] : [])])) {
    if (!which(`${connectionPool.host}:${connectionPool.port}`)) continue;
    for (const connection of connectionPool.pool) {
      connection.socket?.destroy(new Error('a request was not answered in time'));
      Object.assign(connection, { chunks: [], bytesBuffered: 0, bytesNeeded: sizeBytes });
    }
  }
}

/** Ends all connections; those that still wait for an answer after some seconds are cut. Nothing is connected again. */
export async function close(cluster: Cluster): Promise<void> {
  closed.add(cluster);
  if (!(await inTime(cluster.disconnect()))) reset(cluster, () => true);
}

const closed = new WeakSet<Cluster>();
export const isClosed = (cluster: Cluster): boolean => closed.has(cluster);

/** Has this client of kafkajs's let go soon enough? It waits for all answers, also for those that will never come. */
export async function inTime(ending: Promise<unknown>): Promise<boolean> {
  const over = new AbortController();
  const late = pause(3_000, false, { signal: over.signal }).catch(() => false);
  const ended = ending.then(
    () => true,
    () => true, // it had lost its broker
  );
  return Promise.race([ended, late]).finally(() => {
    over.abort();
  });
}

/** An answer begins with its size. */
const sizeBytes = 4;

/** What kafkajs's types don't tell. */
interface WithPool {
  readonly brokerPool: { readonly brokers: Readonly<Record<string, Pooled>>; readonly seedBroker?: Pooled };
}
interface Pooled {
  readonly connectionPool: {
    readonly host: string;
    readonly port: number;
    readonly pool: readonly { readonly socket?: Socket | null }[];
  };
}
