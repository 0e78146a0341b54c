import { type Change, decimal, type Offset, type Replica } from '@tidemark/core';
import { asShared, eventually, listen, type Thing, World } from './support/world';

it('I2: takes a new snapshot when another instance has written what the log has lost since, though nothing comes', async () => {
  const world = new World(1);
  const view = world.view();
  const beyond: { term?: number } = {};
  const replica: Replica<Change<Thing>> = asShared(view, {
    load: async () => {
      const stored = await view.load();
      if (stored.state !== 'ready' || stored.term !== beyond.term) return stored;
      const [entry] = stored.position.offsets;
      if (entry === undefined) throw new Error('the position has no mark');
      const offsets = stored.position.offsets.with(entry, { through: after(entry.through) });
      return { ...stored, position: { ...stored.position, offsets } };
    },
  });
  const pipeline = world.pipeline(replica);
  const { events } = listen(pipeline);
  world.set(1, 1);
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  await eventually(() => view.size === 1);
  beyond.term = (await view.load()).term;
  await eventually(() => events.some((event) => event.type === 'mustRefetch' && event.reason === 'ahead'));
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  expect((await view.load()).term).toBeGreaterThan(beyond.term);
  await pipeline.stop();
});

const after = (offset: Offset): Offset => decimal(BigInt(offset) + 100n);
