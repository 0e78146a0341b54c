/** Holds why there is no broker; set by the run, read by its tests. */
export const missing = (variable: string): string => `${variable}_MISSING`;

/** Holds why tests can't start a broker of their own. */
export const ownMissing = (variable: string): string => `${variable}_OWN_MISSING`;
