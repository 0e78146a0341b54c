import { type HandoffEvent, type HandoffState, isDegraded } from './handoff';
import { type Offset } from './offset';
import { type Partition, partitionKey, showPartition } from './partition';
import { type Position } from './position';

/** Keeps what `explain()` tells: why a run began where it did, partition by partition. */
export class Account {
  private replica = 'not asked yet';
  private verdicts: readonly string[] = [];
  private snapshot: string | undefined;
  private refetch: string | undefined;
  private lastTrouble: string | undefined;
  private readonly started = new Map<string, string>();

  note(event: HandoffEvent, state: HandoffState): void {
    if (event.type === 'loaded')
      this.replica = `${event.stored.state}, term ${event.stored.term}, version ${event.stored.version ?? '(none)'}`;
    if (event.type === 'verified') this.verdicts = event.partitions.map(({ verdict, why }) => `${verdict}: ${why}`);
    if (event.type === 'opened') this.snapshot = `taken at ${showOffsets(event.snapshot)}`;
    if (event.type === 'lost')
      this.verdicts = [
        ...this.verdicts,
        `${event.lost.reason}: ${showPartition(event.lost.partition)}: found while reading`,
      ];
    if (state.reason !== undefined) this.refetch = state.reason;
  }

  trouble(error: Error): void {
    this.lastTrouble = error.message;
  }

  start(partition: Partition, after: Offset, term: number): void {
    this.started.set(partitionKey(partition), `${showPartition(partition)}: after ${after}, under term ${term}`);
  }

  revoked(partitions: readonly Partition[]): void {
    for (const partition of partitions) this.started.delete(partitionKey(partition));
  }

  tell(state: HandoffState): string {
    const mode =
      this.snapshot === undefined
        ? 'FullyAutomatic: resumed from the stored position'
        : `SemiAutomatic: by a snapshot ${this.snapshot}`;
    return [
      `now: ${state.at}`,
      `replica, when last asked: ${this.replica}`,
      `start: ${this.started.size === 0 ? 'none yet' : mode}`,
      ...(this.refetch === undefined ? [] : [`a new snapshot was needed: ${this.refetch}`]),
      ...section(
        'lost, and standing still',
        state.lost.map(({ partition, reason }) => `${showPartition(partition)}: ${reason}`),
      ),
      ...(isDegraded(state) ? [`budgets of snapshots spent in vain: ${state.spent}`] : []),
      ...section('verified', this.verdicts),
      ...section('reading', [...this.started.values()]),
      ...(this.lastTrouble === undefined ? [] : [`last trouble: ${this.lastTrouble}`]),
    ].join('\n');
  }
}

const section = (title: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : [`${title}:`, ...lines.map((line) => `  ${line}`)];

const showOffsets = ({ offsets }: Position): string =>
  [...offsets].map((entry) => `${showPartition(entry)} ${entry.through}`).join(', ') || 'the beginning';
