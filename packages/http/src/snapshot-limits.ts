/** What a snapshot may cost at most. Beyond it the snapshot is refused with `SnapshotRejected`, not retryable. */
export interface SnapshotLimits {
  /** Bytes of the whole body, decompressed (so that a decompression bomb is stopped). Default 64 GiB. */
  readonly maxBytes?: number | undefined;
  /** Default 1e9. */
  readonly maxRows?: number | undefined;
  /** Bytes of one frame, or of the one document of the plain form; that much is held in memory. Default 64 MiB. */
  readonly maxFrameBytes?: number | undefined;
  /** Partitions that the position names. Default 100,000. */
  readonly maxPartitions?: number | undefined;
}

export type CompleteLimits = { readonly [K in keyof SnapshotLimits]-?: NonNullable<SnapshotLimits[K]> };

export const withDefaults = (limits: SnapshotLimits | undefined): CompleteLimits => ({
  maxBytes: limits?.maxBytes ?? 64 * 2 ** 30,
  maxRows: limits?.maxRows ?? 1e9,
  maxFrameBytes: limits?.maxFrameBytes ?? 64 * 2 ** 20,
  maxPartitions: limits?.maxPartitions ?? 100_000,
});
