import {
  before,
  type Entry,
  FencedOut,
  following,
  InvalidConfiguration,
  type KeptLetter,
  type Mark,
  OffsetMap,
  type Partition,
  partitionKey,
  type Position,
  type PositionStore,
  type Settled,
  showPartition,
  type Source,
  type StoredPosition,
} from '@tidemark/core';
import { type Cluster } from 'kafkajs';
import { partitionsOf } from './description';
import { type Group } from './group';
import { asUnavailable } from './kafka-error';

/** What a commit says beside its offset. */
interface Note {
  readonly snapshot: string;
  /** How many partitions the snapshot's position was written for: it counts only when all of them are there. */
  readonly of: number;
  /** Written for the snapshot; otherwise the partition came later. */
  readonly first: boolean;
  readonly witness?: string | undefined;
}

/** The marks as they were last seen, written by us or by others. */
interface Known {
  readonly stored: StoredPosition;
  readonly of: number;
  readonly first: ReadonlySet<string>;
}

/** One committed offset, as `offsetFetch` answers and `offsetCommit` takes it. */
interface Commit {
  readonly partition: number;
  /** Of the next record. */
  readonly offset: string;
  readonly metadata?: string | null;
}

/**
 * Positions kept by the group, in its committed offsets, where Kafka's own tools see the lag. At-least-once: Kafka compares no
 * offsets when it commits, so what protects them is the membership (KIP-62's generation) and what this process last saw of them.
 */
export class GroupPositions implements PositionStore {
  private known: Known | undefined;
  private saving: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly cluster: Cluster,
    private readonly topics: readonly string[],
    private readonly group: Group,
    private readonly identify: () => Promise<Source>,
  ) {}

  private get groupId(): string {
    return this.group.id;
  }

  async load(): Promise<StoredPosition | undefined> {
    const source = await this.identify();
    this.known = knownOf(source, await this.committed());
    return this.known?.stored;
  }

  async reset(position: Position, snapshotId: string): Promise<void> {
    await this.identify(); // the partitions that there are
    const entries = this.topics.flatMap((topic) =>
      partitionsOf(this.cluster, topic).map(({ partition }) => ({ topic, partition: String(partition) })),
    );
    const first = new Set(entries.map(partitionKey));
    const mark = (partition: Partition): Mark => ({
      through: position.offsets.through(partition),
      witness: position.offsets.get(partition)?.witness,
    });
    await this.commit(
      entries.map((partition) => [partition, mark(partition)]),
      { snapshot: snapshotId, of: first.size, first: true },
    );
    this.known = { stored: { position, snapshotId }, of: first.size, first };
  }

  /** One after the other: a commit must be known to the next. */
  save(snapshotId: string, advances: readonly Settled[]): Promise<void> {
    const saved = this.saving.then(() => this.saveNow(snapshotId, advances));
    this.saving = saved.catch(() => undefined);
    return saved;
  }

  letters(): Promise<readonly KeptLetter[]> {
    return Promise.resolve([]);
  }

  forget(): Promise<boolean> {
    return Promise.resolve(false);
  }

  private async saveNow(snapshotId: string, advances: readonly Settled[]): Promise<void> {
    if (advances.some(({ rejected = [] }) => rejected.length > 0))
      throw new InvalidConfiguration(
        `the offsets of group ${this.groupId} keep no dead letters; store positions elsewhere, or skip poison`,
      );
    if (this.known === undefined) await this.load();
    const { known } = this;
    if (known?.stored.snapshotId !== snapshotId)
      throw new FencedOut(`group ${this.groupId} belongs to another snapshot: somebody has bootstrapped since`);
    let { offsets } = known.stored.position;
    for (const { partition, after, through } of advances) {
      const stands = offsets.through(partition);
      if (stands !== after)
        throw new FencedOut(`group ${this.groupId}: ${showPartition(partition)} stands at ${stands}, not at ${after}`);
      if (this.group.isElsewhere(partition))
        throw new FencedOut(`group ${this.groupId}: ${showPartition(partition)} has been assigned to another member`);
      offsets = offsets.with(partition, through);
    }
    for (const first of [true, false]) {
      const ours = advances.filter(({ partition }) => known.first.has(partitionKey(partition)) === first);
      if (ours.length === 0) continue;
      await this.commit(
        ours.map(({ partition, through }) => [partition, through]),
        { snapshot: snapshotId, of: known.of, first },
      );
    }
    this.known = { ...known, stored: { snapshotId, position: { ...known.stored.position, offsets } } };
  }

  private async committed(): Promise<readonly { readonly topic: string; readonly partitions: readonly Commit[] }[]> {
    try {
      const coordinator = await this.cluster.findGroupCoordinator({ groupId: this.groupId });
      const topics = this.topics.map((topic) => ({
        topic,
        partitions: partitionsOf(this.cluster, topic).map(({ partition }) => ({ partition, offset: '-1' })),
      }));
      return (await coordinator.offsetFetch({ groupId: this.groupId, topics })).responses;
    } catch (error) {
      throw asUnavailable(error, `the offsets of group ${this.groupId} can't be read`);
    }
  }

  /** As a member where we are one; otherwise, while nobody is. */
  private async commit(marks: readonly (readonly [Partition, Mark])[], note: Omit<Note, 'witness'>): Promise<void> {
    const commits = marks.map(([{ topic, partition }, { through, witness }]) => ({
      topic,
      partition: Number(partition),
      offset: following(through),
      metadata: JSON.stringify({ ...note, witness }),
    }));
    try {
      if (await this.group.commit(commits)) return;
      const coordinator = await this.cluster.findGroupCoordinator({ groupId: this.groupId });
      const topics = this.topics.map((topic) => ({ topic, partitions: commits.filter((c) => c.topic === topic) }));
      const asNobody = { groupId: this.groupId, groupGenerationId: -1, memberId: '', topics };
      await coordinator.offsetCommit(asNobody);
    } catch (error) {
      if (!isFenced(error)) throw asUnavailable(error, `group ${this.groupId} can't be committed to`);
      const why = 'this instance is no member of it now, or others are: they read by other positions';
      throw new FencedOut(`group ${this.groupId} refuses the commit: ${why}`, { cause: error });
    }
  }
}

/** Of a log that joins no group. */
export const noPositions: PositionStore = {
  load: () => Promise.reject(noGroup()),
  reset: () => Promise.reject(noGroup()),
  save: () => Promise.reject(noGroup()),
  letters: () => Promise.reject(noGroup()),
  forget: () => Promise.reject(noGroup()),
};

const noGroup = () =>
  new InvalidConfiguration('kafkaLog keeps positions in its group: give it a `group`, or keep them elsewhere');

/** `undefined` unless every partition of one snapshot's position is there, and nobody else has committed anything. */
function knownOf(
  source: Source,
  committed: readonly { readonly topic: string; readonly partitions: readonly Commit[] }[],
): Known | undefined {
  const entries: Entry[] = [];
  const notes: Note[] = [];
  const first = new Set<string>();
  for (const { topic, partitions } of committed)
    for (const { partition: number, offset, metadata } of partitions) {
      if (offset.startsWith('-')) continue; // nothing is committed
      const note = noteFrom(metadata);
      if (note === undefined) return undefined;
      const partition = { topic, partition: String(number) };
      entries.push({ ...partition, through: before(offset), witness: note.witness });
      notes.push(note);
      if (note.first) first.add(partitionKey(partition));
    }
  const [one] = notes;
  if (one === undefined) return undefined;
  const { snapshot, of } = one;
  if (first.size !== of || notes.some((note) => note.snapshot !== snapshot)) return undefined;
  return {
    stored: { snapshotId: snapshot, position: { source, offsets: OffsetMap.from('decimal', entries) } },
    of,
    first,
  };
}

/** What somebody else committed has no note of ours. */
function noteFrom(metadata: string | null | undefined): Note | undefined {
  if (metadata === null || metadata === undefined || metadata === '') return undefined;
  try {
    const note = JSON.parse(metadata) as Partial<Note> | null;
    return typeof note?.snapshot === 'string' && typeof note.of === 'number' && typeof note.first === 'boolean'
      ? (note as Note)
      : undefined;
  } catch {
    return undefined;
  }
}

const isFenced = (error: unknown): boolean =>
  ['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'REBALANCE_IN_PROGRESS', 'FENCED_INSTANCE_ID'].includes(typeOf(error));

/** The broker's error code, also of the error that kafkajs gave up retrying. */
function typeOf(error: unknown): string {
  const { type, cause } = error as { readonly type?: string; readonly cause?: { readonly type?: string } };
  return type ?? cause?.type ?? '';
}
