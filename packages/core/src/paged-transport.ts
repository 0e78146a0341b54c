import { InvalidConfiguration } from './errors';
import { type Assignments, type PagedLog } from './paged-log';
import { PagedReader } from './paged-reader';
import { type Runtime, systemRuntime } from './runtime';
import { type ShareOptions, shared } from './share';
import { type Transport } from './transport';
import { judgeAll } from './verify';

export interface PagedTransportOptions {
  /** Which partitions this reader has; all of them unless given. Giving it makes the transport's `reads` `'share'`. */
  readonly assignments?: Assignments | undefined;
  /** Divides the partitions among instances by leases, where the log has no groups of its own: `reads` becomes `'share'`. */
  readonly share?: ShareOptions | undefined;
  /** Bytes of keys and values handed over or fetched ahead, all partitions together; default 16 MiB. */
  readonly maxInFlight?: number | undefined;
  /** How long to wait at the head when `page` answers at once, in milliseconds; default 50. */
  readonly pollMs?: number | undefined;
  /** How often the log is described anew, in milliseconds; default 1000. */
  readonly describeMs?: number | undefined;
  /** How often a partition that idles at its head says so again, in milliseconds; default 30,000. */
  readonly idleMs?: number | undefined;
  readonly runtime?: Runtime | undefined;
}

/**
 * A transport of any log that can be read by pages. It verifies at each start and on every page, keeps one delivery per
 * partition out and one page fetched ahead, retries what is retryable, and finds new partitions.
 *
 * @example see `examples/own-transport` and docs/guides/writing-a-transport.md
 */
export function pagedTransport<Topic extends string>(
  log: PagedLog<Topic>,
  options: PagedTransportOptions = {},
): Transport<Topic> {
  const topics = Object.values<string>(log.topics);
  const assignments = assignmentsOf(options);
  const read = {
    assignments,
    maxInFlight: options.maxInFlight ?? 16 * 1024 * 1024,
    pollMs: options.pollMs ?? 50,
    describeMs: options.describeMs ?? 1_000,
    idleMs: options.idleMs ?? 30_000,
    runtime: options.runtime ?? systemRuntime,
  };
  return {
    kind: log.kind,
    topics: log.topics,
    reads: assignments === undefined ? 'all' : 'share',
    identify: async (signal) => (await log.describe(signal)).source,
    verify: async (position, signal) => ({ partitions: judgeAll(position, await log.describe(signal), topics) }),
    read: (start, signal) => new PagedReader(log, read, start, signal).events(),
  };
}

/** Throws `InvalidConfiguration` where the options can't go together. */
function assignmentsOf({
  assignments,
  share,
  describeMs = 1_000,
  runtime = systemRuntime,
}: PagedTransportOptions): Assignments | undefined {
  if (share === undefined) return assignments;
  if (assignments !== undefined)
    throw new InvalidConfiguration('pagedTransport: give `assignments` or `share`, not both');
  return shared(share, { runtime, describeMs });
}
