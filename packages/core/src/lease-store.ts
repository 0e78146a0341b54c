/** Who reads a partition just now. Expiry is `counter` standing still as seen by the observer; no clocks are compared. */
export interface Lease {
  /** The partition, and the epoch of its topic where the log has one. */
  readonly key: string;
  readonly owner: string | undefined;
  /** Raised by the owner at each renewal, by others when they take it. */
  readonly counter: number;
}

/** Conditional writes on (owner, counter), as KCL 2 uses them. Leases spread the work; they never protect data. */
export interface LeaseStore {
  list(): Promise<readonly Lease[]>;
  /** Writes `next` if the stored lease still has `seen`'s owner and counter (`undefined`: if there is none). False: it hasn't. */
  write(next: Lease, seen: Lease | undefined): Promise<boolean>;
  /** Removes the lease on the same condition. */
  remove(seen: Lease): Promise<boolean>;
}
