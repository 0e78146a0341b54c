import { filter, firstValueFrom, map, take, toArray } from 'rxjs';
import { InvalidConfiguration, type Status, type SyncEvent } from '@tidemark/core';
import { asShared, eventually, gate, listen, World } from './support/world';

it('takes the snapshot, then follows', async () => {
  const world = new World();
  world.set(1, 1);
  world.set(2, 2);
  const view = world.view();
  const pipeline = world.pipeline(view);
  const told = listen(pipeline);
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  expect(new Map(view)).toEqual(world.state);
  expect(told.types()).toEqual([
    'assigned',
    'snapshotStart',
    'snapshotRows',
    'snapshotEnd',
    'progress',
    'progress',
    'caughtUp',
  ]);
  world.set(1, 10);
  world.remove(2);
  world.set(3, 3);
  await eventually(() => view.get('3') !== undefined && !view.has('2') && view.get('1')?.n === 10);
  await pipeline.stop();
});

it.each(['expired', 'changed', 'ahead'] as const)('takes a new snapshot when the log is %s', async (reason) => {
  const world = new World();
  for (let i = 0; i < 10; i++) world.set(i, i);
  const view = world.view();
  const pipeline = world.pipeline(view);
  const told = listen(pipeline);
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  if (reason === 'changed') world.log.recreate();
  if (reason === 'ahead') world.log.shorten(0, 2);
  if (reason === 'expired') {
    world.log.down = new Error('the log is away');
    for (let i = 0; i < 10; i++) world.set(i, i * 2);
    world.log.trim(0, 1);
    world.log.down = undefined;
  } else if (reason === 'changed') world.set(77, 1);
  await eventually(() => told.types().filter((type) => type === 'snapshotEnd').length === 2);
  expect(told.events.flatMap((e) => (e.type === 'mustRefetch' ? [e.reason] : []))).toEqual([reason]);
  world.set(78, 2);
  await eventually(() => view.has('78'));
  expect(new Map(view)).toEqual(world.state);
  await pipeline.stop();
});

it("fails with the reason where onMustRefetch is 'fail', the old state intact", async () => {
  const world = new World(1);
  world.set(1, 1);
  const view = world.view();
  const pipeline = world.pipeline(view, { onMustRefetch: 'fail' });
  const running = pipeline.run();
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  world.log.recreate();
  await expect(running).rejects.toMatchObject({ code: 'MUST_REFETCH', reason: 'changed', retryable: false });
  expect(view.get('1')).toEqual({ id: '1', n: 1 });
});

it('tells its status', async () => {
  const world = new World(1);
  world.set(1, 1);
  const pipeline = world.pipeline(world.view());
  const statuses: Status[] = [];
  pipeline.status$.subscribe((status) => statuses.push(status));
  listen(pipeline);
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  await pipeline.stop();
  expect(statuses).toEqual(['idle', 'bootstrapping', 'catchingUp', 'live', 'stopped']);
});

it('waits for A, and for the log, while they are away', async () => {
  const world = new World(1);
  world.set(1, 1);
  const honest = world.snapshot();
  let asked = 0;
  const pipeline = world.pipeline(world.view(), {
    snapshot: {
      open: (request) => (++asked < 4 ? Promise.reject(new Error('connection refused')) : honest.open(request)),
    },
  });
  const told = listen(pipeline);
  world.log.down = new Error('the log is away');
  await eventually(() => told.types().includes('trouble'));
  world.log.down = undefined;
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  expect(asked).toBe(4);
  await pipeline.stop();
});

describe('one run', () => {
  it('is joined by run, subscribe and iteration, and ends when the last one leaves', async () => {
    const world = new World(1);
    world.set(1, 1);
    let opened = 0;
    const honest = world.snapshot();
    const pipeline = world.pipeline(world.view(), {
      snapshot: { open: (request) => (opened++, honest.open(request)) },
    });
    const controller = new AbortController();
    const running = pipeline.run({ signal: controller.signal });
    const subscription = pipeline.subscribe();
    for await (const event of pipeline) if (event.type === 'caughtUp') break;
    expect(opened).toBe(1);
    subscription.unsubscribe();
    controller.abort();
    await running;
    const pages = world.log.page.bind(world.log);
    let later = 0;
    world.log.page = (...args) => (later++, pages(...args));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(later).toBe(0);
    expect(await firstValueFrom(pipeline.status$)).toBe('idle');
  });

  it('can be followed by another one, which resumes', async () => {
    const world = new World(1);
    world.set(1, 1);
    const view = world.view();
    const pipeline = world.pipeline(view);
    const first: string[] = [];
    for await (const event of pipeline) {
      first.push(event.type);
      if (event.type === 'caughtUp') break;
    }
    world.set(2, 2);
    const second: string[] = [];
    for await (const event of pipeline) {
      second.push(event.type);
      if (event.type === 'caughtUp') break;
    }
    expect(first).toContain('snapshotEnd');
    expect(second).not.toContain('snapshotStart');
    expect(new Map(view)).toEqual(world.state);
  });

  it('fails for everybody who takes part, and can be run again', async () => {
    const world = new World(1);
    world.log.append(0, 'not json');
    const empty = world.log.snapshot(() => []);
    const view = world.view();
    const pipeline = world.pipeline(view, {
      snapshot: {
        open: async (request) => {
          const taken = await empty.open(request);
          return { ...taken, position: { ...taken.position, offsets: taken.position.offsets.filter(() => false) } };
        },
      },
    });
    const told = listen(pipeline);
    const iterating = (async () => {
      for await (const event of pipeline) expect(event.type).toBeDefined();
    })();
    await expect(pipeline.run()).rejects.toMatchObject({ code: 'DECODE_FAILED' });
    await expect(iterating).rejects.toMatchObject({ code: 'DECODE_FAILED' });
    expect(told.error).toMatchObject({ code: 'DECODE_FAILED' });
    expect(String(told.error)).toContain('toy.things/0 at 0');
    expect(String(told.error)).not.toContain('not json');
    await expect(pipeline.run()).rejects.toMatchObject({ code: 'DECODE_FAILED' });
    await expect(pipeline.caughtUp()).rejects.toMatchObject({ code: 'PIPELINE_ENDED' });
  });

  it('is an Observable, safe for any operator', async () => {
    const world = new World(1);
    world.set(1, 1);
    const pipeline = world.pipeline(world.view());
    const rows = pipeline.pipe(
      filter((event) => event.type === 'snapshotRows'),
      map((event) => event.messages.length),
      take(1),
      toArray(),
    );
    expect(await firstValueFrom(rows)).toEqual([1]);
    await pipeline.stop();
  });

  it('is disposed of by stopping', async () => {
    const world = new World(1);
    const pipeline = world.pipeline(world.view());
    const running = pipeline.run();
    await pipeline.caughtUp({ timeoutMs: 5_000 });
    await pipeline[Symbol.asyncDispose]();
    await running;
  });
});

describe('waiting for caughtUp', () => {
  it('ends at its deadline or by its signal, and leaves the run alone', async () => {
    const world = new World(1);
    const hold = gate();
    const honest = world.snapshot();
    const pipeline = world.pipeline(world.view(), {
      snapshot: { open: async (request) => (await hold.passed, honest.open(request)) },
    });
    listen(pipeline);
    await expect(pipeline.caughtUp({ timeoutMs: 20 })).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await expect(pipeline.caughtUp({ signal: AbortSignal.timeout(20) })).rejects.toMatchObject({
      name: 'TimeoutError',
    });
    hold.open();
    await pipeline.caughtUp({ timeoutMs: 5_000 });
    await pipeline.stop();
  });
});

describe('poison', () => {
  const poisoned = () => {
    const world = new World(1);
    world.set(1, 1);
    return world;
  };

  it('is left out, loudly, where it is to be skipped', async () => {
    const world = poisoned();
    const view = world.view();
    const pipeline = world.pipeline(view, { onPoison: 'skip' });
    const told = listen(pipeline);
    await pipeline.caughtUp({ timeoutMs: 5_000 });
    world.set(2, 2);
    world.log.append(0, { neither: 'set nor gone' });
    world.log.append(0, null);
    world.set(3, 3);
    await eventually(() => view.has('3'));
    expect(new Map(view)).toEqual(world.state);
    const poison = told.events.flatMap((e) => (e.type === 'poison' ? [[e.offset, e.outcome, e.error.code]] : []));
    expect(poison).toEqual([
      ['2', 'skipped', 'DECODE_FAILED'],
      ['3', 'skipped', 'DECODE_FAILED'],
    ]);
    await pipeline.stop();
  });

  it('cannot be a dead letter of a replica that lives in this process', () => {
    const world = new World(1);
    const refused = () => world.pipeline(world.view(), { onPoison: 'deadLetter' });
    expect(refused).toThrow(InvalidConfiguration);
  });

  it('goes into the replica, in the same transaction, where it is to be a dead letter', async () => {
    const world = poisoned();
    const view = world.view();
    const letters: unknown[] = [];
    const pipeline = world.pipeline(
      asShared(view, {
        apply: (term, batches) => {
          for (const { rejected } of batches)
            for (const { record, error } of rejected) letters.push([record.offset, error.code]);
          return view.apply(term, batches);
        },
      }),
      { onPoison: 'deadLetter' },
    );
    const told = listen(pipeline);
    await pipeline.caughtUp({ timeoutMs: 5_000 });
    world.log.append(0, 'not json');
    await eventually(() => told.types().includes('poison'));
    expect(letters).toEqual([['1', 'DECODE_FAILED']]);
    await pipeline.stop();
  });
});

describe('the road of plain operators', () => {
  it('acknowledges when next returns, and takes the snapshot anew for each subscription', async () => {
    const world = new World(1);
    world.set(1, 1);
    const source = world.source();
    const values = (event: SyncEvent<{ readonly kind: string; readonly value: unknown }>) =>
      'messages' in event ? event.messages.map((m) => [m.kind, m.value]) : [];
    const seen = source.pipe(
      map((event) => values(event as never)),
      filter((messages) => messages.length > 0),
      take(3),
      toArray(),
    );
    for (let n = 0; n < 2; n++) {
      const more = setInterval(() => world.set(1, n), 5);
      const result = await firstValueFrom(seen).finally(() => clearInterval(more));
      expect(result[0]?.[0]).toEqual(['row', expect.objectContaining({ id: '1' })]);
    }
  });

  it('tells what failed', async () => {
    const world = new World(1);
    const source = world.source({
      snapshot: {
        open: async () => ({ id: 's', position: world.log.head(), scope: 'a=1', chunks: (async function* () {})() }),
      },
    });
    await expect(firstValueFrom(source.pipe(filter(() => false)))).rejects.toMatchObject({ code: 'SNAPSHOT_REJECTED' });
  });
});

it('refuses a shared transport for a replica in one process', async () => {
  const world = new World(1);
  const pipeline = world.pipeline(world.view(), { transport: { ...world.log.transport(), reads: 'share' } });
  await expect(pipeline.run()).rejects.toMatchObject({ code: 'INVALID_CONFIGURATION' });
});

it('a replica belongs to one pipeline', async () => {
  const world = new World(1);
  const view = world.view();
  await view.take(await view.load(), { pipeline: 'others' });
  await expect(world.pipeline(view).run()).rejects.toMatchObject({ code: 'REPLICA_BOUND_ELSEWHERE' });
});

it('a new version takes a new snapshot, also of a topic that was created anew meanwhile', async () => {
  const world = new World(2);
  for (let i = 0; i < 6; i++) world.set(i, i);
  const view = world.view();
  const first = world.pipeline(view, { version: '1' });
  const running = first.run();
  await first.caughtUp({ timeoutMs: 5_000 });
  await first.stop();
  await running;
  world.log.recreate();
  world.set(0, 100);
  const second = world.pipeline(view, { version: '2' });
  second.subscribe();
  await second.caughtUp({ timeoutMs: 5_000 });
  expect(view.get('0')?.n).toBe(100);
  await second.stop();
});

it('a new version takes a new snapshot', async () => {
  const world = new World(1);
  world.set(1, 1);
  const view = world.view();
  const first = world.pipeline(view, { version: '1' });
  const running = first.run();
  await first.caughtUp({ timeoutMs: 5_000 });
  await first.stop();
  await running;
  const second = world.pipeline(view, { version: '2' });
  const told = listen(second);
  await second.caughtUp({ timeoutMs: 5_000 });
  expect(told.events.flatMap((e) => (e.type === 'mustRefetch' ? [e.reason] : []))).toEqual(['pipelineChanged']);
  await second.stop();
});

it.each(['made anew', 'shortened'] as const)(
  'I8: a new version takes a new snapshot, also of a log that was %s while nobody ran',
  async (how) => {
    const world = new World(1);
    for (let i = 0; i < 5; i++) world.set(i, i);
    const view = world.view();
    const first = world.pipeline(view, { version: '1' });
    const running = first.run();
    await first.caughtUp({ timeoutMs: 5_000 });
    await first.stop();
    await running;
    if (how === 'made anew') world.log.recreate();
    else world.log.shorten(0, 2);
    const second = world.pipeline(view, { version: '2' });
    listen(second);
    await second.caughtUp({ timeoutMs: 4_000 });
    world.set(9, 9);
    await eventually(() => view.has('9'));
    expect(new Map(view)).toEqual(world.state);
    await second.stop();
  },
);
