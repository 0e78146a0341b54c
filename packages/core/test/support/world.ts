import * as t from 'io-ts';
import {
  applyTo,
  type Change,
  liveView,
  type Pipeline,
  type Poison,
  remove,
  type Replica,
  type SnapshotSource,
  snapshotThenSubscribe,
  type SnapshotThenSubscribeOptions,
  type Sync,
  type SyncEvent,
  translate,
  type Transport,
  upsert,
} from '@tidemark/core';
import { stopped } from './stopped';
import { ToyLog } from './toy-log';

export const Thing = t.type({ id: t.string, n: t.number });
export type Thing = t.TypeOf<typeof Thing>;
const Update = t.union([t.type({ set: Thing }), t.type({ gone: t.string })]);

/** Everything that production waits seconds for, in milliseconds. */
export const times = {
  takeoverMs: 100,
  beatMs: 20,
  watchMs: 20,
  aheadMs: 100,
  stuckMs: 100,
  headroomMs: 5,
  retryMs: 50,
};

/** Service A: its state, its log, and the two always changed together. Thing `id` lives in partition `id % partitions`. */
export class World {
  readonly log: ToyLog;
  readonly state = new Map<string, Thing>();

  constructor(partitions = 2) {
    this.log = new ToyLog(partitions);
  }

  set(id: number, n: number): void {
    this.state.set(String(id), { id: String(id), n });
    this.log.append(id % this.log.partitions, { set: { id: String(id), n } });
  }

  remove(id: number): void {
    this.state.delete(String(id));
    this.log.append(id % this.log.partitions, { gone: String(id) });
  }

  /** An honest snapshot: rows and position of the same moment. */
  snapshot(): SnapshotSource {
    return this.log.snapshot(() => [...this.state.values()]);
  }

  view() {
    return liveView<Thing>({ key: (thing) => thing.id });
  }

  pipeline(
    replica: Replica<Change<Thing>>,
    options: {
      readonly snapshot?: SnapshotSource;
      readonly transport?: Transport<'things'>;
      readonly onPoison?: Poison;
    } & Pick<
      SnapshotThenSubscribeOptions<never>,
      'version' | 'onMustRefetch' | 'onUnknownPosition' | 'snapshotAttempts' | 'scope' | 'runtime' | 'times'
    > = {},
  ) {
    const { onPoison, ...rest } = options;
    return stopped(
      this.source(rest).pipe(
        translate((m) =>
          m.kind === 'row' ? upsert(m.value) : 'set' in m.value ? upsert(m.value.set) : remove(m.value.gone),
        ),
        applyTo(replica, { onPoison }),
      ),
    );
  }

  /** The same messages for a terminal with effects of its own. */
  calls(terminal: (source: Sync<Thing | { readonly gone: string }>) => Pipeline<Thing | { readonly gone: string }>) {
    return stopped(
      this.source().pipe(
        translate((m) => (m.kind === 'row' ? m.value : 'set' in m.value ? m.value.set : { gone: m.value.gone })),
        terminal,
      ),
    );
  }

  source(
    options: Partial<Omit<SnapshotThenSubscribeOptions<never>, 'transport'>> & { transport?: Transport<'things'> } = {},
  ) {
    return snapshotThenSubscribe({
      name: 'things',
      snapshot: this.snapshot(),
      transport: this.log.transport(),
      times,
      ...options,
      decode: { things: { row: Thing, update: Update } },
    });
  }
}

/** The replica as one that several processes could share, some of its calls replaced. */
export const asShared = <C>(replica: Replica<C>, over: Partial<Replica<C>> = {}): Replica<C> => ({
  shared: true,
  load: () => replica.load(),
  take: (...args) => replica.take(...args),
  apply: (...args) => replica.apply(...args),
  amend: (...args) => replica.amend(...args),
  letters: (...args) => replica.letters(...args),
  pause: (...args) => replica.pause(...args),
  ...over,
});

/** What a pipeline tells, and the error that it ends with, if it does. */
export function listen<M>(pipeline: {
  subscribe(o: { next(e: SyncEvent<M>): void; error(e: unknown): void }): unknown;
}) {
  const heard = {
    events: [] as SyncEvent<M>[],
    error: undefined as unknown,
    types: () => heard.events.map((e) => e.type),
  };
  pipeline.subscribe({ next: (event) => heard.events.push(event), error: (error) => (heard.error = error) });
  return heard;
}

/** Awaits a condition, with a deadline. */
export async function eventually(condition: () => boolean, deadlineMs = 10_000): Promise<void> {
  const end = Date.now() + deadlineMs;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`not within ${deadlineMs} ms: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** A gate that tests open. */
export function gate() {
  let resolve: () => void = () => undefined;
  const passed = new Promise<void>((pass) => (resolve = pass));
  const one = {
    passed,
    opened: false,
    open: () => {
      one.opened = true;
      resolve();
    },
  };
  return one;
}
