import {
  type Runtime,
  SnapshotBudgetSpent,
  SnapshotRejected,
  type SnapshotSource,
  type SyncEvent,
  systemRuntime,
} from '@tidemark/core';
import { eventually, listen, World } from './support/world';

const attempts = 3;

/** A's snapshots, well until they are told to fail in some way. */
class Source implements SnapshotSource {
  asked = 0;
  failing: 'away' | 'stale' | 'cutOff' | undefined;

  constructor(private readonly world: World) {}

  async open(request: Parameters<SnapshotSource['open']>[0]): ReturnType<SnapshotSource['open']> {
    this.asked++;
    if (this.failing === 'away') throw new Error('connection refused');
    const taken = await this.world.snapshot().open(request);
    if (this.failing === 'stale') {
      const { source, offsets } = taken.position;
      return { ...taken, position: { source, offsets: offsets.filter(() => false) } };
    }
    if (this.failing === 'cutOff') return { ...taken, chunks: cutOff() };
    return taken;
  }
}

// eslint-disable-next-line require-yield -- it breaks before the first chunk
async function* cutOff(): AsyncGenerator<never, void, undefined> {
  throw new SnapshotRejected('cut off', true);
}

const budgets = (events: readonly SyncEvent<unknown>[]) =>
  events.flatMap((e) => (e.type === 'trouble' && e.error instanceof SnapshotBudgetSpent ? [e.error] : []));

/** Caught up, then partition 0 expires while A's snapshots fail. */
async function expiredWhile(failing: NonNullable<Source['failing']>, runtime: Runtime = systemRuntime) {
  const world = new World(2);
  for (let i = 0; i < 10; i++) world.set(i, i);
  const source = new Source(world);
  const view = world.view();
  const pipeline = world.pipeline(view, { snapshot: source, snapshotAttempts: attempts, runtime });
  const statuses: string[] = [];
  pipeline.status$.subscribe((status) => statuses.push(status));
  const told = listen(pipeline);
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  source.failing = failing;
  world.log.down = new Error('the log is away');
  for (let i = 0; i < 10; i++) world.set(i, i * 2);
  world.log.trim(0, 1);
  world.log.down = undefined;
  return { world, source, view, pipeline, statuses, told };
}

describe.each([
  ['away', { message: 'connection refused' }],
  ['stale', { code: 'SNAPSHOT_TOO_OLD' }],
] as const)('while A is %s', (failing, cause) => {
  it('a spent budget is told, what is lost stands still, the rest goes on, and all is well again later', async () => {
    const { world, source, view, pipeline, statuses, told } = await expiredWhile(failing);
    await eventually(() => budgets(told.events).length === 2);
    expect(statuses.at(-1)).toBe('degraded');
    const [spent] = budgets(told.events);
    expect(spent).toMatchObject({ code: 'SNAPSHOT_BUDGET_SPENT', retryable: true });
    expect(spent?.cause).toMatchObject(cause);
    expect(String(spent)).toContain('in 3 tries');
    expect(String(spent)).toContain('expired');
    expect(String(spent)).toContain('toy.things/0 stands still');
    expect(pipeline.health()).toMatchObject({ live: true, ready: true });
    expect(pipeline.health().why).toMatch(/^degraded: toy\.things\/0 stands still/);
    expect(pipeline.explain()).toContain('lost, and standing still:\n  toy.things/0: expired');
    expect(pipeline.explain()).toContain('budgets of snapshots spent in vain: ');

    world.set(1, 111);
    await eventually(() => view.get('1')?.n === 111);
    world.set(0, 100);
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve, 1));
    expect(view.get('0')).toEqual({ id: '0', n: 0 });
    expect(statuses.at(-1)).toBe('degraded');
    const asked = told.events.filter(({ type }) => type === 'trouble').length;
    expect(budgets(told.events).length).toBeLessThanOrEqual(asked / (attempts + 1));

    source.failing = undefined;
    await eventually(() => statuses.at(-1) === 'live');
    expect(new Map(view)).toEqual(world.state);
    expect(pipeline.health()).toEqual({ live: true, ready: true, why: 'following' });
    expect(pipeline.explain()).not.toContain('standing still');
    expect(statuses.filter((status) => status === 'degraded')).toHaveLength(1);
    await pipeline.stop();
  });
});

it('a term that was held in vain is given back for longer and longer', async () => {
  const long: number[] = [];
  const runtime: Runtime = {
    ...systemRuntime,
    random: () => 0.5,
    sleep: (ms, signal) => {
      if (ms > 50 && ms < 1_000) long.push(ms); // longer than any other pause, shorter than what is waited for here
      return systemRuntime.sleep(Math.min(ms, 20), signal);
    },
  };
  const { world, source, view, pipeline, statuses, told } = await expiredWhile('cutOff', runtime);
  await eventually(() => long.length >= 5);
  expect(long.slice(0, 5)).toEqual([75, 150, 300, 450, 450]); // of 50, doubled, twelve times at most; 0.75 of it
  expect(statuses.at(-1)).toBe('degraded');
  expect(budgets(told.events)[0]).toMatchObject({ cause: { code: 'SNAPSHOT_REJECTED' } });
  world.set(1, 111); // between two terms
  await eventually(() => view.get('1')?.n === 111);
  source.failing = undefined;
  await eventually(() => statuses.at(-1) === 'live');
  expect(new Map(view)).toEqual(world.state);
  await pipeline.stop();
});

it('before the first snapshot it is told as well, and the status stays bootstrapping', async () => {
  const world = new World(1);
  world.set(1, 1);
  const source = new Source(world);
  source.failing = 'away';
  const pipeline = world.pipeline(world.view(), { snapshot: source, snapshotAttempts: attempts });
  const statuses: string[] = [];
  pipeline.status$.subscribe((status) => statuses.push(status));
  const told = listen(pipeline);
  await eventually(() => budgets(told.events).length === 1);
  expect(String(budgets(told.events)[0])).toContain('there is none yet; nothing is applied meanwhile');
  expect(pipeline.health()).toMatchObject({ live: true, ready: false });
  source.failing = undefined;
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  expect(statuses).toEqual(['idle', 'bootstrapping', 'catchingUp', 'live']);
  await pipeline.stop();
});

it('a broker that is away is waited for: no snapshot is asked for, no budget is spent', async () => {
  const world = new World(1);
  world.set(1, 1);
  const source = new Source(world);
  const pipeline = world.pipeline(world.view(), { snapshot: source, snapshotAttempts: 1 });
  const told = listen(pipeline);
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  world.log.down = new Error('the log is away');
  await eventually(() => told.types().filter((type) => type === 'trouble').length >= 5);
  world.log.down = undefined;
  world.set(2, 2);
  await pipeline.waitFor(world.log.head(), { timeoutMs: 5_000 });
  expect(budgets(told.events)).toEqual([]);
  expect(source.asked).toBe(1);
  await pipeline.stop();
});
