import {
  decimal,
  FencedOut,
  type Log,
  type Offset,
  type Partition,
  type Position,
  positionToJson,
  type Settled,
  type StoredPosition,
} from '@tidemark/core';
import { eventually } from '@tidemark/testkit';
import { addressOf } from '../../../test/brokers/jest/tests';
import { clusterOf } from '../src/cluster';
import { unique } from '../../../test/brokers/kafka-topic';
import { delivering, Orders } from './orders';

let orders: Orders;
beforeEach(async () => {
  orders = await Orders.create(addressOf('kafka'), 3);
});
afterEach(() => orders.close());

const member = () => orders.log({ group: orders.group, sessionTimeoutMs: 10_000 });
const ids = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `id-${from + i}`);
const json = (stored: StoredPosition | undefined) => {
  if (stored === undefined) return undefined;
  const { partitions, ...position } = positionToJson(stored.position);
  return { ...stored, position, partitions: partitions.toSorted((a, b) => a.partition.localeCompare(b.partition)) };
};
const partition = (number: number): Partition => ({ topic: orders.topic, partition: String(number) });
const step = (of: number, after: Offset, through: string): Settled => ({
  partition: partition(of),
  after,
  through: { through: decimal(through) },
});

it('I1, I5: goes on after a restart from where it was, and Kafka sees the same offsets', async () => {
  const [seen, later]: [string[], string[]] = [[], []];
  const first = member();
  await orders.publish(first, ids(0, 60));
  const before = delivering(first, (id) => void seen.push(id));
  await before.pipeline.caughtUp({ timeoutMs: 20_000 });
  await before.pipeline.stop();
  expect(seen.toSorted()).toEqual(ids(0, 60).toSorted());
  const ends = await orders.admin.fetchTopicOffsets(orders.topic);
  expect(await orders.committed()).toEqual(ends.sort((a, b) => a.partition - b.partition).map(({ high }) => high));

  await orders.publish(first, ids(60, 90));
  await first[Symbol.asyncDispose]();
  const after = delivering(member(), (id) => void later.push(id));
  await after.pipeline.caughtUp({ timeoutMs: 20_000 });
  await after.pipeline.stop();
  expect(later.toSorted()).toEqual(ids(60, 90).toSorted());
  expect(after.told.filter(({ type }) => type === 'snapshotStart' || type === 'mustRefetch')).toEqual([]);
});

it('I5: what was handled and not saved comes again: nothing is saved before its effect', async () => {
  const log = member();
  await orders.publish(log, ['one']);
  let failing = true;
  const seen: string[] = [];
  const handle = (id: string) => {
    seen.push(id);
    if (failing) throw new Error('no');
  };
  const failed = delivering(log, handle);
  await expect(failed.pipeline.run()).rejects.toMatchObject({ code: 'HANDLER_FAILED' });
  expect(await orders.committed()).toEqual(['0', '0', '0']);
  failing = false;
  const tries = seen.length;
  const { pipeline } = delivering(member(), handle);
  await pipeline.caughtUp({ timeoutMs: 20_000 });
  await pipeline.stop();
  expect(seen).toEqual(Array.from({ length: tries + 1 }, () => 'one'));
});

describe('a position of the group', () => {
  let log: Log<'orders'>;
  let position: Position;
  beforeEach(async () => {
    log = member();
    await orders.publish(log, ids(0, 60));
    position = await log.locate('head', new AbortController().signal);
    await log.positions.reset(position, 'snapshot-1');
  });

  it('is what was reset, with its witnesses, also for who opens the group anew', async () => {
    for (const one of [log, member()])
      expect(json(await one.positions.load())).toEqual(json({ snapshotId: 'snapshot-1', position }));
    expect([...position.offsets].map(({ witness }) => typeof witness)).toEqual(['string', 'string', 'string']);
  });

  it('moves by `save`, and only from where it stands', async () => {
    const { through } = position.offsets.get(partition(0))!;
    const next = String(BigInt(through) + 5n);
    await log.positions.save('snapshot-1', [step(0, through, next)]);
    for (const wrong of [
      () => log.positions.save('snapshot-1', [step(0, through, String(BigInt(next) + 1n))]),
      () => member().positions.save('snapshot-1', [step(1, decimal('0'), '70')]),
      () => log.positions.save('snapshot-2', [step(0, decimal(next), '70')]),
    ])
      await expect(wrong()).rejects.toThrow(FencedOut);
    const stored = await member().positions.load();
    expect(stored?.position.offsets.through(partition(0))).toBe(next);
    expect(stored?.position.offsets.get(partition(1))).toEqual(position.offsets.get(partition(1)));
  });

  interface Commit {
    readonly partition: number;
    readonly offset: string;
    readonly metadata?: string | null;
  }

  /** The coordinator of groups, asked directly. */
  async function coordinated<R>(work: (coordinator: Coordinator) => Promise<R>): Promise<R> {
    const cluster = clusterOf(orders.client(), { metadataMaxAgeMs: 1_000 });
    await cluster.connect();
    try {
      return await work((await cluster.findGroupCoordinator({ groupId: orders.group })) as unknown as Coordinator);
    } finally {
      await cluster.disconnect();
    }
  }
  interface Coordinator {
    offsetFetch(ask: object): Promise<{ readonly responses: readonly { readonly partitions: readonly Commit[] }[] }>;
    offsetCommit(ask: object): Promise<unknown>;
    leaveGroup(ask: object): Promise<unknown>;
  }

  /** Another group with the same commits, changed. */
  async function copied(change: (commits: readonly Commit[]) => readonly Commit[]): Promise<Log<'orders'>> {
    const group = unique('copy');
    await coordinated(async (coordinator) => {
      const { topic } = orders;
      const asked = [0, 1, 2].map((partition) => ({ partition, offset: '-1' }));
      const { responses } = await coordinator.offsetFetch({
        groupId: orders.group,
        topics: [{ topic, partitions: asked }],
      });
      const partitions = change(responses[0]?.partitions ?? []);
      await coordinator.offsetCommit({
        groupId: group,
        groupGenerationId: -1,
        memberId: '',
        topics: [{ topic, partitions }],
      });
    });
    return orders.log({ group });
  }

  it('is there in a copy of all its commits', async () => {
    const copy = await copied((commits) => commits);
    expect(json(await copy.positions.load())).toEqual(json({ snapshotId: 'snapshot-1', position }));
  });

  it.each<[string, (commits: readonly Commit[]) => readonly Commit[]]>([
    ['a commit is missing', (commits) => commits.filter(({ partition }) => partition !== 1)],
    [
      'one is of another snapshot',
      (commits) =>
        commits.map((commit) =>
          commit.partition === 1 ? { ...commit, metadata: commit.metadata!.replace('snapshot-1', 'other') } : commit,
        ),
    ],
    [
      'somebody else has committed for a partition',
      (commits) => commits.map((commit) => (commit.partition === 1 ? { ...commit, metadata: '' } : commit)),
    ],
    [
      'somebody else keeps his own notes',
      (commits) => commits.map((commit) => ({ ...commit, metadata: '{"consumer":"c"}' })),
    ],
  ])('counts as never synchronised where %s', async (_, change) => {
    const copy = await copied(change);
    expect(await copy.positions.load()).toBeUndefined();
    await expect(copy.positions.save('snapshot-1', [step(0, decimal('0'), '1')])).rejects.toThrow(FencedOut);
  });

  it('counts as never synchronised after somebody else has set the offset of a partition that came later', async () => {
    await orders.admin.createPartitions({ topicPartitions: [{ topic: orders.topic, count: 4 }] });
    const count = () => orders.admin.fetchTopicOffsets(orders.topic).then((ends) => ends.length);
    await eventually(async () => (await count().catch(() => 0)) === 4, 'it has grown'); // it has no leader at first
    const grown = member();
    await grown.positions.load();
    await grown.positions.save('snapshot-1', [{ ...step(3, position.offsets.through(partition(3)), '7') }]);
    expect((await member().positions.load())?.position.offsets.through(partition(3))).toBe('7');
    await orders.admin.setOffsets({
      groupId: orders.group,
      topic: orders.topic,
      partitions: [{ partition: 3, offset: '3' }],
    });
    expect(await member().positions.load()).toBeUndefined();
  });

  it('I11: stays where it is when a member saves that the group has given up', async () => {
    const over = new AbortController();
    const events = log.read(() => Promise.resolve(position), over.signal);
    const reading = (async () => {
      for await (const event of events) if (event.type === 'delivery') event.ack();
    })();
    const members = async () => [...(await orders.members()).values()];
    const [memberId] = await eventually(async () => {
      const all = await members();
      return all.length === 1 ? all : undefined;
    }, 'it is a member');
    const { through } = position.offsets.get(partition(0))!;
    const next = (by: bigint) => String(BigInt(through) + by);
    await eventually(
      () =>
        log.positions.save('snapshot-1', [step(0, through, next(1n))]).then(
          () => true,
          () => false, // the group is about to be divided
        ),
      'a member saves',
    );
    const before = await orders.committed();
    await coordinated((coordinator) => coordinator.leaveGroup({ groupId: orders.group, memberId }));
    await expect(log.positions.save('snapshot-1', [step(0, decimal(next(1n)), next(2n))])).rejects.toThrow(FencedOut);
    expect(await orders.committed()).toEqual(before);
    over.abort();
    await reading;
  });

  it('I11: stays where it is when a member saves a partition that has been assigned to another one', async () => {
    const over = new AbortController();
    const follow = async (one: Log<'orders'>) => {
      for await (const event of one.read(() => Promise.resolve(position), over.signal))
        if (event.type === 'delivery') event.ack();
    };
    const reading = [follow(log)];
    await eventually(async () => (await orders.members()).size === 1, 'the first member');
    reading.push(follow(member()));
    const { through } = position.offsets.get(partition(0))!;
    const outcomes = await eventually(async () => {
      const saved = await Promise.allSettled(
        [0, 1, 2].map((of) => {
          const at = position.offsets.through(partition(of));
          return log.positions.save('snapshot-1', [step(of, at, String(at))]);
        }),
      );
      const refused = saved.flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : []));
      return refused.some((why) => why.includes('assigned to another member')) ? saved : undefined;
    }, 'a refusal');
    expect(outcomes.some(({ status }) => status === 'fulfilled')).toBe(true);
    expect((await log.positions.load())?.position.offsets.through(partition(0))).toBe(through);
    over.abort();
    await Promise.all(reading);
  });

  it('I11: stays where it is when somebody saves who is no member while others are', async () => {
    const stranger = member();
    await stranger.positions.load();
    const over = new AbortController();
    const events = log.read(() => Promise.resolve(position), over.signal)[Symbol.asyncIterator]();
    await events.next();
    const before = await orders.committed();
    const { through } = position.offsets.get(partition(0))!;
    await expect(
      stranger.positions.save('snapshot-1', [step(0, through, String(BigInt(through) + 1n))]),
    ).rejects.toThrow(FencedOut);
    expect(await orders.committed()).toEqual(before);
    over.abort();
    while ((await events.next()).done !== true);
  });
});
