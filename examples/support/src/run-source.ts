import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';
import { type Position, toToken } from '@tidemark/core';
import { explain, letGo, obey, say } from './driver-link';
import { type Order } from './messages';

/** How often progress is told, in milliseconds. */
const everyMs = 10;

/** A source of updates that serves HTTP. */
export interface SourceService {
  readonly handle: (req: IncomingMessage, res: ServerResponse) => void;
  /** How many updates there are to replay. */
  readonly total: number;
  /** Replays until this many are written in all, telling how many are; answers how many are. */
  readonly write: (upTo: number, onWritten: (updates: number) => void) => Promise<number>;
  readonly head: () => Promise<Position>;
  /** Drops everything from the log that is in it now; absent where that is a broker's business. */
  readonly trim?: (() => void) | undefined;
  readonly close: () => Promise<void>;
}

/** Runs a service as a process of its own on a port of 127.0.0.1 (0: any free one), obeying the driver. */
export async function runSource(open: () => Promise<SourceService>, port = 0): Promise<void> {
  try {
    const service = await open();
    const server = createServer(service.handle);
    await new Promise<void>((listening, failed) => {
      server.once('error', failed).listen(port, '127.0.0.1', listening);
    });
    let work = Promise.resolve();
    const stopped = new Promise<void>((stop) => {
      obey((order) => {
        if (order.order === 'stop') stop();
        else
          work = work
            .then(() => carryOut(service, order))
            .catch(fail)
            .then(() => undefined);
      });
    });
    await say({ says: 'ready', port: (server.address() as AddressInfo).port, total: service.total });
    await stopped;
    await work;
    const closed = new Promise((done) => server.close(done));
    server.closeAllConnections();
    await closed;
    await service.close();
  } catch (error) {
    await fail(error);
  } finally {
    letGo();
  }
}

async function carryOut(service: SourceService, order: Exclude<Order, { order: 'stop' }>): Promise<void> {
  switch (order.order) {
    case 'write':
      return say({ says: 'written', updates: await service.write(order.upTo, telling()) });
    case 'head':
      return say({ says: 'head', position: toToken(await service.head()) });
    case 'trim':
      if (service.trim === undefined) throw new Error('this log is trimmed by its broker');
      service.trim();
      return say({ says: 'trimmed' });
  }
}

/** Tells now and then, not each time. */
function telling(): (updates: number) => void {
  let told = performance.now();
  return (updates) => {
    if (performance.now() - told < everyMs) return;
    told = performance.now();
    void say({ says: 'writing', updates });
  };
}

async function fail(error: unknown): Promise<void> {
  process.exitCode = 1;
  await say({ says: 'failed', error: explain(error) });
}
