/** Header fields of the Durable Streams protocol (PROTOCOL.md), and ours beside them. */
export const feedHeaders = {
  /** The offset token to ask for next: of the last record included here. */
  next: 'Stream-Next-Offset',
  /** `true`: there was nothing more when this was answered. */
  upToDate: 'Stream-Up-To-Date',
  /** `true`: there will never be more. */
  closed: 'Stream-Closed',
  /** To be echoed as `cursor` by the next live request. */
  cursor: 'Stream-Cursor',
  /** The topic's epoch, percent-encoded. */
  epoch: 'Tidemark-Epoch',
  /** Evidence of the record that stands at the offset asked for, percent-encoded. */
  witness: 'Tidemark-Witness',
  /** How many records come after these, where the log can tell: decimal digits. */
  lag: 'Tidemark-Lag',
  /** Why an answer is 410: `expired`, `ahead` or `changed`. */
  lost: 'Tidemark-Lost',
} as const;
