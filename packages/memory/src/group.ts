import { type Assignments, orAborted, type Partition, partitionKey } from '@tidemark/core';

/** One reader of a group; its place in the set of members is all that it has. */
export type Member = object;

/**
 * Members that divide the partitions: each keeps what it has as far as that is fair, and a partition is assigned elsewhere
 * only once its reader has let go of it.
 */
export class Group {
  private readonly members = new Set<Member>();
  private readonly owners = new Map<string, Member>();
  private readonly waiting = new Set<() => void>();
  private version = 0;

  /** One member's view, for `pagedTransport`: it joins at the first pull and leaves at the end. */
  readonly assignments: Assignments = (describe, signal) => this.join(describe, signal);

  /** Something has changed: every member looks again. */
  wake(): void {
    this.version++;
    for (const wake of this.waiting) wake();
  }

  private async *join(
    describe: Parameters<Assignments>[0],
    signal: AbortSignal,
  ): AsyncGenerator<{ readonly assigned: readonly Partition[]; readonly revoked: readonly Partition[] }> {
    const member: Member = {};
    const mine = new Map<string, Partition>();
    this.members.add(member);
    this.wake();
    try {
      for (let first = true; ; first = false) {
        const { version } = this;
        const { partitions } = await describe(signal);
        signal.throwIfAborted();
        const listed = new Map(partitions.map((p) => [partitionKey(p), { topic: p.topic, partition: p.partition }]));
        const fair = divide([...listed.keys()], [...this.members], this.owners);
        const revoked = [...mine].filter(([key]) => fair.get(key) !== member);
        const assigned = [...listed].filter(([key]) => fair.get(key) === member && !this.owners.has(key));
        for (const [key, partition] of assigned) {
          this.owners.set(key, member);
          mine.set(key, partition);
        }
        if (first || assigned.length > 0 || revoked.length > 0) {
          yield { assigned: assigned.map(([, p]) => p), revoked: revoked.map(([, p]) => p) };
          for (const [key] of revoked) {
            mine.delete(key);
            this.owners.delete(key);
          }
          if (revoked.length > 0) this.wake();
        } else await this.changedSince(version, signal);
      }
    } finally {
      this.members.delete(member);
      for (const key of mine.keys()) this.owners.delete(key);
      this.wake();
    }
  }

  private async changedSince(version: number, signal: AbortSignal): Promise<void> {
    if (this.version !== version) return;
    let wake: () => void = () => undefined;
    const woken = new Promise<void>((resolve) => (wake = resolve));
    this.waiting.add(wake);
    try {
      await orAborted(woken, signal);
    } finally {
      this.waiting.delete(wake);
    }
  }
}

/** Who should have each partition: owners keep theirs up to a fair share, the others fill up with the rest. */
export function divide(
  keys: readonly string[],
  members: readonly Member[],
  owners: ReadonlyMap<string, Member>,
): ReadonlyMap<string, Member> {
  const owned = (member: Member) => keys.filter((key) => owners.get(key) === member);
  const busiestFirst = [...members].sort((a, b) => owned(b).length - owned(a).length);
  const least = Math.floor(keys.length / members.length);
  const shares = busiestFirst.map((member, i) => ({
    member,
    size: least + (i < keys.length % members.length ? 1 : 0),
    keys: owned(member),
  }));
  const fair = new Map<string, Member>();
  for (const { member, size, keys: own } of shares) for (const key of own.slice(0, size)) fair.set(key, member);
  const rest = keys.filter((key) => !fair.has(key));
  for (const { member, size, keys: own } of shares)
    for (const key of rest.splice(0, Math.max(0, size - own.length))) fair.set(key, member);
  return fair;
}
