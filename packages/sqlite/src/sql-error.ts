import { InvalidConfiguration, Unavailable } from '@tidemark/core';

/** What drivers shaped like `node:sqlite` throw. */
interface DriverError {
  readonly code: string;
  /** SQLite's extended result code: https://sqlite.org/rescode.html */
  readonly errcode?: number | undefined;
}

/** A `SyncError` for what the driver threw while `doing` something; anything else comes back as it is. */
export function asSyncError(error: unknown, doing: string): unknown {
  if (!isDriverError(error)) return error;
  const result = (error.errcode ?? 0) & 0xff;
  if (result === SQLITE_CONSTRAINT || result === SQLITE_MISMATCH)
    return new InvalidConfiguration(
      `${doing}: the table refuses a row (see cause); its constraints must allow every row`,
      {
        cause: error,
      },
    );
  if (result === SQLITE_BUSY)
    return new Unavailable(`${doing}: the database stayed locked longer than its busy timeout`, { cause: error });
  if (result === SQLITE_FULL) return new Unavailable(`${doing}: the disk is full`, { cause: error });
  return new Unavailable(`${doing}: SQLite failed (see cause); nothing was changed`, { cause: error });
}

/** `BEGIN` inside a transaction. SQLite has no result code of its own for it. */
export const isNested = (error: unknown): boolean =>
  isDriverError(error) && 'message' in error && String(error.message).includes('within a transaction');

const isDriverError = (error: unknown): error is DriverError =>
  typeof error === 'object' &&
  error !== null &&
  'code' in error &&
  (error.code === 'ERR_SQLITE_ERROR' || error.code === 'ERR_INVALID_STATE');

const SQLITE_BUSY = 5;
const SQLITE_FULL = 13;
const SQLITE_CONSTRAINT = 19;
const SQLITE_MISMATCH = 20;
