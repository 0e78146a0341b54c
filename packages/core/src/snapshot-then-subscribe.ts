import { type Decoders } from './decode';
import { InvalidConfiguration } from './errors';
import { type Message } from './message';
import { type Runtime, systemRuntime } from './runtime';
import { type SnapshotSource } from './snapshot';
import { type Sync, syncOf } from './sync';
import { defaultTimes, type Times } from './times';
import { type Transport } from './transport';

export interface SnapshotThenSubscribeOptions<D extends Decoders> {
  /** Names the pipeline in the replica and in errors. A replica belongs to one name. */
  readonly name: string;
  /** Change it when `translate` changes: the next start takes a new snapshot (`pipelineChanged`). */
  readonly version?: string | undefined;
  /** Which part of A's state, as A's snapshot understands it (`media=42`); absent = everything. */
  readonly scope?: string | undefined;
  readonly snapshot: SnapshotSource;
  readonly transport: Transport<keyof D & string>;
  /** One entry for each topic of the transport. */
  readonly decode: D;
  /** When the position can't be followed any more: take a new snapshot (default), or fail with `MustRefetch`. */
  readonly onMustRefetch?: 'resnapshot' | 'fail' | undefined;
  /** When the replica has rows but no position: fail with `UnknownPosition` (default), or replace them. */
  readonly onUnknownPosition?: 'fail' | 'resnapshot' | undefined;
  /**
   * The budget: snapshots asked for in vain, one after the other, before that is told as `SnapshotBudgetSpent`, a replica that
   * was taken for it is given back, and a longer pause begins; default 10.
   */
  readonly snapshotAttempts?: number | undefined;
  readonly times?: Partial<Times> | undefined;
  readonly runtime?: Runtime | undefined;
}

/**
 * All of A's state now, every change after, nothing lost, nothing twice (the paper, section 2.1): takes a snapshot that says
 * where in the log it was taken and follows the log from exactly there; later starts resume from the position reached.
 * Nothing happens before the result is run or subscribed to.
 *
 * @example see the README, or examples/media-assignments
 */
export function snapshotThenSubscribe<const D extends Decoders>(
  options: SnapshotThenSubscribeOptions<D>,
): Sync<Message<D>> {
  const { name, version, scope, snapshot, transport, decode } = options;
  const undecoded = Object.keys(transport.topics).filter((topic) => !Object.hasOwn(decode, topic));
  if (undecoded.length > 0)
    throw new InvalidConfiguration(`pipeline "${name}": no decoder for topic ${undecoded.join(', ')}`);
  return syncOf({
    name,
    version,
    scope,
    snapshot,
    transport,
    decode,
    onMustRefetch: options.onMustRefetch ?? 'resnapshot',
    onUnknownPosition: options.onUnknownPosition ?? 'fail',
    snapshotAttempts: options.snapshotAttempts ?? 10,
    times: { ...defaultTimes, ...options.times },
    runtime: options.runtime ?? systemRuntime,
    steps: [],
  });
}
