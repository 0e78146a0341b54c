import { beginning, decimal, type Delivery, type Position, type Runtime, systemRuntime } from '@tidemark/core';
import { Cursor } from '../src/cursors';
import { asShared, eventually, gate, listen, times, World } from './support/world';

const hour = 3_600_000;
const p0 = { topic: 'toy.things', partition: '0' };

/** A world whose log keeps records for a hundred hours, by a clock that the test sets; how often it was asked and looked at. */
function aging(partitions = 2) {
  const world = new World(partitions);
  const clock = { ms: 1_000_000 * hour };
  world.log.clock = () => clock.ms;
  world.log.retentionMs = 100 * hour;
  const count = { asked: 0, rounds: 0 };
  const runtime: Runtime = {
    ...systemRuntime,
    wallClock: () => clock.ms,
    sleep: async (ms, signal) => {
      await systemRuntime.sleep(ms, signal);
      if (ms === times.headroomMs) count.rounds++;
    },
  };
  const transport = world.log.transport();
  const asking = {
    ...transport,
    verify: (position: Position, signal: AbortSignal) => (count.asked++, transport.verify(position, signal)),
  };
  const someRounds = async () => {
    const enough = count.rounds + 3;
    await eventually(() => count.rounds >= enough);
  };
  return { world, clock, count, someRounds, ports: { runtime, transport: asking } };
}

const warnings = (told: ReturnType<typeof listen>) => told.events.filter((event) => event.type === 'expiring');

it('warns a paused pipeline, once, before the log removes what it has not applied; and again after it was better', async () => {
  const { world, clock, someRounds, ports } = aging();
  const view = world.view();
  const pipeline = world.pipeline(view, ports);
  const told = listen(pipeline);
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  const left = () => pipeline.lag().partitions.map(({ expiresInMs }) => expiresInMs);
  for (const round of [1, 2]) {
    await pipeline.pause();
    world.set(0, round);
    await eventually(() => left()[0] === 100 * hour);
    clock.ms += 74 * hour;
    await someRounds();
    expect(left()).toEqual([26 * hour, undefined]); // the other one is at its head
    expect(warnings(told)).toHaveLength(round - 1);
    clock.ms += 2 * hour;
    await eventually(() => warnings(told).length === round);
    expect(warnings(told).at(-1)).toEqual({ type: 'expiring', partition: p0, expiresInMs: 24 * hour });
    clock.ms += 30 * hour;
    await someRounds();
    expect(left()).toEqual([0, undefined]);
    expect(warnings(told)).toHaveLength(round);
    await pipeline.resume();
    await eventually(() => view.get('0')?.n === round && left()[0] === undefined);
    await someRounds();
  }
  await pipeline.stop();
});

it('warns who is behind, by the age of the first record that is not applied', async () => {
  const { world, clock, someRounds, ports } = aging(1);
  const view = world.view();
  const slow = gate();
  const pipeline = world.pipeline(
    asShared(view, {
      apply: async (term, batches) => {
        if (batches.some(({ changes }) => changes.length > 0)) await slow.passed;
        return view.apply(term, batches);
      },
    }),
    ports,
  );
  const told = listen(pipeline);
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  world.set(0, 0);
  clock.ms += 50 * hour;
  for (let i = 0; i < 20; i++) world.set(0, i);
  await eventually(() => pipeline.lag().partitions[0]?.expiresInMs === 50 * hour);
  await someRounds();
  expect(warnings(told)).toEqual([]);
  clock.ms += 30 * hour;
  await eventually(() => warnings(told).length === 1);
  slow.open();
  await pipeline.waitFor(world.log.head(), { timeoutMs: 5_000 });
  await pipeline.stop();
});

it('fears nothing at the head, however old the last record is, and leaves the log in peace', async () => {
  const { world, clock, count, someRounds, ports } = aging(1);
  const pipeline = world.pipeline(world.view(), ports);
  const told = listen(pipeline);
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  world.set(0, 0);
  await pipeline.waitFor(world.log.head(), { timeoutMs: 5_000 });
  await someRounds();
  const { asked } = count;
  clock.ms += 500 * hour;
  await someRounds();
  expect(pipeline.lag().partitions).toEqual([
    { partition: p0, atHead: true, records: undefined, expiresInMs: undefined },
  ]);
  expect(count.asked).toBe(asked);
  // and a new record isn't judged by the age of the one before it
  await pipeline.pause();
  world.set(0, 1);
  await eventually(() => pipeline.lag().partitions[0]?.expiresInMs === 100 * hour);
  await someRounds();
  expect(warnings(told)).toEqual([]);
  await pipeline.stop();
});

it('tells nothing where the log does not say how long it keeps records', async () => {
  const { world, clock, count, someRounds, ports } = aging(1);
  world.log.retentionMs = undefined;
  const pipeline = world.pipeline(world.view(), ports);
  const told = listen(pipeline);
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  await pipeline.pause();
  world.set(0, 0);
  await eventually(() => count.asked > 0);
  clock.ms += 500 * hour;
  await someRounds();
  expect(pipeline.lag().partitions[0]?.expiresInMs).toBeUndefined();
  expect(warnings(told)).toEqual([]);
  await pipeline.stop();
});

it('goes on by what it knows while the log is away', async () => {
  const { world, clock, ports } = aging(1);
  const pipeline = world.pipeline(world.view(), ports);
  const told = listen(pipeline);
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  await pipeline.pause();
  world.set(0, 0);
  await eventually(() => pipeline.lag().partitions[0]?.expiresInMs === 100 * hour);
  world.log.down = new Error('the log is away');
  clock.ms += 80 * hour;
  await eventually(() => warnings(told).length === 1 && told.types().includes('trouble'));
  await pipeline.stop();
});

it('knows how long it takes from the verification of a start', async () => {
  const { world, clock, count, ports } = aging(1);
  const view = world.view();
  const first = world.pipeline(view, ports);
  listen(first);
  await first.caughtUp({ timeoutMs: 5_000 });
  await first.stop();
  world.set(0, 0);
  clock.ms += 90 * hour;
  const second = world.pipeline(view, ports);
  await second.pause();
  const told = listen(second);
  await eventually(() => warnings(told).length === 1);
  expect(warnings(told)).toEqual([{ type: 'expiring', partition: p0, expiresInMs: 10 * hour }]);
  expect(count.asked).toBeGreaterThan(0);
  await second.stop();
});

describe('the record that expires first', () => {
  const delivery = (timestamps: readonly number[], through: number, atHead = false): Delivery => ({
    type: 'delivery',
    topic: 'things',
    partition: p0,
    after: beginning,
    through: { through: decimal(through) },
    records: timestamps.map((timestamp, i) => {
      return { key: null, value: null, headers: new Map(), timestamp, offset: decimal(through - i) };
    }),
    atHead,
    ack: () => undefined,
    restart: () => undefined,
  });

  it('is the first that waits; else, while there is more to come, none older than the last applied', () => {
    const cursor = new Cursor(p0, 1, beginning, undefined);
    expect(cursor.openSince(false)).toBeUndefined(); // nothing read in this run: not known
    const one = delivery([10, 20], 1);
    cursor.waits(one);
    expect(cursor.openSince(true)).toBe(10); // the head was told by the delivery before
    cursor.settled(one);
    expect(cursor.openSince(false)).toBe(20);
    expect(cursor.openSince(true)).toBeUndefined();
    const gap = delivery([], 5);
    cursor.waits(gap);
    cursor.settled(gap);
    expect(cursor.openSince(false)).toBe(20);
    cursor.waits(delivery([30], 6));
    cursor.idle = true;
    expect(cursor.openSince(false)).toBeUndefined(); // lost already
  });
});

it('I1, I2: a wall clock that jumps, back or forth, moves nothing but ages: deadlines are of the other clock', async () => {
  let [hours, asked] = [0, 0];
  const world = new World();
  world.log.retentionMs = 100 * hour;
  const view = world.view();
  const wallClock = () => (hours += ++asked % 2 === 0 ? 87_600 : -175_201) * hour;
  const jumping = { ...systemRuntime, wallClock };
  const pipeline = world.pipeline(view, { runtime: jumping });
  const told = listen(pipeline);
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  for (let n = 1; n <= 20; n++) {
    await pipeline.pause();
    world.set(n % 4, n);
    const before = asked;
    await eventually(() => asked > before);
    await pipeline.resume();
    await pipeline.waitFor(world.log.head(), { timeoutMs: 5_000 });
  }
  expect(new Map(view)).toEqual(world.state);
  expect(told.events.filter(({ type }) => type === 'trouble' || type === 'mustRefetch' || type === 'lost')).toEqual([]);
  expect(pipeline.health()).toMatchObject({ live: true, ready: true });
  await pipeline.stop();
});
