import {
  applyTo,
  decimal,
  type LiveView,
  liveView,
  OffsetMap,
  type SnapshotSource,
  snapshotThenSubscribe,
  SyncError,
  translate,
  type Transport,
  upsert,
} from '@tidemark/core';
import * as t from 'io-ts';
import { createServer, type ServerOptions } from 'node:https';
import { type IncomingMessage, type ServerResponse } from 'node:http';
import { TLSSocket } from 'node:tls';
import { type HttpHandler } from '../src/http-handler';
import { httpFeed } from '../src/http-feed';
import { httpSnapshot } from '../src/http-snapshot';
import { serveFeed } from '../src/serve-feed';
import { serveSnapshot } from '../src/serve-snapshot';
import { type ClientTlsSource } from '../src/tls-options';
import { listening } from './listen';
import { stopped } from './stopped';
import { ToyLog, updates } from './toy-log';

interface Order {
  readonly id: string;
}

/** Service A over TLS on 127.0.0.1: two rows at /snapshot, and its log with three records at /feed/. */
export async function serviceA(
  options: ServerOptions,
  {
    around = (handler) => (req, res) => handler.node(req, res),
    port = 0,
  }: {
    readonly around?: (handler: Pick<HttpHandler, 'node'>) => (req: IncomingMessage, res: ServerResponse) => void;
    readonly port?: number;
  } = {},
) {
  const log = new ToyLog();
  log.append(...updates(3));
  const { source } = await log.describe();
  const snapshots: SnapshotSource = {
    open: async ({ scope }) => ({
      id: 's1',
      scope,
      position: { source, offsets: OffsetMap.empty('decimal').with(log.partition, { through: decimal(2) }) },
      chunks: (async function* () {
        yield { topic: 'orders', rows: [{ id: 'a' }, { id: 'b' }] };
      })(),
    }),
  };
  const [snapshot, feed] = [serveSnapshot(snapshots), serveFeed(log, { longPollMs: 200 })];
  const asked: IncomingMessage[] = [];
  const handler = around({
    node: (req, res) => (req.url?.startsWith('/snapshot') === true ? snapshot : feed).node(req, res),
  });
  const server = createServer(options, (req, res) => {
    asked.push(req);
    handler(req, res);
  });
  let handshakes = 0;
  let connections = 0;
  server.on('secureConnection', () => handshakes++);
  server.on('connection', () => connections++);
  server.on('tlsClientError', () => undefined);
  const listens = await listening(server, () => server.closeAllConnections(), port);
  return {
    port: listens.port,
    url: listens.url.replace('http:', 'https:'),
    /** Every request that arrived. */
    asked,
    handshakes: () => handshakes,
    connections: () => connections,
    [Symbol.asyncDispose]: () => listens[Symbol.asyncDispose](),
  };
}

/** B's two ports at this service, and a view that a pipeline keeps by them. */
export function clientsOf(url: string, tls: ClientTlsSource) {
  const snapshot = httpSnapshot(`${url}/snapshot`, { tls });
  const feed = httpFeed(`${url}/feed`, { topics: { orders: 'y.orders' }, tls });
  const view = liveView<Order>({ key: ({ id }) => id });
  return { snapshot, feed, view, pipeline: pipelineOf(snapshot, feed, view) };
}

/** Keeps a view by these ports, which may be those of two services. */
export function pipelineOf(
  snapshot: SnapshotSource,
  transport: Transport<'orders'>,
  view: LiveView<string, Order>,
  version?: string,
) {
  const pipeline = snapshotThenSubscribe({
    name: 'orders',
    version,
    snapshot,
    transport,
    decode: { orders: { row: t.type({ id: t.string }), update: t.type({ n: t.number }) } },
  }).pipe(
    translate((message) => {
      if (message.kind === 'row') return upsert(message.value);
      return upsert({ id: Buffer.from(message.record.key ?? []).toString() });
    }),
    applyTo(view),
  );
  return stopped(pipeline);
}

/** The connection that a request or an answer came by. */
export function tlsOf({ socket }: IncomingMessage): TLSSocket {
  if (socket instanceof TLSSocket) return socket;
  throw new Error('it came without TLS');
}

/** What a rejection holds, as a `SyncError`. */
export async function refusalOf(work: Promise<unknown>): Promise<SyncError> {
  const error = await work.then(
    () => new Error('it was not refused'),
    (thrown: unknown) => thrown,
  );
  if (error instanceof SyncError) return error;
  throw error;
}
