import {
  deliverTo,
  type DeliverToOptions,
  FencedOut,
  type KeptLetter,
  type PositionStore,
  type Settled,
  type StoredPosition,
  type WhichLetters,
} from '@tidemark/core';
import { eventually, gate, listen, type Thing, World } from './support/world';

/** Positions in memory that can break, and keep dead letters. */
class Positions implements PositionStore {
  stored: StoredPosition | undefined;
  kept: KeptLetter[] = [];
  broken: Error | undefined;
  saves = 0;

  load() {
    return Promise.resolve(this.stored);
  }
  async reset(position: StoredPosition['position'], snapshotId: string) {
    if (this.broken) throw this.broken;
    this.stored = { position, snapshotId };
  }
  async save(snapshotId: string, advances: readonly Settled[]) {
    this.saves++;
    if (this.broken) throw this.broken;
    if (this.stored?.snapshotId !== snapshotId) throw new FencedOut('another snapshot');
    let { offsets } = this.stored.position;
    for (const { partition, after, through, rejected = [] } of advances) {
      if (offsets.through(partition) !== after) throw new FencedOut('elsewhere');
      offsets = offsets.with(partition, through);
      for (const {
        record,
        error: { code, message },
      } of rejected)
        this.kept.push({ id: `letter-${record.offset}`, partition, record, code, message });
    }
    this.stored = { snapshotId, position: { ...this.stored.position, offsets } };
  }
  async letters(which: WhichLetters) {
    return 'id' in which ? this.kept.filter(({ id }) => id === which.id) : this.kept.slice(0, which.limit);
  }
  async forget(letter: string) {
    if (this.broken) throw this.broken;
    const before = this.kept.length;
    this.kept = this.kept.filter(({ id }) => id !== letter);
    return this.kept.length < before;
  }
}

type Call = Thing | { readonly gone: string };
const idOf = (call: Call) => ('gone' in call ? call.gone : call.id);

function world(
  handler: (call: Call, context: { attempt: number; signal: AbortSignal }) => Promise<void> | void,
  options: Partial<DeliverToOptions<Call>> = {},
  partitions = 2,
) {
  const a = new World(partitions);
  const positions = new Positions();
  const start = () =>
    a.calls(deliverTo<Call>(handler, { positions, retry: { attempts: 3, baseMs: 1, maxMs: 2 }, ...options }));
  return { a, positions, start };
}

it('hands over the rows, then the updates, and saves the position after the effects', async () => {
  const calls: string[] = [];
  const { a, positions, start } = world((call) => void calls.push(`${idOf(call)}=${'n' in call ? call.n : '-'}`));
  a.set(1, 1);
  const pipeline = start();
  const told = listen(pipeline);
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  expect(calls).toEqual(['1=1']);
  a.set(1, 2);
  a.remove(1);
  await eventually(() => calls.length === 3);
  expect(calls).toEqual(['1=1', '1=2', '1=-']);
  await eventually(() => positions.stored?.position.offsets.through({ topic: 'toy.things', partition: '1' }) === '2');
  expect(told.events.flatMap((e) => (e.type === 'snapshotRows' || e.type === 'updates' ? e.messages : []))).toEqual([
    { id: '1', n: 1 },
    { id: '1', n: 2 },
    { gone: '1' },
  ]);
  await pipeline.stop();
});

it('I5: a position is never saved while an effect before it is open', async () => {
  const [entered, hold] = [gate(), gate()];
  const { a, positions, start } = world(
    async (call) => {
      if (!('n' in call) || call.n !== 7) return;
      entered.open();
      await hold.passed;
    },
    { concurrency: 8, orderBy: idOf },
    1,
  );
  const pipeline = start();
  listen(pipeline);
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  a.set(1, 7);
  for (let i = 2; i < 9; i++) a.set(i, i * 10);
  await entered.passed;
  for (let i = 0; i < 50; i++) await new Promise(setImmediate);
  const at = () => positions.stored?.position.offsets.through({ topic: 'toy.things', partition: '0' });
  expect(at()).toBe('beginning');
  hold.open();
  await eventually(() => at() === '7');
  await pipeline.stop();
});

it('a slow partition holds no other one up', async () => {
  const hold = gate();
  const done: string[] = [];
  const { a, start } = world(
    async (call) => {
      if (idOf(call) === '0') await hold.passed;
      done.push(idOf(call));
    },
    { concurrency: 2 },
  );
  const pipeline = start();
  listen(pipeline);
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  a.set(0, 1);
  for (let i = 0; i < 20; i++) a.set(1, i);
  await eventually(() => done.length === 20);
  hold.open();
  await eventually(() => done.length === 21);
  await pipeline.stop();
});

it('I3: keeps the order of a key, whatever the concurrency', async () => {
  const seen = new Map<string, number[]>();
  const { a, start } = world(
    async (call) => {
      if (Math.random() < 0.5) await new Promise(setImmediate);
      if ('n' in call) seen.set(call.id, [...(seen.get(call.id) ?? []), call.n]);
    },
    { concurrency: 16, orderBy: idOf },
  );
  const pipeline = start();
  listen(pipeline);
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  for (let n = 0; n < 200; n++) a.set(Math.floor(n / 5) % 7, n); // several of one key in one delivery
  await eventually(() => [...seen.values()].flat().length === 200);
  for (const ns of seen.values()) expect(ns).toEqual([...ns].sort((x, y) => x - y));
  await pipeline.stop();
});

it('I1, I2: after a crash it goes on from the saved position: at least once, nothing left out', async () => {
  const calls: number[] = [];
  const { a, positions, start } = world(
    (call) => {
      if ('n' in call) calls.push(call.n);
    },
    {},
    1,
  );
  const first = start();
  listen(first);
  await first.caughtUp({ timeoutMs: 5_000 });
  for (let n = 0; n < 10; n++) a.set(1, n);
  await eventually(() => calls.length === 10);
  await first.stop();
  positions.stored = {
    ...positions.stored!,
    position: {
      ...positions.stored!.position,
      offsets: positions.stored!.position.offsets.with(
        { topic: 'toy.things', partition: '0' },
        { through: '4' as never },
      ),
    },
  };
  const second = start();
  const told = listen(second);
  await second.caughtUp({ timeoutMs: 5_000 });
  expect(told.types()).not.toContain('snapshotStart');
  expect(calls).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 5, 6, 7, 8, 9]);
  await second.stop();
});

it('tries again, with the number of the try, and then ends the pipeline', async () => {
  const attempts: number[] = [];
  const { a, positions, start } = world((_, { attempt }) => {
    attempts.push(attempt);
    throw new Error('the service says no');
  });
  const pipeline = start();
  const told = listen(pipeline);
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  a.set(1, 1);
  await eventually(() => told.error !== undefined);
  expect(attempts).toEqual([1, 2, 3]);
  expect(told.error).toMatchObject({ code: 'HANDLER_FAILED', cause: { message: 'the service says no' } });
  expect(String(told.error)).toContain('toy.things/1 at 0');
  expect(positions.stored?.position.offsets.through({ topic: 'toy.things', partition: '1' })).toBe('beginning');
});

it.each([
  ['skip', 'skipped', []],
  ['deadLetter', 'deadLettered', ['0 HANDLER_FAILED', '1 DECODE_FAILED']],
] as const)('leaves poison behind where that is wanted: %s', async (onPoison, outcome, letters) => {
  const done: string[] = [];
  const { a, positions, start } = world(
    (call) => {
      if (idOf(call) === '1') throw new Error('no');
      done.push(idOf(call));
    },
    { onPoison },
    1,
  );
  const pipeline = start();
  const told = listen(pipeline);
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  a.set(1, 1);
  a.log.append(0, 'not json');
  a.set(2, 2);
  await eventually(() => done.length === 1);
  await eventually(() => told.types().filter((type) => type === 'poison').length === 2);
  expect(told.events.flatMap((e) => (e.type === 'poison' ? [e.outcome] : []))).toEqual([outcome, outcome]);
  expect(positions.kept.map(({ record, code }) => `${record.offset} ${code}`).sort()).toEqual(letters);
  await pipeline.stop();
});

it('I11: another instance that has reset the positions fences this one out, and it goes on from there', async () => {
  const { a, positions, start } = world(() => undefined, {}, 1);
  const pipeline = start();
  listen(pipeline);
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  a.set(1, 1);
  await eventually(() => positions.stored?.position.offsets.through({ topic: 'toy.things', partition: '0' }) === '0');
  positions.stored = { snapshotId: 'theirs', position: a.log.head() };
  a.set(1, 2);
  await eventually(() => positions.stored?.position.offsets.through({ topic: 'toy.things', partition: '0' }) === '1');
  expect(positions.stored.snapshotId).toBe('theirs');
  await pipeline.stop();
});

it('waits for a position store that is away, and repeats the effects it could not save', async () => {
  const calls: number[] = [];
  const { a, positions, start } = world(
    (call) => {
      if ('n' in call) calls.push(call.n);
    },
    {},
    1,
  );
  const pipeline = start();
  listen(pipeline);
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  positions.broken = new Error('away');
  a.set(1, 1);
  await eventually(() => positions.saves >= 2);
  positions.broken = undefined;
  await eventually(() => positions.stored?.position.offsets.through({ topic: 'toy.things', partition: '0' }) === '0');
  expect(calls.length).toBeGreaterThanOrEqual(2);
  expect(new Set(calls)).toEqual(new Set([1]));
  await pipeline.stop();
});

it('I10: a handler that hangs is told when nobody waits any more', async () => {
  const [entered, told] = [gate(), gate()];
  const { a, start } = world(
    (_, { signal }) =>
      new Promise<void>((_resolve, reject) => {
        entered.open();
        signal.addEventListener('abort', () => {
          told.open();
          reject(new Error('let go'));
        });
      }),
  );
  const pipeline = start();
  const heard = listen(pipeline);
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  a.set(1, 1);
  await entered.passed;
  await expect(pipeline.stop({ deadlineMs: 30 })).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  await told.passed;
  expect(heard.types()).not.toContain('updates');
});

it('refuses a concurrency that is none', () => {
  expect(() => deliverTo(() => undefined, { positions: new Positions(), concurrency: 0 })).toThrow('concurrency');
});

describe('replay', () => {
  /** Record 0 isn't JSON; record 1 is refused by the service as long as `refusing`. */
  async function withLetters() {
    const service = { refusing: true, calls: [] as string[] };
    const { a, positions, start } = world(
      (call) => {
        if (service.refusing && idOf(call) === '1') throw new Error('no');
        service.calls.push(idOf(call));
      },
      { onPoison: 'deadLetter' },
      1,
    );
    const pipeline = start();
    const told = listen(pipeline);
    await pipeline.caughtUp({ timeoutMs: 5_000 });
    a.log.append(0, 'not json');
    a.set(1, 1);
    a.set(2, 2);
    await eventually(() => service.calls.length === 1);
    await eventually(() => positions.kept.length === 2);
    return { service, positions, pipeline, told };
  }
  const decide = () => true;

  it('hands the letter to the handler again, and removes it after', async () => {
    const { service, positions, pipeline, told } = await withLetters();
    const [malformed, refused] = await pipeline.deadLetters();
    expect(refused).toMatchObject({ code: 'HANDLER_FAILED', record: { offset: '1' } });
    expect(await pipeline.deadLetters({ limit: 1 })).toEqual([malformed]);
    const { stored } = positions;
    await expect(pipeline.replay(refused!.id, { decide })).rejects.toMatchObject({ code: 'HANDLER_FAILED' });
    await expect(pipeline.replay(malformed!.id, { decide })).rejects.toMatchObject({ code: 'DECODE_FAILED' });
    expect(positions.kept).toHaveLength(2);
    service.refusing = false;
    expect(await pipeline.replay(refused!.id, { decide })).toBe(true);
    expect(service.calls).toEqual(['2', '1']);
    expect(positions.kept).toEqual([malformed]);
    expect(told.events.at(-1)).toEqual({ type: 'amended', by: 'replay', messages: [{ id: '1', n: 1 }] });
    await pipeline.discard(malformed!.id);
    expect(await pipeline.deadLetters()).toEqual([]);
    expect(positions.stored).toEqual(stored);
    for (const attempt of [pipeline.replay(refused!.id, { decide }), pipeline.discard(malformed!.id)])
      await expect(attempt).rejects.toMatchObject({ code: 'DEAD_LETTER_GONE' });
    await pipeline.stop();
    await expect(pipeline.replay(refused!.id, { decide })).rejects.toMatchObject({ code: 'PIPELINE_ENDED' });
  });

  it('is at-least-once: while the letter cannot be removed, the effect comes again', async () => {
    const { service, positions, pipeline } = await withLetters();
    service.refusing = false;
    const [, letter] = await pipeline.deadLetters();
    positions.broken = new Error('the disk is full');
    await expect(pipeline.replay(letter!.id, { decide })).rejects.toThrow('the disk is full');
    positions.broken = undefined;
    await pipeline.replay(letter!.id, { decide });
    expect(service.calls).toEqual(['2', '1', '1']);
    await pipeline.stop();
  });

  it('asks whether an old effect may follow a newer one, and needs to be told', async () => {
    const { service, positions, pipeline } = await withLetters();
    service.refusing = false;
    const [, letter] = await pipeline.deadLetters();
    await expect(pipeline.replay(letter!.id)).rejects.toMatchObject({ code: 'INVALID_CONFIGURATION' });
    const asked: unknown[] = [];
    const no = async (messages: readonly Call[]) => (asked.push(...messages), false);
    expect(await pipeline.replay(letter!.id, { decide: no })).toBe(false);
    expect(asked).toEqual([{ id: '1', n: 1 }]);
    expect([service.calls, positions.kept.length]).toEqual([['2'], 2]);
    await pipeline.stop();
  });

  it('needs no run, and waits for a handler when the pipeline stops', async () => {
    const { service, positions, pipeline } = await withLetters();
    await pipeline.stop();
    service.refusing = false;
    const [entered, leave] = [gate(), gate()];
    const again = new World(1).calls(
      deliverTo<Call>(
        async (call) => {
          entered.open();
          await leave.passed;
          service.calls.push(idOf(call));
        },
        { positions },
      ),
    );
    const [, letter] = await again.deadLetters();
    const replaying = again.replay(letter!.id, { decide });
    await entered.passed;
    const stopping = again.stop({ deadlineMs: 5_000 });
    leave.open();
    await stopping;
    expect(service.calls).toEqual(['2', '1']);
    expect(await replaying).toBe(true);
  });
});
