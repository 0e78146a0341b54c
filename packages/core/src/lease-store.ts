/** Who reads a partition just now. Expiry is `counter` standing still as seen by the observer; no clocks are compared. */
export interface Lease {
  /** The partition, and the epoch of its topic where the log has one. Unique in its store. */
  readonly key: string;
  /** `undefined`: it was given back, and anybody may take it. */
  readonly owner: string | undefined;
  /** Raised by the owner at each renewal, by others when they take it. */
  readonly counter: number;
}

/** Writes `next` if the stored lease still has `seen`'s owner and counter (`undefined`: if there is none). */
export interface LeaseWrite {
  readonly next: Lease;
  readonly seen: Lease | undefined;
}

/**
 * Leases of one set of instances, with the conditional writes of KCL 2. Leases spread the work; they never protect data.
 * NOT its job: deciding who should have what, telling whether an owner lives, retrying. What may pass is rejected as
 * `Unavailable`. `leaseStoreContract` of @tidemark/testkit is the checklist.
 */
export interface LeaseStore {
  /** Every lease, each as it was at some moment during the call. */
  list(): Promise<readonly Lease[]>;
  /**
   * Each write on its own condition, whatever becomes of the others; answers in their order. False: the lease isn't as seen, and
   * nothing was written.
   */
  write(writes: readonly LeaseWrite[]): Promise<readonly boolean[]>;
  /** Removes the lease on the same condition. */
  remove(seen: Lease): Promise<boolean>;
}
