/**
 * How Node runs a worker. A run's objects die with it, in the young generation; none of them is worth a place in the old one from its
 * beginning.
 */
export const workerFlags = [
  '--min-semi-space-size=16',
  '--max-semi-space-size=16',
  '--no-allocation-site-pretenuring',
  '--single-threaded-gc',
];
