import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type NewRecord, type Position, type Publisher, Unavailable } from '@tidemark/core';
import { type SqliteLog, sqliteLog } from '@tidemark/sqlite';
import { type Database, openDatabase } from '../src/database';
import { type Relay, relay } from '../src/relay';

const deadlineMs = 10_000;

let dir: string;
let db: Database;
let outbox: SqliteLog<'orders'>;
let relaying: Relay | undefined;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'tidemark-relay-'));
  const file = join(dir, 'a.db');
  db = openDatabase(file);
  outbox = sqliteLog(db, { reader: () => openDatabase(file), topics: { orders: { partitions: 2 } } });
});

afterEach(async () => {
  await relaying?.stop();
  relaying = undefined;
  await outbox[Symbol.asyncDispose]();
  db.close();
  rmSync(dir, { recursive: true });
});

/** What a broker got. `accept` may refuse. */
class Broker implements Publisher<'orders'> {
  readonly got: string[] = [];
  tries = 0;
  constructor(private readonly accept: (attempt: number) => Promise<void> = async () => undefined) {}

  async publish(_: 'orders', records: readonly NewRecord[]): Promise<Position> {
    await this.accept(++this.tries);
    this.got.push(...records.map(({ key, value }) => `${key}=${Buffer.from(value ?? []).toString()}`));
    return outbox.locate('head', AbortSignal.timeout(deadlineMs));
  }
}

const append = (...records: readonly string[]) =>
  outbox.append(
    'orders',
    records.map((record) => ({ key: record.slice(0, 1), value: record.slice(2) })),
  );

const left = async () => {
  const signal = AbortSignal.timeout(deadlineMs);
  const [from, to] = [await outbox.locate('beginning', signal), await outbox.locate('head', signal)];
  return [...to.offsets].filter(({ through, ...partition }) => from.offsets.through(partition) !== through).length;
};

const of = (key: string, got: readonly string[]) => got.filter((record) => record.startsWith(key));

it('publishes what is in the outbox and what comes later, each key in order, and removes it', async () => {
  const broker = new Broker();
  append('a=1', 'b=1', 'a=2');
  relaying = relay(outbox, broker);
  await relaying.drained();
  append('a=3', 'b=2');
  await relaying.drained();
  expect(of('a', broker.got)).toEqual(['a=1', 'a=2', 'a=3']);
  expect(of('b', broker.got)).toEqual(['b=1', 'b=2']);
  expect(await left()).toBe(0);
});

it('tries again what the broker did not take, before anything later', async () => {
  const broker = new Broker(async (attempt) => {
    if (attempt < 3) throw new Unavailable('the broker is away');
  });
  append('a=1');
  relaying = relay(outbox, broker);
  append('a=2');
  await relaying.drained();
  expect(broker.got).toEqual(['a=1', 'a=2']);
  expect(broker.tries).toBeGreaterThanOrEqual(3);
});

it('I1: what was not acknowledged stays in the outbox, and the next relay publishes it', async () => {
  const away = new Broker(() => Promise.reject(new Unavailable('the broker is away')));
  append('a=1', 'a=2');
  relaying = relay(outbox, away);
  for (const end = Date.now() + deadlineMs; away.tries === 0; await new Promise((turn) => setTimeout(turn, 5)))
    if (Date.now() > end) throw new Error('nothing was tried within the deadline');
  await relaying.stop();
  expect(await left()).toBe(1);

  const broker = new Broker();
  relaying = relay(outbox, broker);
  await relaying.drained();
  expect(broker.got).toEqual(['a=1', 'a=2']);
});
