import {
  beginning,
  Channel,
  decimal,
  type Partition,
  type Start,
  type Stored,
  type TransportEvent,
} from '@tidemark/core';
import { asShared, eventually, gate, listen, World } from './support/world';

/** A transport that tells what the test says. */
function scripted(world: World) {
  const events = new Channel<TransportEvent<'things'>>();
  let ask: Start | undefined;
  const transport = {
    ...world.log.transport(),
    read: (start: Start, signal: AbortSignal) => {
      ask = start;
      signal.addEventListener('abort', () => {
        events.end();
      });
      return events;
    },
  };
  return {
    transport,
    assign: (...partitions: readonly Partition[]) => {
      events.push({ type: 'assigned', partitions });
    },
    revoke: (...partitions: readonly Partition[]) => {
      events.push({ type: 'revoked', partitions });
    },
    start: (...partitions: readonly Partition[]) => ask?.(partitions),
    /** One record after `after`; resolves when it is acknowledged. */
    deliver: (partition: Partition, after: number, atHead: boolean, restart: () => void = () => undefined) => {
      const offset = decimal(after + 1);
      const value = Buffer.from(JSON.stringify({ set: { id: `${partition.partition}:${offset}`, n: 1 } }));
      const record = { key: null, value, headers: new Map<string, Uint8Array>(), timestamp: 0, offset };
      return new Promise<void>((ack) => {
        const moved = {
          partition,
          after: after < 0 ? beginning : decimal(after),
          through: { through: offset, witness: 'ours' },
        };
        const delivery = { type: 'delivery', topic: 'things', records: [record], atHead, ack } as const;
        events.push({ ...delivery, ...moved, restart });
      });
    },
  };
}

const [p0, p1]: readonly [Partition, Partition] = [
  { topic: 'toy.things', partition: '0' },
  { topic: 'toy.things', partition: '1' },
];

it('I1: the answer to a start that comes late, after the partition was assigned anew, moves no cursor', async () => {
  const world = new World(1);
  const view = world.view();
  const late = gate();
  let holding: number | undefined;
  const replica = asShared(view, {
    load: async (): Promise<Stored> => {
      const stored = await view.load();
      if (holding !== undefined && holding-- === 0) await late.passed;
      return stored;
    },
  });
  const { transport, assign, revoke, start, deliver } = scripted(world);
  const pipeline = world.pipeline(replica, { transport });
  const told = listen(pipeline);
  await eventually(() => told.types().includes('snapshotEnd'));

  assign(p0);
  holding = 0;
  const first = start(p0);
  await eventually(() => holding !== 0);
  holding = undefined;
  revoke(p0);
  assign(p0);
  await start(p0);
  await deliver(p0, -1, false);
  late.open();
  await first;
  await deliver(p0, 0, true);
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  expect([...view.keys()]).toEqual(['0:0', '0:1']);
  await pipeline.stop();
  expect(told.error).toBeUndefined();
});

it('what is settled after its partition was revoked keeps nobody from being caught up', async () => {
  const world = new World(2);
  const view = world.view();
  const writing = gate();
  const go = gate();
  const replica = asShared(view, {
    apply: async (...args) => {
      writing.open();
      await go.passed;
      return view.apply(...args);
    },
  });
  const { transport, assign, revoke, start, deliver } = scripted(world);
  const pipeline = world.pipeline(replica, { transport });
  const told = listen(pipeline);
  await eventually(() => told.types().includes('snapshotEnd'));
  assign(p0, p1);
  await start(p0, p1);
  void deliver(p1, -1, false);
  await writing.passed;
  revoke(p1);
  await eventually(() => told.types().includes('revoked'));
  go.open();
  await deliver(p0, -1, true);
  await pipeline.caughtUp({ timeoutMs: 5_000 });
  await pipeline.stop();
});

it('I2: another record at the same offset was applied by somebody else: that is no repetition of ours', async () => {
  const world = new World(1);
  const view = world.view();
  const { transport, assign, start, deliver } = scripted(world);
  const pipeline = world.pipeline(asShared(view), { transport });
  const told = listen(pipeline);
  await eventually(() => told.types().includes('snapshotEnd'));
  assign(p0);
  await start(p0);
  const { term } = await view.load();
  const theirs = { through: decimal(0), witness: 'theirs' };
  await view.apply(term, [{ partition: p0, after: beginning, through: theirs, changes: [], rejected: [] }]);
  const [acknowledged, restarted] = [gate(), gate()];
  void deliver(p0, -1, true, restarted.open).then(acknowledged.open);
  await restarted.passed;
  expect(acknowledged.opened).toBe(false);
  await pipeline.stop();
});
