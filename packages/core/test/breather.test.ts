import { listen, World } from './support/world';

it('a long backlog over a log that answers at once leaves timers their turn', async () => {
  const world = new World(1);
  const pipeline = world.pipeline(world.view());
  listen(pipeline);
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  for (let i = 0; i < 4_000; i++) world.set(i % 10, i);
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  await pipeline.waitFor(world.log.head(), { timeoutMs: 20_000 }).finally(() => clearInterval(timer));
  expect(turns).toBeGreaterThan(3);
  await pipeline.stop();
});
