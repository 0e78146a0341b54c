import { beginning, type Offset, witnessOf } from '@tidemark/core';
import { type JetStream } from './jetstream';
import { recordOf } from './message';
import { type SubjectPattern } from './subject-pattern';

/** Of the message at this sequence, whoever's it is; `undefined` where it isn't there (any more). */
export async function witnessAt(
  js: JetStream,
  stream: string,
  at: Offset,
  keys: readonly SubjectPattern[],
): Promise<string | undefined> {
  const message = at === beginning ? undefined : await js.message(stream, at);
  return message === undefined ? undefined : witnessOf(recordOf(message, keys));
}
