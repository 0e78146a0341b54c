import { type Lease, type LeaseStore } from '@tidemark/core';
import { type Faulty } from './sim-faults';
import { type SimHost } from './sim-host';

/** The leases of a simulated world, each write on its own condition. */
export class SimLeases {
  private readonly leases = new Map<string, Lease>();

  /** As one process sees them. */
  client(host: SimHost, faulty: Faulty): LeaseStore {
    const { leases } = this;
    const isAsSeen = (key: string, seen: Lease | undefined) => {
      const stored = leases.get(key);
      return stored?.owner === seen?.owner && stored?.counter === seen?.counter;
    };
    const write = ({ next, seen }: { readonly next: Lease; readonly seen: Lease | undefined }) => {
      if (!isAsSeen(next.key, seen)) return false;
      leases.set(next.key, next);
      return true;
    };
    return {
      list: () => host.step('leases: list', () => faulty.call(() => [...leases.values()])),
      write: (writes) => host.step('leases: write', () => faulty.call(() => writes.map(write))),
      remove: (seen) =>
        host.step('leases: remove', () => faulty.call(() => isAsSeen(seen.key, seen) && leases.delete(seen.key))),
    };
  }
}
