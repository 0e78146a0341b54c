import { DecodeFailed, holdsProtoKey, type SnapshotChunk } from '@tidemark/core';
import { type Delivered } from './message';
import { type StreamTopics } from './topics';

/** Where the bytes of a row stand. */
export interface NatsRow<Topic extends string = string> {
  readonly topic: Topic;
  /** What stands in the place of the subject's wildcard; `undefined` where the subject has none. */
  readonly key: string | undefined;
}

/** Messages of a topic, by the log's name → rows of it, by the application's. Throws `DecodeFailed`; payloads stay out of its text. */
export type RowReader = (name: string, messages: readonly Delivered[]) => SnapshotChunk;

export function rowReader<T extends string>(
  { names }: StreamTopics<T>,
  parse: (value: Uint8Array, row: NatsRow<T>) => unknown = json,
): RowReader {
  const applications = new Map((Object.keys(names) as T[]).map((topic) => [names[topic], topic]));
  return (name, messages) => {
    const topic = applications.get(name) as T;
    const rows: unknown[] = [];
    for (const { record } of messages) {
      const { key, value, offset } = record;
      if (value === null) continue; // a deletion is no row
      try {
        rows.push(parse(value, { topic, key: key === null ? undefined : Buffer.from(key).toString() }));
      } catch (error) {
        // what JSON says quotes the payload
        const why = error === protoKey ? protoKey.message : error instanceof Error ? error.name : 'error';
        throw new DecodeFailed(`the row of ${topic} (${name} at ${offset}) can't be parsed (${why})`);
      }
    }
    return { topic, rows };
  };
}

function json(value: Uint8Array): unknown {
  const text = decoder.decode(value);
  if (holdsProtoKey(text)) throw protoKey;
  return JSON.parse(text);
}
const protoKey = new Error('an object has the key __proto__, which is refused');
const decoder = new TextDecoder('utf-8', { fatal: true });
