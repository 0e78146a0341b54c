import { type Lease } from './lease-store';

/** Since when each lease has stood still, as seen here. */
export class LeaseWatch {
  private seen = new Map<string, { readonly lease: Lease; readonly since: number }>();

  /**
   * The leases that have stood still for `expiryMs`. They were listed between `asked` and `answered`: a lease is as it is from
   * `answered` on at the latest, and was still so at `asked`.
   */
  expired(
    leases: readonly Lease[],
    at: { readonly asked: number; readonly answered: number },
    expiryMs: number,
  ): ReadonlySet<string> {
    const before = this.seen;
    this.seen = new Map(
      leases.map((lease) => {
        const last = before.get(lease.key);
        const still = last !== undefined && last.lease.owner === lease.owner && last.lease.counter === lease.counter;
        return [lease.key, { lease, since: still ? last.since : at.answered }];
      }),
    );
    return new Set([...this.seen].filter(([, { since }]) => at.asked - since >= expiryMs).map(([key]) => key));
  }
}
