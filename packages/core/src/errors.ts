/**
 * Everything that Tidemark rejects or throws on purpose is a `SyncError`: `code` is a stable literal, `retryable` says
 * whether doing the same again can help, `cause` is what the driver or your code threw. Messages name topics, partitions and
 * offsets; they never hold a payload, a key or a secret.
 */
export abstract class SyncError extends Error {
  abstract readonly code: string;
  abstract readonly retryable: boolean;
  constructor(message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** An offset, offset map, position or `tps` from outside that is not well-formed. */
export class MalformedPosition extends SyncError {
  readonly code = 'MALFORMED_POSITION';
  readonly retryable = false;
}

/** Two positions of different logs met (I7). Comparing or joining them has no meaning. */
export class SourceMismatch extends SyncError {
  readonly code = 'SOURCE_MISMATCH';
  readonly retryable = false;
}

/** Options that can't work together, found before anything was started. */
export class InvalidConfiguration extends SyncError {
  readonly code = 'INVALID_CONFIGURATION';
  readonly retryable = false;
}

/** A record or row that its topic's decoder refuses. */
export class DecodeFailed extends SyncError {
  readonly code = 'DECODE_FAILED';
  readonly retryable = false;
}

/** A `translate` function threw. */
export class TranslateFailed extends SyncError {
  readonly code = 'TRANSLATE_FAILED';
  readonly retryable = false;
}

/** A function of yours that a replica calls threw (its error is the cause). Nothing of its transaction was kept. */
export class HandlerFailed extends SyncError {
  readonly code = 'HANDLER_FAILED';
  readonly retryable = false;
}

/** A snapshot that can't be taken over: cut off, wrong digest, wrong schema, wrong scope, too large. */
export class SnapshotRejected extends SyncError {
  readonly code = 'SNAPSHOT_REJECTED';
  /** What came before can't be trusted either (a wrong digest, a wrong count): the next one must begin anew. */
  readonly damaged: boolean;
  constructor(
    message: string,
    readonly retryable: boolean,
    options?: { readonly cause?: unknown; readonly damaged?: boolean | undefined },
  ) {
    super(message, options);
    this.damaged = options?.damaged ?? false;
  }
}

/** A snapshot was taken before the position already reached (I8). */
export class SnapshotTooOld extends SyncError {
  readonly code = 'SNAPSHOT_TOO_OLD';
  readonly retryable = true;
}

/**
 * No snapshot could be had, or none was acceptable, in as many tries as `snapshotAttempts` says (the last error is the cause).
 * Told as trouble, each time; A is asked again after a pause.
 */
export class SnapshotBudgetSpent extends SyncError {
  readonly code = 'SNAPSHOT_BUDGET_SPENT';
  readonly retryable = true;
}

/** The replica's position can't be followed any more, and `onMustRefetch` is `'fail'`. */
export class MustRefetch extends SyncError {
  readonly code = 'MUST_REFETCH';
  readonly retryable = false;
  constructor(
    readonly reason: string,
    message: string,
  ) {
    super(message);
  }
}

/** The replica holds rows but no position: nobody can tell which updates they include (`onUnknownPosition: 'fail'`). */
export class UnknownPosition extends SyncError {
  readonly code = 'UNKNOWN_POSITION';
  readonly retryable = false;
}

/** The replica's term or state refused a write: another instance has bootstrapped since (I11). Never retried. */
export class FencedOut extends SyncError {
  readonly code = 'FENCED_OUT';
  readonly retryable = false;
}

/** `take` lost its compare-and-set: somebody else changed the replica's term or state first. */
export class TakeLost extends SyncError {
  readonly code = 'TAKE_LOST';
  readonly retryable = true;
}

/** The replica belongs to another pipeline name. */
export class ReplicaBoundElsewhere extends SyncError {
  readonly code = 'REPLICA_BOUND_ELSEWHERE';
  readonly retryable = false;
}

/** An instance that was running met another pipeline version in its replica: a newer deployment took over. */
export class PipelineSuperseded extends SyncError {
  readonly code = 'PIPELINE_SUPERSEDED';
  readonly retryable = false;
}

/** What was waited for can't come any more: the pipeline failed or was stopped. */
export class PipelineEnded extends SyncError {
  readonly code = 'PIPELINE_ENDED';
  readonly retryable = false;
}

/** A transport broke its contract: a gap, a regression or a delivery that nobody asked for. */
export class TransportFault extends SyncError {
  readonly code = 'TRANSPORT_FAULT';
  readonly retryable = false;
}

/** No dead letter of this id is kept: it was replayed or discarded already, or there never was one. */
export class DeadLetterGone extends SyncError {
  readonly code = 'DEAD_LETTER_GONE';
  readonly retryable = false;
}

/** The SDK found itself in a state that its rules exclude: a defect in Tidemark or in an adapter; please report it. */
export class BrokenInvariant extends SyncError {
  readonly code = 'BROKEN_INVARIANT';
  readonly retryable = false;
}

/** A replica or handler hasn't settled for `stuckMs`; the text names where. It is waited for all the same. */
export class EffectStuck extends SyncError {
  readonly code = 'EFFECT_STUCK';
  readonly retryable = true;
}

/** A transport, snapshot source or replica can't be reached just now. */
export class Unavailable extends SyncError {
  readonly code = 'UNAVAILABLE';
  readonly retryable = true;
}

/**
 * The TLS identity of the other side, or our own, was refused: an authority, a name, a pin or a service identity that doesn't
 * match. Nothing was sent or read. `retryable` only where a certificate has expired or isn't valid yet, which its owner renews.
 */
export class IdentityRefused extends SyncError {
  readonly code = 'IDENTITY_REFUSED';
  constructor(
    message: string,
    readonly retryable: boolean,
  ) {
    super(message);
  }
}

/** A wait or a stop ran past its deadline. */
export class DeadlineExceeded extends SyncError {
  readonly code = 'DEADLINE_EXCEEDED';
  readonly retryable = true;
}
