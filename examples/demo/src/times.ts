/** The follower's times, shortened: a killed bootstrapper counts as dead after a second instead of ten. */
export const followerTimes = { takeoverMs: 1000, beatMs: 250, retryMs: 1000 } as const;
