import { type LossReason, TransportFault } from '@tidemark/core';
import { feedHeaders } from './feed-headers';
import { type Answer } from './feed-request';

/** What one read of a stream brought: messages, and the token to ask for next. */
export interface Chunk {
  readonly messages: readonly unknown[];
  readonly next: string;
  readonly upToDate: boolean;
  /** There will never be more than this. */
  readonly closed: boolean;
  readonly epoch?: string | undefined;
  readonly witness?: string | undefined;
  readonly lag?: bigint | undefined;
}

/** 404 and 410 say that the stream, or this place in it, isn't there. The body is discarded then. */
export function lossOf(answer: Answer): LossReason | undefined {
  if (answer.status !== 404 && answer.status !== 410) return undefined;
  answer.discard();
  if (answer.status === 404) return 'unknown';
  const reason = answer.headers.get(feedHeaders.lost);
  return reason === 'ahead' || reason === 'changed' ? reason : 'expired';
}

/** A token as it came from a server. Throws {@link TransportFault} for none, or one that no header would hold twice. */
export function tokenFrom(value: unknown, where: string): string {
  if (typeof value !== 'string' || value === '' || value.length > 8_192 || value === '-1' || value === 'now')
    throw new TransportFault(`${where} doesn't say at which offset to go on (${feedHeaders.next})`);
  return value;
}

/** A number of records as it came from a server. */
export function lagFrom(value: unknown, where: string): bigint | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string' || !/^[0-9]{1,30}$/.test(value))
    throw new TransportFault(`${where}: the lag is no number`);
  return BigInt(value);
}

export function jsonOf(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new TransportFault(`${where} sent something else than JSON`);
  }
}

/** The messages of a JSON array. */
export function messagesOf(text: string, where: string): readonly unknown[] {
  const json = jsonOf(text, where);
  if (!Array.isArray(json)) throw new TransportFault(`${where} sent something else than an array of messages`);
  return json as unknown[];
}
