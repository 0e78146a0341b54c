import { type IncomingMessage } from 'node:http';
import { isRight } from 'fp-ts/Either';
import type * as t from 'io-ts';

/** Longest body that is read, in bytes. */
const maxBytes = 64 * 1024;

/** A request's JSON body; `undefined` if it isn't what the codec asks for, or too long. */
export async function jsonBody<A>(req: IncomingMessage, codec: t.Decoder<unknown, A>): Promise<A | undefined> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of req as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes <= maxBytes) parts.push(part);
  }
  if (bytes > maxBytes) return undefined;
  const decoded = codec.decode(parsed(Buffer.concat(parts).toString('utf8')));
  return isRight(decoded) ? decoded.right : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
