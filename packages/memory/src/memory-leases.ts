import { type Lease, type LeaseStore } from '@tidemark/core';

/** Leases in this process's memory: for several instances in one process, as tests and simulations have them. */
export function memoryLeases(): LeaseStore {
  const leases = new Map<string, Lease>();
  const isAsSeen = (key: string, seen: Lease | undefined): boolean => {
    const stored = leases.get(key);
    return stored?.owner === seen?.owner && stored?.counter === seen?.counter;
  };
  return {
    list: () => Promise.resolve([...leases.values()]),
    write: (writes) =>
      Promise.resolve(
        writes.map(({ next: { key, owner, counter }, seen }) => {
          if (!isAsSeen(key, seen)) return false;
          leases.set(key, { key, owner, counter });
          return true;
        }),
      ),
    remove: (seen) => Promise.resolve(isAsSeen(seen.key, seen) && leases.delete(seen.key)),
  };
}
