import {
  type Change,
  fromToken,
  OffsetMap,
  type Position,
  type Replica,
  toToken,
  withoutSnapshot,
} from '@tidemark/core';
import { asShared, eventually, gate, listen, type Thing, World } from './support/world';

const p0 = { topic: 'toy.things', partition: '0' };

/** The view, with a gate before each transaction that has changes. */
function gated(world: World) {
  const view = world.view();
  const hold = { gate: gate() };
  const replica: Replica<Change<Thing>> = asShared(view, {
    apply: async (term, batches) => {
      if (batches.some(({ changes }) => changes.length > 0)) await hold.gate.passed;
      return view.apply(term, batches);
    },
  });
  return { view, replica, hold };
}

describe('waitFor', () => {
  it('resolves once the replica covers a position that came as a token', async () => {
    const world = new World(2);
    const { view, replica, hold } = gated(world);
    const pipeline = world.pipeline(replica);
    listen(pipeline);
    await pipeline.caughtUp({ timeoutMs: 5_000 });
    world.set(2, 7);
    const token = toToken({
      ...world.log.head(),
      offsets: world.log.head().offsets.filter((e) => e.partition === '0'),
    });
    let waited = false;
    const waiting = pipeline.waitFor(fromToken(token), { timeoutMs: 5_000 }).then(() => (waited = true));
    for (let i = 0; i < 30; i++) await new Promise(setImmediate);
    expect(waited).toBe(false);
    hold.gate.open();
    await waiting;
    expect(view.get('2')).toEqual({ id: '2', n: 7 });
    await pipeline.stop();
  });

  it('sees what another instance applies', async () => {
    const world = new World(1);
    const view = world.view();
    const shared: Replica<Change<Thing>> = asShared(view);
    const other = world.pipeline(shared);
    listen(other);
    await other.caughtUp({ timeoutMs: 5_000 });
    const idle = world.pipeline(shared); // nothing of it runs here
    world.set(0, 1);
    await idle.waitFor(world.log.head(), { timeoutMs: 5_000 });
    expect(view.get('0')).toBeDefined();
    await other.stop();
  });

  it('I7: rejects a position of a dead epoch, of another log, or of a topic that nobody follows', async () => {
    const world = new World(1);
    world.set(0, 1);
    const pipeline = world.pipeline(world.view());
    listen(pipeline);
    await pipeline.caughtUp({ timeoutMs: 5_000 });
    const position = world.log.head();
    const from = (source: Partial<Position['source']>): Position => ({
      ...position,
      source: { ...position.source, ...source },
    });
    await expect(pipeline.waitFor(from({ epochs: { 'toy.things': '0' } }))).rejects.toMatchObject({
      code: 'SOURCE_MISMATCH',
    });
    await expect(pipeline.waitFor(from({ kind: 'other' }))).rejects.toMatchObject({ code: 'SOURCE_MISMATCH' });
    const strange = {
      ...position,
      offsets: OffsetMap.from('decimal', [{ topic: 'x', partition: '0', through: '1' as never }]),
    };
    await expect(pipeline.waitFor(strange)).rejects.toMatchObject({ code: 'INVALID_CONFIGURATION' });
    await pipeline.stop();
  });

  it('ends at its deadline, and with the pipeline', async () => {
    const world = new World(1);
    const pipeline = world.pipeline(world.view());
    listen(pipeline);
    await pipeline.caughtUp({ timeoutMs: 5_000 });
    const far = { ...world.log.head(), offsets: OffsetMap.from('decimal', [{ ...p0, through: '99' as never }]) };
    await expect(pipeline.waitFor(far, { timeoutMs: 20 })).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    const waiting = pipeline.waitFor(far);
    await Promise.all([expect(waiting).rejects.toMatchObject({ code: 'PIPELINE_ENDED' }), pipeline.stop()]);
  });
});

describe('pause', () => {
  it('stops applying and reading until resume', async () => {
    const world = new World(1);
    const view = world.view();
    const pipeline = world.pipeline(view);
    const told = listen(pipeline);
    await pipeline.caughtUp({ timeoutMs: 5_000 });
    await pipeline.pause();
    for (let i = 0; i < 100; i++) world.set(i, i);
    let pages = 0;
    const page = world.log.page.bind(world.log);
    world.log.page = (...args) => (pages++, page(...args));
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve, 1));
    expect(view.size).toBe(0);
    expect(pages).toBeLessThanOrEqual(3);
    expect(told.types()).not.toContain('updates');
    await pipeline.resume();
    await eventually(() => view.size === 100);
    await pipeline.stop();
  });

  it('lets what is in flight settle first, and is a status', async () => {
    const world = new World(1);
    const { view, replica, hold } = gated(world);
    const pipeline = world.pipeline(replica);
    const statuses: string[] = [];
    pipeline.status$.subscribe((status) => statuses.push(status));
    listen(pipeline);
    await pipeline.caughtUp({ timeoutMs: 5_000 });
    world.set(1, 1);
    await eventually(() => pipeline.health().why === 'following');
    for (let i = 0; i < 30; i++) await new Promise(setImmediate);
    const pausing = pipeline.pause();
    hold.gate.open();
    await pausing;
    expect(view.size).toBeLessThanOrEqual(1);
    expect(statuses.at(-1)).toBe('paused');
    await pipeline.resume();
    await eventually(() => statuses.at(-1) === 'live');
    await pipeline.stop();
  });

  it('lasts over runs', async () => {
    const world = new World(1);
    const view = world.view();
    const pipeline = world.pipeline(view);
    await pipeline.pause();
    listen(pipeline);
    await eventually(() => view.size === 0);
    world.set(1, 1);
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve, 1));
    expect(view.size).toBeLessThanOrEqual(1); // the snapshot comes in, updates don't
    await pipeline.resume();
    await pipeline.caughtUp({ timeoutMs: 5_000 });
    await pipeline.stop();
  });
});

it('tells its lag, partition by partition', async () => {
  const world = new World(2);
  const page = world.log.page.bind(world.log);
  world.log.page = async (...args) => {
    const answer = await page(...args);
    return 'records' in answer ? { ...answer, lag: answer.atHead ? 0n : 40n } : answer;
  };
  const view = world.view();
  const second = gate();
  let transactions = 0;
  const pipeline = world.pipeline(
    asShared(view, {
      apply: async (term, batches) => {
        if (batches.some(({ changes }) => changes.length > 0) && ++transactions === 2) await second.passed;
        return view.apply(term, batches);
      },
    }),
  );
  expect(pipeline.lag()).toEqual({ partitions: [], records: undefined });
  listen(pipeline);
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  expect(pipeline.lag()).toMatchObject({ records: 0n });
  for (let i = 0; i < 20; i++) world.set(0, i);
  await eventually(() => pipeline.lag().records === 40n);
  expect(pipeline.lag().partitions).toContainEqual({ partition: p0, atHead: false, records: 40n });
  second.open();
  await eventually(() => pipeline.lag().records === 0n);
  await pipeline.stop();
});

describe('health', () => {
  it('is ready once it was caught up, live until it fails', async () => {
    const world = new World(1);
    const pipeline = world.pipeline(world.view());
    expect(pipeline.health()).toEqual({ live: true, ready: false, why: 'idle' });
    const told = listen(pipeline);
    await pipeline.caughtUp({ timeoutMs: 5_000 });
    expect(pipeline.health()).toEqual({ live: true, ready: true, why: 'following' });
    world.log.append(0, 'not json');
    await eventually(() => told.error !== undefined);
    expect(pipeline.health()).toMatchObject({ live: false, ready: false });
  });

  it('names an effect that does not settle', async () => {
    const world = new World(1);
    const { replica, hold } = gated(world);
    const pipeline = world.pipeline(replica);
    const told = listen(pipeline);
    await pipeline.caughtUp({ timeoutMs: 5_000 });
    world.set(1, 1);
    await eventually(() => !pipeline.health().live);
    expect(pipeline.health().why).toContain('toy.things/0 after beginning through 0');
    await eventually(() => told.types().includes('trouble'));
    const stuck = told.events.flatMap((e) => (e.type === 'trouble' ? [e.error] : []));
    expect(stuck).toHaveLength(1);
    expect(stuck[0]).toMatchObject({ code: 'EFFECT_STUCK' });
    hold.gate.open();
    await eventually(() => pipeline.health().live);
    await pipeline.stop();
  });
});

it('explains why it started where it did', async () => {
  const world = new World(2);
  world.set(0, 1);
  const view = world.view();
  const first = world.pipeline(view);
  expect(first.explain()).toContain('nothing runs');
  listen(first);
  await first.caughtUp({ timeoutMs: 5_000 });
  expect(first.explain()).toContain('SemiAutomatic: by a snapshot taken at toy.things/0 0');
  expect(first.explain()).toContain('toy.things/1: after beginning, under term 1');
  await first.stop();
  const second = world.pipeline(view);
  listen(second);
  await second.caughtUp({ timeoutMs: 5_000 });
  expect(second.explain()).toContain('FullyAutomatic');
  expect(second.explain()).toContain('ok: toy.things/0: at 0');
  world.log.recreate();
  await eventually(() => second.explain().includes('a new snapshot was needed: changed'));
  await second.stop();
});

describe('without a snapshot', () => {
  it('starts from where it was told, and what came before is missing', async () => {
    const world = new World(1);
    for (let i = 0; i < 5; i++) world.set(i, i);
    const view = world.view();
    const log = {
      locate: async () => ({
        ...world.log.head(),
        offsets: OffsetMap.from('decimal', [{ ...p0, through: '2' as never }]),
      }),
    };
    const pipeline = world.pipeline(view, { snapshot: withoutSnapshot(log, { headLess: 2 }) });
    listen(pipeline);
    await pipeline.caughtUp({ timeoutMs: 5_000 });
    expect([...view.keys()]).toEqual(['3', '4']);
    await pipeline.stop();
  });

  it('I8: is never used to replace a state', async () => {
    const world = new World(1);
    world.set(0, 0);
    const view = world.view();
    const pipeline = world.pipeline(view, {
      snapshot: withoutSnapshot({ locate: async () => world.log.head() }, world.log.head()),
    });
    const told = listen(pipeline);
    await pipeline.caughtUp({ timeoutMs: 5_000 });
    world.set(1, 1);
    await eventually(() => view.has('1'));
    world.log.recreate();
    await eventually(() => told.error !== undefined);
    expect(told.error).toMatchObject({ code: 'SNAPSHOT_REJECTED', retryable: false });
    expect(view.has('1')).toBe(true);
  });
});
