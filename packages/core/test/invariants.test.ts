import {
  type Batch,
  type Change,
  decimal,
  OffsetMap,
  type Replica,
  type Snapshot,
  type SnapshotRequest,
  type SnapshotSource,
  type SyncEvent,
  type Transport,
} from '@tidemark/core';
import { InProcessReplica } from '../src/in-process';
import { asShared, eventually, gate, listen, type Thing, times, World } from './support/world';

/** Two instances of B can hold this one; its effects are additive, so a double shows. */
class Counter extends InProcessReplica<Change<Thing>> {
  override readonly shared = true as never;
  counts = new Map<string, number>();
  readonly order: string[] = [];

  constructor() {
    let staged = new Map<string, number>();
    const add = (to: Map<string, number>, changes: readonly Change<Thing>[]) => {
      for (const change of changes)
        if (change.op === 'upsert') to.set(change.row.id, (to.get(change.row.id) ?? 0) + change.row.n);
    };
    super({
      stage: (changes) => {
        add(staged, changes);
      },
      discard: () => (staged = new Map()),
      swap: () => {
        this.counts = staged;
        staged = new Map();
      },
      apply: (changes) => {
        for (const change of changes) if (change.op === 'upsert') this.order.push(`${change.row.id}:${change.row.n}`);
        add(this.counts, changes);
      },
    });
  }
}

/** A world whose rows are sums of all that was added, so that every update counts exactly once. */
class AdditiveWorld extends World {
  add(id: number, n: number): void {
    const sum = (this.state.get(String(id))?.n ?? 0) + n;
    this.state.set(String(id), { id: String(id), n: sum });
    this.log.append(id % this.log.partitions, { set: { id: String(id), n } });
  }
  sums(): Map<string, number> {
    return new Map([...this.state].map(([id, { n }]) => [id, n]));
  }
}

const snapshotFrom = (open: (request: SnapshotRequest, n: number) => Promise<Snapshot>): SnapshotSource => {
  let n = 0;
  return { open: (request) => open(request, n++) };
};

it('I1: an update between the snapshot and the subscription is not lost', async () => {
  const world = new AdditiveWorld();
  world.add(1, 1);
  const honest = world.snapshot();
  const snapshot = snapshotFrom(async (request) => {
    const taken = await honest.open(request);
    world.add(1, 10); // A writes on while its snapshot is on the way
    world.add(2, 20);
    return taken;
  });
  const counter = new Counter();
  const pipeline = world.pipeline(counter, { snapshot });
  listen(pipeline);
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  expect(counter.counts).toEqual(world.sums());
  await pipeline.stop();
});

it('I1: a gap in what the transport delivers is a failure, not a skip', async () => {
  const world = new World(1);
  for (let i = 0; i < 9; i++) world.set(1, i);
  const whole = world.log.transport();
  const transport: Transport<'things'> = {
    ...whole,
    async *read(start, signal) {
      let skipped = false;
      for await (const event of whole.read(start, signal)) {
        if (event.type === 'delivery' && event.records.length > 0 && !skipped) {
          skipped = true;
          event.ack();
        } else yield event;
      }
    },
  };
  const empty = snapshotFrom(async () => ({
    id: 's',
    position: { source: world.log.source(), offsets: OffsetMap.empty('decimal') },
    chunks: (async function* () {})(),
  }));
  const pipeline = world.pipeline(world.view(), { transport, snapshot: empty });
  await expect(pipeline.run()).rejects.toMatchObject({ code: 'TRANSPORT_FAULT' });
});

it('I1: what comes while a term is asked for is read again, where that came to nothing', async () => {
  const world = new AdditiveWorld(2);
  world.add(1, 1);
  world.add(2, 1);
  const honest = world.snapshot();
  let away = false;
  const snapshot = snapshotFrom((request) => (away ? Promise.reject(new Error('A is away')) : honest.open(request)));
  const counter = new Counter();
  const [asked, delivered] = [gate(), gate()];
  const shaky: Replica<Change<Thing>> = asShared(counter, {
    take: async (seen, into) => {
      if (seen.state === 'empty') return counter.take(seen, into);
      away = true;
      asked.open();
      await delivered.passed;
      throw new Error('the connection broke');
    },
  });
  const whole = world.log.transport();
  const transport: Transport<'things'> = {
    ...whole,
    async *read(start, signal) {
      for await (const event of whole.read(start, signal)) {
        yield event;
        if (asked.opened && event.type === 'delivery' && event.records.length > 0) delivered.open(); // the next is asked for
      }
    },
  };
  const pipeline = world.pipeline(shaky, { snapshot, transport });
  listen(pipeline);
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  world.log.down = new Error('the log is away');
  for (let n = 0; n < 9; n++) world.add(1, n);
  world.log.trim(1, 1);
  world.log.down = undefined;
  await asked.passed;
  world.add(2, 20); // of the other partition, which can be followed as before
  await eventually(() => counter.counts.get('2') === 21);
  await pipeline.stop();
});

it('I1: a batch whose partition stands elsewhere by now is read again from there', async () => {
  const world = new AdditiveWorld(1);
  const counter = new Counter();
  let refused = 0;
  const contested: Replica<Change<Thing>> = asShared(counter, {
    apply: async (term, batches) => {
      if (batches.every(({ changes }) => changes.length === 0) || refused++ > 0) return counter.apply(term, batches);
      return batches.map(({ after }) => ({ moved: { through: after } }));
    },
  });
  const pipeline = world.pipeline(contested, { times: { ...times, watchMs: 60_000 } }); // by the answer, not by the watch
  listen(pipeline);
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  for (let i = 1; i < 9; i++) world.add(1, i);
  await eventually(() => counter.counts.get('1') === 36);
  await pipeline.stop();
  expect(counter.counts).toEqual(world.sums());
});

it('I2: an effect whose commit had an unknown outcome is not repeated', async () => {
  const world = new AdditiveWorld(1);
  const counter = new Counter();
  let broken = 0;
  const flaky: Replica<Change<Thing>> = asShared(counter, {
    apply: async (term, batches) => {
      const answer = await counter.apply(term, batches);
      if (broken++ % 2 === 0) throw new Error('the connection broke in COMMIT');
      return answer;
    },
  });
  const pipeline = world.pipeline(flaky);
  const { events } = listen(pipeline);
  for (let i = 0; i < 20; i++) world.add(1, i);
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  for (let i = 0; i < 20; i++) {
    world.add(1, 1);
    await eventually(() => counter.counts.get('1') === world.state.get('1')?.n);
  }
  expect(events.some(({ type }) => type === 'trouble')).toBe(true);
  await pipeline.stop();
  expect(counter.counts).toEqual(world.sums());
});

it('I2: two instances that read everything into one replica apply each record once', async () => {
  const world = new AdditiveWorld(3);
  const counter = new Counter();
  const [one, two] = [world.pipeline(counter), world.pipeline(counter)];
  listen(one);
  listen(two);
  for (let i = 0; i < 300; i++) {
    world.add(i % 7, i);
    if (i % 50 === 0) await new Promise(setImmediate);
  }
  await eventually(() => JSON.stringify([...counter.counts].sort()) === JSON.stringify([...world.sums()].sort()));
  await Promise.all([one.stop(), two.stop()]);
  expect(counter.counts).toEqual(world.sums());
});

it('I3: records of one partition apply in offset order', async () => {
  const world = new AdditiveWorld(2);
  const counter = new Counter();
  const pipeline = world.pipeline(counter);
  listen(pipeline);
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  for (let i = 0; i < 100; i++) world.add(i % 2, i + 1);
  await eventually(() => counter.order.length === 100);
  for (const id of ['0', '1']) {
    const seen = counter.order.filter((one) => one.startsWith(`${id}:`)).map((one) => Number(one.slice(2)));
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
  }
  await pipeline.stop();
});

it('I4: a partition that the snapshot does not name is read from its beginning', async () => {
  const world = new AdditiveWorld(2);
  world.add(0, 1);
  world.add(1, 5);
  world.add(1, 6);
  const partial = snapshotFrom(async () => ({
    id: 's',
    position: { source: world.log.source(), offsets: world.log.head().offsets.filter((e) => e.partition === '0') },
    chunks: (async function* () {
      yield { rows: [{ id: '0', n: 1 }] };
    })(),
  }));
  const counter = new Counter();
  const pipeline = world.pipeline(counter, { snapshot: partial });
  listen(pipeline);
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  expect(counter.counts).toEqual(world.sums());
  await pipeline.stop();
});

it('I5: nothing is acknowledged, and no position moves, before the transaction has settled', async () => {
  const world = new World(1);
  const view = world.view();
  const [entered, leave] = [gate(), gate()];
  const slow: Replica<Change<Thing>> = asShared(view, {
    apply: async (term, batches) => {
      if (batches.some(({ changes }) => changes.length > 0)) {
        entered.open();
        await leave.passed;
      }
      return view.apply(term, batches);
    },
  });
  const whole = world.log.transport();
  let acknowledged = 0;
  const transport: Transport<'things'> = {
    ...whole,
    async *read(start, signal) {
      for await (const event of whole.read(start, signal))
        yield event.type === 'delivery' && event.records.length > 0
          ? { ...event, ack: () => (acknowledged++, event.ack()) }
          : event;
    },
  };
  const pipeline = world.pipeline(slow, { transport });
  const { types } = listen(pipeline);
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  const before = await pipeline.position();
  world.set(1, 1);
  await entered.passed;
  expect(acknowledged).toBe(0);
  expect(types()).not.toContain('updates');
  expect((await pipeline.position())?.offsets.compare(before!.offsets)).toBe('equal');
  leave.open();
  await eventually(() => acknowledged === 1);
  expect((await pipeline.position())?.offsets.compare(before!.offsets)).toBe('after');
  await pipeline.stop();
});

it('I6: a snapshot that is cut off shows nothing of itself; the old state serves until the next one is whole', async () => {
  const world = new World(1);
  world.set(1, 1);
  world.set(2, 2);
  const view = world.view();
  const [half, go] = [gate(), gate()];
  const honest = world.snapshot();
  const snapshot = snapshotFrom(async (request, n) => {
    const taken = await honest.open(request);
    if (n !== 1) return taken;
    return {
      ...taken,
      chunks: (async function* () {
        yield { rows: [{ id: '9', n: 9 }] };
        half.open();
        await go.passed;
        throw new Error('A died in mid-stream');
      })(),
    };
  });
  const pipeline = world.pipeline(view, { snapshot });
  const { types } = listen(pipeline);
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  world.log.recreate();
  world.state.delete('2');
  await half.passed;
  expect([...view.keys()]).toEqual(['1', '2']);
  go.open();
  await eventually(() => types().filter((type) => type === 'snapshotEnd').length === 2);
  expect(new Map(view)).toEqual(world.state);
  await pipeline.stop();
});

it.each([
  ['another kind', { kind: 'other' }],
  ['another cluster', { cluster: 'toy-2' }],
  ['another order', { order: 'lexical' as const }],
])('I7: a snapshot positioned in %s of log is refused before anything is written', async (_, difference) => {
  const world = new World(1);
  world.set(1, 1);
  const honest = world.snapshot();
  const foreign = snapshotFrom(async (request) => {
    const taken = await honest.open(request);
    const source = { ...taken.position.source, ...difference };
    return { ...taken, position: { source, offsets: OffsetMap.from(source.order, [...taken.position.offsets]) } };
  });
  const view = world.view();
  const pipeline = world.pipeline(view, { snapshot: foreign });
  await expect(pipeline.run()).rejects.toMatchObject({ code: 'SOURCE_MISMATCH' });
  expect(view.size).toBe(0);
  expect(await view.load()).toMatchObject({ state: 'empty', term: 0 });
});

it('I7: a snapshot from before its topic was created anew is refused, and asked for again', async () => {
  const world = new AdditiveWorld(1);
  world.add(1, 1);
  const honest = world.snapshot();
  const snapshot = snapshotFrom(async (request, n) => {
    const taken = await honest.open(request);
    const { source, offsets } = taken.position;
    return n > 0 ? taken : { ...taken, position: { source: { ...source, epochs: { 'toy.things': '0' } }, offsets } };
  });
  const counter = new Counter();
  const pipeline = world.pipeline(counter, { snapshot });
  const { events } = listen(pipeline);
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  await pipeline.stop();
  expect(events.filter(({ type }) => type === 'snapshotEnd')).toHaveLength(1);
  expect(events.flatMap((e) => (e.type === 'trouble' ? [e.error] : []))).toMatchObject([{ code: 'SNAPSHOT_REJECTED' }]);
  expect(counter.counts).toEqual(world.sums());
});

it('I8: a re-snapshot from before the position reached is refused, and A is asked for a newer one', async () => {
  const world = new World(2);
  world.set(1, 1);
  world.set(2, 2);
  const honest = world.snapshot();
  const stale = await honest.open({ signal: AbortSignal.timeout(60_000) });
  const floors: (OffsetMap | undefined)[] = [];
  const snapshot = snapshotFrom(async (request, n) => {
    floors.push(request.notOlderThan?.offsets);
    return n === 1 || n === 2 ? { ...stale, chunks: (async function* () {})() } : honest.open(request);
  });
  const view = world.view();
  const pipeline = world.pipeline(view, { snapshot });
  const { events } = listen(pipeline);
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  for (let i = 0; i < 5; i++) world.set(2, i);
  await eventually(() => view.get('2')?.n === 4);
  world.log.down = new Error('the log is away');
  for (let i = 0; i < 9; i++) world.set(1, i);
  world.log.trim(1, 1);
  world.log.down = undefined;
  await eventually(() => view.get('1')?.n === 8);
  expect(new Map(view)).toEqual(world.state);
  expect(floors).toHaveLength(4);
  expect(floors[0]).toBeUndefined();
  // partition 0 keeps its floor, partition 1 has expired: its history is the same, so it keeps its floor too
  expect(floors[1]?.through({ topic: 'toy.things', partition: '0' })).toBe('5');
  expect(floors[1]?.through({ topic: 'toy.things', partition: '1' })).toBe('0');
  expect(
    events.filter((e) => e.type === 'trouble' && 'code' in e.error && e.error.code === 'SNAPSHOT_TOO_OLD'),
  ).toHaveLength(2);
  await pipeline.stop();
});

it('I8: never back in time: the position only grows while the history lasts', async () => {
  const world = new World(2);
  const view = world.view();
  const pipeline = world.pipeline(view);
  listen(pipeline);
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  let last = (await pipeline.position())!.offsets;
  for (let i = 0; i < 60; i++) {
    world.set(i % 5, i);
    if (i % 20 === 19) world.log.trim(i % 2, 1);
    await new Promise(setImmediate);
    const now = (await pipeline.position())!.offsets;
    expect(now.covers(last)).toBe(true);
    last = now;
  }
  await pipeline.stop();
});

it('I8: who takes over a re-snapshot asks for no history that is gone', async () => {
  const world = new AdditiveWorld(1);
  for (let n = 1; n <= 5; n++) world.add(1, n);
  const counter = new Counter();
  const before = world.pipeline(counter);
  listen(before);
  await before.caughtUp({ timeoutMs: 5_000 });
  await before.stop();
  world.log.recreate(); // it stands far below the position for a long time now
  world.add(1, 10);
  await counter.take(await counter.load(), { pipeline: 'things' }); // notices, begins a new snapshot, and dies
  const after = world.pipeline(counter);
  listen(after);
  await after.caughtUp({ timeoutMs: 5_000 });
  expect(counter.counts).toEqual(world.sums());
  await after.stop();
});

it('I9: while the replica is slow, the log is not read into memory', async () => {
  const world = new World(2);
  const view = world.view();
  const leave = gate();
  const slow: Replica<Change<Thing>> = asShared(view, {
    apply: async (term, batches) => {
      if (batches.some(({ changes }) => changes.length > 0)) await leave.passed;
      return view.apply(term, batches);
    },
  });
  let handedOut = 0;
  const page = world.log.page.bind(world.log);
  world.log.page = async (...args) => {
    const answer = await page(...args);
    if ('records' in answer) handedOut += answer.records.length;
    return answer;
  };
  const pipeline = world.pipeline(slow);
  listen(pipeline);
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  for (let i = 0; i < 2_000; i++) world.set(i % 100, i);
  await eventually(() => handedOut >= 2 * 2 * 3);
  for (let i = 0; i < 50; i++) await new Promise(setImmediate);
  expect(handedOut).toBeLessThanOrEqual(2 * 2 * 3); // a delivery out and a page ahead, of three records, for each partition
  leave.open();
  await eventually(() => view.get('99')?.n === 1_999);
  await pipeline.stop();
});

it('I9: an iteration that asks for nothing holds the pipeline back', async () => {
  const world = new World(1);
  const view = world.view();
  const pipeline = world.pipeline(view);
  const iterator = pipeline[Symbol.asyncIterator]();
  let event: SyncEvent<unknown>;
  do event = (await iterator.next()).value as SyncEvent<unknown>;
  while (event.type !== 'caughtUp');
  for (let i = 0; i < 1_000; i++) world.set(i, i);
  await eventually(() => view.size > 0);
  for (let i = 0; i < 50; i++) await new Promise(setImmediate);
  expect(view.size).toBeLessThanOrEqual(6);
  const rest = (async () => {
    while (view.size < 1_000) await iterator.next();
  })();
  await rest;
  await iterator.return?.();
});

it('I10: stopping lets the transaction in flight settle, and nothing happens afterwards', async () => {
  const world = new World(1);
  const view = world.view();
  const [entered, leave] = [gate(), gate()];
  let [applied, pages] = [0, 0];
  const slow: Replica<Change<Thing>> = asShared(view, {
    apply: async (term, batches) => {
      if (batches.some(({ changes }) => changes.length > 0)) {
        entered.open();
        await leave.passed;
      }
      applied++;
      return view.apply(term, batches);
    },
  });
  const page = world.log.page.bind(world.log);
  world.log.page = (...args) => {
    pages++;
    return page(...args);
  };
  const pipeline = world.pipeline(slow);
  const running = pipeline.run();
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  world.set(1, 1);
  await entered.passed;
  world.set(1, 2);
  let stopped = false;
  const stopping = pipeline.stop().then(() => (stopped = true));
  for (let i = 0; i < 50; i++) await new Promise(setImmediate);
  expect(stopped).toBe(false);
  leave.open();
  await stopping;
  await running;
  expect(view.get('1')).toEqual({ id: '1', n: 1 });
  const before = [applied, pages];
  for (let i = 0; i < 30; i++) await new Promise((resolve) => setTimeout(resolve, 2));
  expect([applied, pages]).toEqual(before);
  await expect(pipeline.run()).rejects.toMatchObject({ code: 'PIPELINE_ENDED' });
});

it('I10: a stop in mid-snapshot rolls back, gives the term back and tells A', async () => {
  const world = new World(1);
  const half = gate();
  let [released, returned] = [false, false];
  const endless = snapshotFrom(async ({ signal }) => {
    signal.addEventListener('abort', () => (released = true));
    return {
      id: 's',
      position: world.log.head(),
      chunks: {
        [Symbol.asyncIterator]: () => ({
          next: async () => {
            if (half.opened) return new Promise(() => undefined);
            half.open();
            return { done: false, value: { rows: [{ id: '1', n: 1 }] } };
          },
          return: async () => ((returned = true), { done: true, value: undefined }),
        }),
      },
    };
  });
  const view = world.view();
  const pipeline = world.pipeline(view, { snapshot: endless });
  const running = pipeline.run();
  await half.passed;
  await pipeline.stop();
  await running;
  expect([released, returned]).toEqual([true, true]);
  expect(view.size).toBe(0);
  expect(await view.load()).toMatchObject({ state: 'empty' });
});

it('I10: what hangs is let go of at the deadline', async () => {
  const world = new World(1);
  const view = world.view();
  const entered = gate();
  const hanging: Replica<Change<Thing>> = asShared(view, {
    apply: () => {
      entered.open();
      return new Promise(() => undefined);
    },
  });
  const pipeline = world.pipeline(hanging);
  listen(pipeline);
  await entered.passed;
  await expect(pipeline.stop({ deadlineMs: 50 })).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
});

it('I11: what an instance had in hand before another one re-snapshotted is never applied', async () => {
  const world = new AdditiveWorld(1);
  world.add(1, 1);
  const counter = new Counter();
  const [entered, leave] = [gate(), gate()];
  let frozen = true;
  const zombieView: Replica<Change<Thing>> = asShared(counter, {
    apply: async (term, batches: readonly Batch<Change<Thing>>[]) => {
      if (frozen && batches.some(({ changes }) => changes.length > 0)) {
        entered.open();
        await leave.passed; // SIGSTOP, in effect
      }
      return counter.apply(term, batches);
    },
  });
  const zombie = world.pipeline(zombieView);
  const told = listen(zombie);
  await zombie.caughtUp({ timeoutMs: 5_000 });
  world.add(1, 10);
  await entered.passed;
  // meanwhile another instance bootstraps: the log was recreated, and stands at the same offset again
  world.log.recreate();
  world.add(1, 100);
  const other = world.pipeline(counter);
  listen(other);
  await other.caughtUp({ timeoutMs: 5_000 });
  expect(counter.counts).toEqual(world.sums());
  frozen = false;
  leave.open();
  await eventually(() => told.types().at(-1) === 'caughtUp');
  expect(counter.counts).toEqual(world.sums());
  await other.stop();
  world.add(1, 1_000); // nobody else is there to apply it
  await eventually(() => counter.counts.get('1') === world.state.get('1')?.n);
  await zombie.stop();
  expect(counter.counts).toEqual(world.sums());
});

it('I11: a cursor of an old term that speaks up only under a new one is started anew', async () => {
  const world = new AdditiveWorld(1);
  world.add(1, 1);
  const counter = new Counter();
  const whole = world.log.transport();
  const [asked, speak, again] = [gate(), gate(), gate()];
  let verified = 0;
  const slow: Transport<'things'> = {
    ...whole,
    verify: async (...args) => {
      const verification = await whole.verify(...args);
      verified++;
      return verification;
    },
    async *read(start, signal) {
      const partition = { topic: 'toy.things', partition: '0' };
      yield { type: 'assigned', partitions: [partition] };
      const { offsets } = await start([partition]);
      asked.open();
      await speak.passed;
      const value = Buffer.from(JSON.stringify({ set: { id: '1', n: 10 } }));
      const records = [{ key: null, value, headers: new Map(), timestamp: 0, offset: decimal(1) }];
      const ends = { after: offsets.through(partition), through: { through: decimal(1) }, atHead: true };
      yield { type: 'delivery', topic: 'things', partition, records, ...ends, ack: again.open, restart: again.open };
      await again.passed;
      yield* whole.read(start, signal);
    },
  };
  const late = world.pipeline(counter, { transport: slow });
  const told = listen(late);
  await asked.passed;
  // meanwhile another instance bootstraps: the log was recreated, and stands at the same offset again
  world.log.recreate();
  world.add(1, 100);
  const other = world.pipeline(counter);
  listen(other);
  await other.caughtUp({ timeoutMs: 5_000 });
  await eventually(() => verified > 0);
  speak.open();
  await eventually(() => told.types().at(-1) === 'caughtUp');
  await Promise.all([late.stop(), other.stop()]);
  expect(counter.order).not.toContain('1:10');
  expect(counter.counts).toEqual(world.sums());
});

it('I11: an idle instance notices a new term and starts its cursors anew', async () => {
  const world = new AdditiveWorld(1);
  world.add(1, 1);
  const counter = new Counter();
  const idle = world.pipeline(counter);
  const told = listen(idle);
  await idle.caughtUp({ timeoutMs: 5_000 });
  const seen = await counter.load();
  const bootstrap = await counter.take(seen, { pipeline: 'things' });
  await eventually(() => told.types().at(-1) === 'fellBehind');
  world.add(1, 10);
  await bootstrap.stage([{ op: 'upsert', row: { id: '1', n: 11 } }]);
  await bootstrap.swap(world.log.head(), []);
  await eventually(() => told.types().at(-1) === 'caughtUp');
  world.add(1, 100);
  await eventually(() => counter.counts.get('1') === 111);
  await idle.stop();
});

it('I11: who bootstraps beats while A keeps it waiting', async () => {
  const world = new AdditiveWorld(1);
  world.add(1, 1);
  const counter = new Counter();
  const arrive = gate();
  let beats = 0;
  const counted: Replica<Change<Thing>> = asShared(counter, {
    take: async (...args) => {
      const bootstrap = await counter.take(...args);
      const beat = () => {
        beats++;
        return bootstrap.beat();
      };
      return { ...bootstrap, beat };
    },
  });
  const honest = world.snapshot();
  const snapshot = snapshotFrom(async (request) => {
    const { chunks, ...taken } = await honest.open(request);
    const waiting = async function* () {
      await arrive.passed;
      yield* chunks;
    };
    return { ...taken, chunks: waiting() };
  });
  const pipeline = world.pipeline(counted, { snapshot });
  listen(pipeline);
  await eventually(() => beats >= 3);
  expect(await counter.load()).toMatchObject({ state: 'bootstrapping' });
  arrive.open();
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  expect(counter.counts).toEqual(world.sums());
  await pipeline.stop();
});

it('a heartbeat that stands still is taken over, a beating one is waited for', async () => {
  const world = new AdditiveWorld(1);
  world.add(1, 1);
  const counter = new Counter();
  const dead = await counter.take(await counter.load(), { pipeline: 'things' });
  let [alive, looks] = [true, 0];
  const load = counter.load.bind(counter);
  counter.load = async () => {
    looks++;
    if (alive) await dead.beat(); // it beats between any two looks
    return load();
  };
  const pipeline = world.pipeline(counter);
  const told = listen(pipeline);
  const quiet = Date.now() + 2 * times.takeoverMs;
  await eventually(() => looks > 10 && Date.now() > quiet);
  expect(told.types()).not.toContain('snapshotStart');
  alive = false;
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  expect(counter.counts).toEqual(world.sums());
  await expect(dead.swap(world.log.head(), [])).rejects.toMatchObject({ code: 'FENCED_OUT' });
  await pipeline.stop();
});

it('a log that is shorter for a moment is waited for, not thrown away', async () => {
  const world = new World(1);
  for (let i = 0; i < 5; i++) world.set(1, i);
  const view = world.view();
  const pipeline = world.pipeline(view);
  const told = listen(pipeline);
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  world.log.shorten(0, 2);
  await eventually(() => told.types().at(-1) === 'fellBehind');
  world.log.append(0, { set: { id: '1', n: 3 } });
  world.log.append(0, { set: { id: '1', n: 4 } });
  await eventually(() => told.types().at(-1) === 'caughtUp');
  expect(told.types()).not.toContain('mustRefetch');
  await pipeline.stop();
});

it('a plain tps is adopted at the first bootstrap, and never again', async () => {
  const world = new World(1);
  world.set(1, 1);
  const honest = world.snapshot();
  const plain = snapshotFrom(async (request) => {
    const taken = await honest.open(request);
    return {
      ...taken,
      position: { source: { kind: 'untold', order: 'decimal', epochs: {} }, offsets: taken.position.offsets },
    };
  });
  const view = world.view();
  const pipeline = world.pipeline(view, { snapshot: plain });
  const told = listen(pipeline);
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  expect((await pipeline.position())?.source).toEqual(world.log.source());
  world.log.recreate();
  await eventually(() => told.error !== undefined);
  expect(told.error).toMatchObject({ code: 'SOURCE_MISMATCH' });
});

it('keeps a partition of other topics out of its position', async () => {
  const world = new World(1);
  world.set(1, 1);
  const honest = world.snapshot();
  const wide = snapshotFrom(async (request) => {
    const taken = await honest.open(request);
    const offsets = taken.position.offsets.with({ topic: 'toy.others', partition: '0' }, { through: decimal('7') });
    return { ...taken, position: { ...taken.position, offsets } };
  });
  const pipeline = world.pipeline(world.view(), { snapshot: wide });
  listen(pipeline);
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  expect([...(await pipeline.position())!.offsets].map(({ topic }) => topic)).toEqual(['toy.things']);
  await pipeline.stop();
});
