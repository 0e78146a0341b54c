import * as t from 'io-ts';
import { applyTo, liveView, remove, snapshotThenSubscribe, translate, upsert, type SyncEvent } from '@tidemark/core';
import { ToyLog } from './support/toy-log';

const Thing = t.type({ id: t.string, n: t.number });
type Thing = t.TypeOf<typeof Thing>;
const Update = t.union([t.type({ set: Thing }), t.type({ gone: t.string })]);

const times = { takeoverMs: 100, beatMs: 20, watchMs: 20, aheadMs: 100, retryMs: 50 };

function a(partitions = 2) {
  const log = new ToyLog(partitions);
  const state = new Map<string, Thing>();
  const set = (id: string, n: number) => {
    state.set(id, { id, n });
    log.append(Number(id) % partitions, { set: { id, n } });
  };
  const gone = (id: string) => {
    state.delete(id);
    log.append(Number(id) % partitions, { gone: id });
  };
  return { log, state, set, gone };
}

function pipelineOf({ log, state }: ReturnType<typeof a>) {
  const view = liveView<Thing>({ key: (thing) => thing.id });
  const pipeline = snapshotThenSubscribe({
    name: 'things',
    snapshot: log.snapshot(() => [...state.values()]),
    transport: log.transport(),
    decode: { things: { row: Thing, update: Update } },
    times,
  }).pipe(
    translate((m) => (m.kind === 'row' ? upsert(m.value) : 'set' in m.value ? upsert(m.value.set) : remove(m.value.gone))),
    applyTo(view),
  );
  return { view, pipeline };
}

const eventually = async (condition: () => boolean, ms = 3000) => {
  const end = Date.now() + ms;
  while (!condition()) {
    if (Date.now() > end) throw new Error('not within the deadline');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
};

it('takes the snapshot, then follows', async () => {
  const world = a();
  world.set('1', 1);
  world.set('2', 2);
  const { view, pipeline } = pipelineOf(world);
  const events: SyncEvent<unknown>[] = [];
  pipeline.subscribe((event) => events.push(event));
  await pipeline.caughtUp({ timeoutMs: 3000 });
  expect(new Map(view)).toEqual(world.state);
  world.set('1', 10);
  world.gone('2');
  world.set('3', 3);
  await eventually(() => view.get('3') !== undefined && !view.has('2') && view.get('1')?.n === 10);
  await pipeline.stop();
  console.log(events.map((e) => e.type).join(' '));
});

it.each(['expired', 'changed', 'ahead'])('takes a new snapshot when the position is %s', async (reason) => {
  const world = a();
  for (let i = 0; i < 10; i++) world.set(String(i), i);
  const { view, pipeline } = pipelineOf(world);
  const events: SyncEvent<unknown>[] = [];
  pipeline.subscribe({ next: (event) => events.push(event), error: (e) => console.log('ERR', e) });
  await pipeline.caughtUp({ timeoutMs: 3000 });
  if (reason === 'changed') world.log.recreate();
  if (reason === 'ahead') world.log.shorten(0, 2);
  if (reason === 'expired') {
    world.log.down = new Error('down');
    for (let i = 0; i < 10; i++) world.set(String(i), i * 2);
    world.log.trim(0, 1);
    world.log.down = undefined;
  }
  if (reason !== 'ahead') world.set('77', 1);
  await eventually(() => events.some((e) => e.type === 'mustRefetch' && e.reason === reason));
  await eventually(() => events.filter((e) => e.type === 'caughtUp').length === 2);
  world.set('78', 2);
  await eventually(() => view.has('78'));
  expect(new Map(view)).toEqual(world.state);
  console.log(events.map((e) => e.type).join(' '));
  await pipeline.stop();
});
