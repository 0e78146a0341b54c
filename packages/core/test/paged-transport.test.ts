import {
  beginning,
  decimal,
  type Delivery,
  type Description,
  type LogRecord,
  MalformedPosition,
  type Offset,
  OffsetMap,
  type Page,
  type PagedLog,
  pagedTransport,
  type PagedTransportOptions,
  type Partition,
  type Position,
  type Runtime,
  type Start,
  systemRuntime,
  type TransportEvent,
  Unavailable,
  witnessOf,
} from '../src';
import { stopper } from './support/stopped';

const p0: Partition = { topic: 't', partition: '0' };
const p1: Partition = { topic: 't', partition: '1' };

const record = (offset: number, size = 1): LogRecord => ({
  key: null,
  value: Buffer.alloc(size, 'x'),
  headers: new Map(),
  timestamp: 0,
  offset: decimal(offset),
});

/** A log that answers as the test says: `pages` has the records of each partition, two a page. */
class Scripted implements PagedLog<'things'> {
  readonly kind = 'scripted';
  readonly topics = { things: 't' };
  epoch = '1';
  trimmed: Offset = beginning;
  pageSize = 2;
  readonly asked: string[] = [];
  describe: (signal: AbortSignal) => Promise<Description> = async () => this.description();
  beforePage: (partition: Partition, after: Offset) => Promise<void> = async () => undefined;

  constructor(readonly lanes: Record<string, LogRecord[]>) {}

  description(): Description {
    const partitions = Object.entries(this.lanes).map(([partition, records]) => ({
      topic: 't',
      partition,
      trimmed: this.trimmed,
      head: records.at(-1)?.offset ?? this.trimmed,
    }));
    return { source: { kind: this.kind, order: 'decimal', cluster: 'c', epochs: { t: this.epoch } }, partitions };
  }

  async page(partition: Partition, after: Offset): Promise<Page> {
    this.asked.push(`${partition.partition}@${after}`);
    await this.beforePage(partition, after);
    const all = this.lanes[partition.partition] ?? [];
    const rest = after === beginning ? all : all.filter(({ offset }) => BigInt(offset) > BigInt(after));
    const records = rest.slice(0, this.pageSize);
    const through = records.at(-1)?.offset ?? after;
    return { records, through, atHead: records.length === rest.length, epoch: this.epoch };
  }
}

/** Reads on and writes down; what is acknowledged is up to the test. */
function reading(log: PagedLog<'things'>, options: PagedTransportOptions = {}, onStart?: Start) {
  const abort = stopper();
  const events: TransportEvent<'things'>[] = [];
  const starts: string[][] = [];
  const start: Start = async (assigned) => {
    starts.push(assigned.map(({ partition }) => partition));
    return onStart === undefined ? from(log) : onStart(assigned);
  };
  const transport = pagedTransport(log, { pollMs: 1, describeMs: 5, ...options });
  const ended = (async () => {
    for await (const event of transport.read(start, abort.signal)) events.push(event);
  })();
  ended.catch(() => undefined);
  const deliveries = (partition?: string): Delivery<'things'>[] =>
    events
      .filter((e) => e.type === 'delivery')
      .filter((d) => partition === undefined || d.partition.partition === partition);
  const stop = async () => {
    abort.abort();
    await ended;
  };
  return { events, starts, deliveries, ended, stop, abort };
}

const from = async (log: PagedLog): Promise<Position> => {
  const { source } = await log.describe(new AbortController().signal);
  return { source, offsets: OffsetMap.empty('decimal') };
};

const offsets = (deliveries: readonly Delivery[]) =>
  deliveries.map(
    ({ after, through, records }) => `${after}→${through.through}: ${records.map((r) => r.offset).join()}`,
  );

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 5_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not in time: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** Every timer that is due soon has run. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 40));

describe('pagedTransport', () => {
  it('hands over page by page as acks come, and chains', async () => {
    const log = new Scripted({ '0': [0, 1, 2, 5].map((n) => record(n)) });
    const { deliveries, stop } = reading(log);
    await until(() => deliveries().length === 1);
    deliveries()[0]!.ack();
    await until(() => deliveries().length === 2);
    deliveries()[1]!.ack();
    await settled();
    expect(offsets(deliveries())).toEqual(['beginning→1: 0,1', '1→5: 2,5']);
    expect(deliveries().map(({ atHead }) => atHead)).toEqual([false, true]);
    log.lanes['0']!.push(record(6));
    await until(() => deliveries().length === 3);
    expect(offsets(deliveries())[2]).toBe('5→6: 6');
    await stop();
  });

  it('fetches one page ahead, no more', async () => {
    const log = new Scripted({ '0': Array.from({ length: 100 }, (_, n) => record(n)) });
    const { deliveries, stop } = reading(log);
    await until(() => log.asked.length === 2);
    await settled();
    expect(deliveries()).toHaveLength(1);
    expect(log.asked).toEqual(['0@beginning', '0@1']);
    await stop();
  });

  it('I9: keeps within its budget, all partitions together', async () => {
    const lanes = Array.from({ length: 20 }, (_, p) => [
      String(p),
      Array.from({ length: 50 }, (_, n) => record(n, 1024)),
    ]);
    const log = new Scripted(Object.fromEntries(lanes) as Record<string, LogRecord[]>);
    log.beforePage = () => new Promise((resolve) => setImmediate(resolve));
    const { deliveries, events, stop } = reading(log, { maxInFlight: 8 * 1024 });
    await until(() => log.asked.length >= 4);
    await settled();
    const held = log.asked.length * 2 * 1024;
    // what is being fetched counts too, so the one page that was let in last may go beyond it
    expect(held).toBeLessThanOrEqual(8 * 1024 + 2 * 1024);
    expect(log.asked.length).toBeLessThan(2 * 20);
    const acknowledged = new Set<Delivery>();
    await until(() => {
      for (const delivery of deliveries().filter((d) => !acknowledged.has(d))) {
        acknowledged.add(delivery);
        delivery.ack();
      }
      return deliveries().reduce((sum, { records }) => sum + records.length, 0) === 1000;
    });
    expect(events.filter(({ type }) => type === 'lost')).toEqual([]);
    await stop();
  });

  it('I9: what all partitions get at once, while they wait at the head, is asked for again when there is room', async () => {
    const names = Array.from({ length: 20 }, (_, p) => String(p));
    const log = new Scripted(Object.fromEntries(names.map((name) => [name, []])));
    let arrive: () => void = () => undefined;
    const arrived = new Promise<void>((resolve) => (arrive = resolve));
    const waiting = new Set<string>();
    log.beforePage = async ({ partition }) => {
      if (waiting.has(partition)) await arrived;
      waiting.add(partition);
    };
    const { deliveries, stop } = reading(log, { maxInFlight: 4 * 1024 });
    await until(() => deliveries().length === 20); // that each is at its head
    for (const delivery of deliveries()) delivery.ack();
    await until(() => log.asked.length === 40);
    for (const name of names) log.lanes[name]?.push(record(0, 1024));
    arrive();
    const withRecords = () => deliveries().filter(({ records }) => records.length > 0);
    await until(() => withRecords().length === 4);
    await settled();
    expect(withRecords()).toHaveLength(4);
    await until(() => {
      for (const delivery of withRecords()) delivery.ack();
      return withRecords().length === 20;
    });
    expect(new Set(withRecords().map(({ partition }) => partition.partition))).toEqual(new Set(names));
    await stop();
  });

  it('gives the budget back when a cursor is dropped', async () => {
    const log = new Scripted({ '0': [0, 1, 2].map((n) => record(n, 100)) });
    log.pageSize = 1;
    const { deliveries, stop } = reading(log, { maxInFlight: 150 });
    for (let round = 1; round <= 50; round++) {
      await until(() => deliveries().length === round);
      deliveries().at(-1)!.restart();
    }
    for (let round = 51; round <= 53; round++) {
      await until(() => deliveries().length === round);
      deliveries().at(-1)!.ack();
    }
    expect(offsets(deliveries().slice(50))).toEqual(['beginning→0: 0', '0→1: 1', '1→2: 2']);
    await stop();
  });

  it('goes over errors that may pass, telling trouble, and loses nothing', async () => {
    const log = new Scripted({ '0': [0, 1, 2, 3].map((n) => record(n)) });
    const instant: Runtime = { ...systemRuntime, random: () => 0 };
    let failures = 3;
    log.beforePage = async () => {
      if (failures-- > 0) throw new Unavailable('down');
    };
    const { deliveries, events, stop } = reading(log, { runtime: instant });
    await until(() => deliveries().length === 1);
    deliveries()[0]!.ack();
    await until(() => deliveries().length === 2);
    await stop();
    expect(events.filter(({ type }) => type === 'trouble')).toHaveLength(3);
    expect(offsets(deliveries())).toEqual(['beginning→1: 0,1', '1→3: 2,3']);
  });

  it('ends with an error that would not pass', async () => {
    const log = new Scripted({ '0': [record(0)] });
    const wrong = new MalformedPosition('wrong');
    log.beforePage = () => Promise.reject(wrong);
    await expect(reading(log).ended).rejects.toBe(wrong);
    const other = new Scripted({ '0': [] });
    other.describe = () => Promise.reject(wrong);
    await expect(reading(other).ended).rejects.toBe(wrong);
  });

  it('takes back on restart what nobody has pulled, and reads again from the new answer', async () => {
    const log = new Scripted({ '0': [0, 1, 2, 3].map((n) => record(n)) });
    const transport = pagedTransport(log, { pollMs: 1, describeMs: 5 });
    const abort = stopper();
    let starts = 0;
    const start: Start = () => {
      starts++;
      return from(log);
    };
    const events = transport.read(start, abort.signal)[Symbol.asyncIterator]();
    expect((await events.next()).value).toMatchObject({ type: 'assigned', partitions: [p0] });
    const first = (await events.next()).value as Delivery;
    first.ack();
    await until(() => log.asked.length >= 3);
    first.restart();
    first.restart();
    const again = (await events.next()).value as Delivery;
    expect(offsets([again])).toEqual(['beginning→1: 0,1']);
    expect(starts).toBe(2);
    abort.abort();
    expect((await events.next()).done).toBe(true);
  });

  it('asks nothing of a cursor that was revoked, and its acks do nothing', async () => {
    const log = new Scripted({ '0': [0, 1, 2, 3].map((n) => record(n)), '1': [record(0)] });
    let revoke: () => void = () => undefined;
    const revoked = new Promise<void>((resolve) => (revoke = resolve));
    const { deliveries, events, starts, stop } = reading(log, {
      assignments: async function* (_, signal) {
        yield { assigned: [p0, p1], revoked: [] };
        await revoked;
        yield { assigned: [], revoked: [p0] };
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      },
    });
    await until(() => deliveries('0').length === 1 && deliveries('1').length === 1);
    revoke();
    await until(() => events.some((event) => event.type === 'revoked'));
    const asked = log.asked.filter((ask) => ask.startsWith('0@')).length;
    deliveries('0')[0]!.ack();
    deliveries('0')[0]!.restart();
    await settled();
    expect(starts).toEqual([['0', '1']]);
    expect(deliveries('0')).toHaveLength(1);
    expect(log.asked.filter((ask) => ask.startsWith('0@'))).toHaveLength(asked);
    await stop();
  });

  it('I7: starts its cursors anew when the topic gets another epoch, and tells lost once', async () => {
    const log = new Scripted({ '0': [record(0)] });
    const old = await from(log);
    const { deliveries, events, starts, stop } = reading(log, {}, async () => old);
    await until(() => deliveries().length === 1);
    log.epoch = '2';
    await until(() => events.some((event) => event.type === 'lost'));
    await settled();
    expect(events.filter((event) => event.type === 'lost')).toMatchObject([{ partition: p0, reason: 'changed' }]);
    const before = starts.length;
    await settled();
    expect(starts).toHaveLength(before);
    await stop();
  });

  it('I7: says changed, not ahead, when the topic that grew shorter is another one', async () => {
    const log = new Scripted({ '0': [record(0), record(1)] });
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const page = log.page.bind(log);
    const shorter: PagedLog<'things'> = {
      kind: log.kind,
      topics: log.topics,
      describe: async () => log.description(),
      page: async (partition, after) => {
        if (after === beginning) return page(partition, after);
        await held;
        return { lost: 'ahead' };
      },
    };
    const position = await from(log);
    const { deliveries, events, stop } = reading(shorter, { describeMs: 60_000 }, async () => position);
    await until(() => deliveries().length === 1);
    deliveries()[0]!.ack();
    log.epoch = '2';
    release();
    await until(() => events.some((event) => event.type === 'lost'));
    expect(events.filter((event) => event.type === 'lost')).toMatchObject([{ at: '1', reason: 'changed' }]);
    await stop();
  });

  it('I1: says expired of a start below the log, before a single page is asked for', async () => {
    const log = new Scripted({ '0': [record(9)] });
    log.trimmed = decimal(8);
    const { events, stop } = reading(log);
    await until(() => events.some((event) => event.type === 'lost'));
    expect(events.filter((event) => event.type === 'lost')).toMatchObject([{ at: 'beginning', reason: 'expired' }]);
    expect(log.asked).toEqual([]);
    await stop();
  });

  it('I10: ends while a start is pending, while a page is pending, and before it began', async () => {
    const log = new Scripted({ '0': [record(0)] });
    const pending = reading(log, {}, () => new Promise<Position>(() => undefined));
    await until(() => pending.starts.length === 1);
    await pending.stop();
    const slow: PagedLog<'things'> = {
      kind: log.kind,
      topics: log.topics,
      describe: async () => log.description(),
      page: (_partition, _after, { signal }) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true })),
    };
    const paging = reading(slow);
    await until(() => paging.starts.length === 1);
    await paging.stop();
    const never = pagedTransport(log).read(() => from(log), AbortSignal.abort());
    for await (const event of never) throw new Error(`a ${event.type} of a read that was aborted before it began`);
  });

  it('ends with the error of a start that rejects', async () => {
    const log = new Scripted({ '0': [record(0)] });
    const refused = new Error('no position');
    await expect(reading(log, {}, () => Promise.reject(refused)).ended).rejects.toBe(refused);
  });

  it('reads only its own topics', async () => {
    const log = new Scripted({ '0': [record(0)] });
    log.describe = async () => {
      const { source, partitions } = log.description();
      return {
        source,
        partitions: [...partitions, { topic: 'foreign', partition: '0', trimmed: beginning, head: beginning }],
      };
    };
    const { deliveries, starts, stop } = reading(log);
    await until(() => deliveries().length === 1);
    await stop();
    expect(starts).toEqual([['0']]);
  });

  it('I7: a mark beyond the last record carries the witness that its page tells', async () => {
    const log = new Scripted({ '0': [record(0)] });
    const page = (after: Offset): Page =>
      after === beginning
        ? { records: [record(0)], through: decimal(0), atHead: false, throughWitness: 'of another page' }
        : { records: [], through: decimal(9), atHead: true, throughWitness: "of somebody else's record" };
    log.page = async (_, after) => page(after);
    const { deliveries, stop } = reading(log);
    await until(() => deliveries().length === 1);
    deliveries()[0]!.ack();
    await until(() => deliveries().length === 2);
    await stop();
    expect(deliveries().map(({ through }) => through)).toEqual([
      { through: '0', witness: witnessOf(record(0)) },
      { through: '9', witness: "of somebody else's record" },
    ]);
  });
});
