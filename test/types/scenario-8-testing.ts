import {
  applyTo,
  type Change,
  liveView,
  type Replica,
  type Runtime,
  type SnapshotSource,
  snapshotThenSubscribe,
  translate,
  type Transport,
  upsert,
} from '@tidemark/core';
import { Assignment, AssignmentUpdate } from './model';
import { embeddedLog } from './ports';

/** Business code as a function of its ports: what a test calls with a log in memory, and with time of its own. */
interface Ports {
  readonly snapshot: SnapshotSource;
  readonly transport: Transport<'assignments'>;
  readonly replica: Replica<Change<Assignment>>;
  readonly runtime?: Runtime | undefined;
}

const pipelineOf = ({ replica, ...ports }: Ports) =>
  snapshotThenSubscribe({
    name: 'x',
    decode: { assignments: { row: Assignment, update: AssignmentUpdate } },
    ...ports,
  }).pipe(
    translate((m) =>
      m.kind === 'row' ? upsert(m.value) : m.value.type === 'assigned' ? upsert(m.value.assignment) : [],
    ),
    applyTo(replica),
  );

export async function unit(): Promise<string | undefined> {
  const log = embeddedLog({ topics: { assignments: { partitions: 2 } } });
  const view = liveView<Assignment>({ key: ({ id }) => id });
  const runtime: Runtime = { now: () => 0, wallClock: () => 0, random: () => 0.5, sleep: async () => undefined };
  await using pipeline = pipelineOf({
    transport: log,
    snapshot: log.snapshot({ assignments: () => [] }),
    replica: view,
    runtime,
  });
  pipeline.subscribe();
  await log.publish('assignments', [{ key: '1', value: '{}' }]);
  await pipeline.caughtUp({ timeoutMs: 1_000 });
  return view.get('1')?.media;
}
