import { type Assignments } from './paged-log';
import { type Partition, partitionKey } from './partition';
import { type Runtime } from './runtime';

/** The default assignments: all partitions, new ones when they appear, none that have disappeared. */
export const everyPartition = ({
  runtime,
  describeMs,
}: {
  readonly runtime: Runtime;
  readonly describeMs: number;
}): Assignments =>
  async function* (describe, signal) {
    let known = new Map<string, Partition>();
    for (let first = true; !signal.aborted; first = false) {
      const { partitions } = await describe(signal);
      const listed = new Map(partitions.map((p) => [partitionKey(p), { topic: p.topic, partition: p.partition }]));
      const assigned = [...listed].filter(([key]) => !known.has(key)).map(([, p]) => p);
      const revoked = [...known].filter(([key]) => !listed.has(key)).map(([, p]) => p);
      known = listed;
      if (first || assigned.length > 0 || revoked.length > 0) yield { assigned, revoked };
      await runtime.sleep(describeMs, signal);
    }
  };
