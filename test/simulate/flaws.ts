import {
  type Applied,
  type Batch,
  type Bootstrap,
  decimal,
  following,
  OffsetMap,
  type Replica,
  type Snapshot,
  type SnapshotSource,
  type Transport,
  type TransportEvent,
} from '@tidemark/core';
import { type SimulatedInstance } from '@tidemark/testkit';
import { type AccountChange } from './accounts';
import { DurableReplica, type Handlers } from './durable-replica';
import { memoryStore, type Store, type Wrap } from './scenarios';

type Instance = SimulatedInstance<'deposits'>;

/** A planted mistake: the simulator must see it, or nobody knows that it can see. */
export interface Flaw {
  readonly what: string;
  readonly store?: (() => Store) | undefined;
  readonly wrap?: Wrap | undefined;
}

/** No term is compared, nor where a batch begins. */
class Unfenced extends DurableReplica<AccountChange> {
  override async apply(_: number, batches: readonly Batch<AccountChange>[]): Promise<readonly Applied[]> {
    return batches.map((batch) => {
      const after = this.row.position?.offsets.through(batch.partition) ?? batch.after;
      return this.applyBatch({ ...batch, after });
    });
  }
}

/** Rows and position are written one after the other, by whoever wraps it; this one hands its handlers out. */
class Open extends DurableReplica<AccountChange> {
  get rows(): Handlers<AccountChange> {
    return this.handlers;
  }
}

type Written = (
  instance: Instance,
  rows: Handlers<AccountChange>,
  replica: Replica<AccountChange>,
) => Replica<AccountChange>;

/** What a process does with the replica, in more than one transaction. */
const writing =
  (written: Written): Wrap =>
  (instance) => ({
    ...instance,
    replica: <C>(replica: Replica<C>) => {
      const rows = (replica as unknown as Open).rows;
      const stepped = instance.replica(replica) as unknown as Replica<AccountChange>;
      return { ...stepped, ...written(instance, rows, stepped) } as unknown as Replica<C>;
    },
  });

const withoutChanges = (batches: readonly Batch<AccountChange>[]) =>
  batches.map((batch) => ({ ...batch, changes: [] }));

const rowsOf = (instance: Instance, rows: Handlers<AccountChange>, batches: readonly Batch<AccountChange>[]) =>
  instance.step('rows', () => {
    for (const { changes } of batches) for (const change of changes) rows.apply(change);
  });

const snapshots =
  (open: (source: SnapshotSource, instance: Instance) => SnapshotSource): Wrap =>
  (instance) => ({ ...instance, snapshot: open(instance.snapshot, instance) });

const reading =
  (read: (transport: Transport<'deposits'>) => Partial<Transport<'deposits'>>): Wrap =>
  (instance) => ({ ...instance, log: { ...instance.log, ...read(instance.log) } });

async function* mapped(
  events: AsyncIterable<TransportEvent<'deposits'>>,
  map: (event: TransportEvent<'deposits'>) => TransportEvent<'deposits'>,
): AsyncGenerator<TransportEvent<'deposits'>, void, undefined> {
  for await (const event of events) yield map(event);
}

const openStore = () => memoryStore(Open);

export const flaws: { readonly [Name in string]: Flaw } = {
  M1: {
    what: 'the rows are written first, the position in another transaction',
    store: openStore,
    wrap: writing((instance, rows, replica) => ({
      ...replica,
      apply: async (term, batches) => {
        await rowsOf(instance, rows, batches);
        return replica.apply(term, withoutChanges(batches));
      },
    })),
  },
  M2: {
    what: 'the position of a snapshot is read as the next record, not as the last one included',
    wrap: snapshots((source) => ({
      open: async (request) => {
        const snapshot = await source.open(request);
        const { offsets } = snapshot.position;
        const entries = [...offsets].map(({ topic, partition, through }) =>
          /^[1-9]/.test(through)
            ? { topic, partition, through: decimal(Number(through) - 1) }
            : { topic, partition, through },
        );
        return { ...snapshot, position: { ...snapshot.position, offsets: OffsetMap.from(offsets.order, entries) } };
      },
    })),
  },
  M3: {
    what: "A's rows are read first, the position after",
    wrap: snapshots((source, { runtime }) => ({
      open: async (request): Promise<Snapshot> => {
        const { chunks, count } = await source.open({ ...request, resume: undefined });
        await runtime.sleep(200, request.signal);
        const { id, position, scope } = await source.open({ ...request, resume: undefined });
        return { id, position, scope, chunks, count };
      },
    })),
  },
  M4: {
    what: 'what the log holds at the start is skipped: reading begins at the latest',
    wrap: reading((transport) => ({
      read: (start, signal) => {
        const fresh = new Set<string>();
        const begun = transport.read(async (assigned) => {
          const position = await start(assigned);
          for (const { partition } of assigned) fresh.add(partition);
          return position;
        }, signal);
        return mapped(begun, (event) =>
          event.type === 'delivery' && fresh.delete(event.partition.partition) ? { ...event, records: [] } : event,
        );
      },
    })),
  },
  M5: { what: 'the replica compares neither terms nor where a batch begins', store: () => memoryStore(Unfenced) },
  M6: {
    what: 'what retention has removed is skipped in silence',
    wrap: reading((transport) => ({
      verify: async (position, signal) => {
        const { partitions } = await transport.verify(position, signal);
        return {
          partitions: partitions.map((one) => (one.verdict === 'expired' ? { ...one, verdict: 'ok' as const } : one)),
        };
      },
      read: (start, signal) =>
        mapped(transport.read(start, signal), (event) => {
          if (event.type !== 'lost' || event.reason !== 'expired') return event;
          const { partition, at, restart } = event;
          const moved = { partition, after: at, through: { through: following(at) }, records: [], atHead: false };
          return { type: 'delivery', topic: 'deposits', ...moved, ack: restart, restart };
        }),
    })),
  },
  M7: {
    what: 'the position is written first, the rows in another transaction',
    store: openStore,
    wrap: writing((instance, rows, replica) => ({
      ...replica,
      apply: async (term, batches) => {
        const answers = await replica.apply(term, withoutChanges(batches));
        await rowsOf(
          instance,
          rows,
          batches.filter((_, i) => answers[i] === 'applied'),
        );
        return answers;
      },
    })),
  },
  M8: {
    what: "a snapshot's rows are shown first, its position in another transaction",
    store: openStore,
    wrap: writing((instance, rows, replica) => ({
      ...replica,
      take: async (seen, into) => {
        const bootstrap = await replica.take(seen, into);
        const staged: AccountChange[] = [];
        const shown: Bootstrap<AccountChange> = {
          ...bootstrap,
          stage: async (changes, token) => {
            await bootstrap.stage(changes, token);
            staged.push(...changes);
          },
          discard: async () => {
            await bootstrap.discard();
            staged.length = 0;
          },
          swap: async (position, lost) => {
            await instance.step('rows', () => {
              rows.clear();
              for (const change of staged) rows.apply(change);
            });
            return bootstrap.swap(position, lost);
          },
        };
        return shown;
      },
    })),
  },
};
