import type * as t from 'io-ts';
import { type Decoder, type TopicDecoders } from './decode';
import { DecodeFailed } from './errors';
import { type LogTombstone, type SnapshotTombstoneMessage, type UpdateMessage } from './message';
import { type Partition, showPartition } from './partition';
import { type LogRecord } from './record';
import { isIdentityCodec } from './identity-codec';
import { holdsProtoKey } from './proto-key';
import { type SnapshotTombstone } from './snapshot';

/** What a decoder said no to, for people; the payload stays out of it. */
class Refused {
  constructor(readonly issue: string) {}
}

/** A decoder compiled once: what kind it is isn't asked again for each record. Answers with the value, or `Refused`. */
type Compiled = (input: unknown) => unknown;

function compile(decoder: Decoder<unknown>): Compiled {
  if ('~standard' in decoder) {
    const { validate, vendor } = decoder['~standard'];
    return (input) => {
      const result = validate(input) as { readonly value?: unknown; readonly issues?: readonly unknown[] };
      if (result instanceof Promise)
        return new Refused(`the ${vendor} schema is asynchronous; a synchronous one is needed`);
      return result.issues === undefined ? result.value : new Refused(`${result.issues.length} issue(s), by ${vendor}`);
    };
  }
  // what `decode` would make anew for each record: where errors are counted from
  const context: t.Context = [{ key: '', type: decoder, actual: undefined }];
  return (input) => {
    const result = decoder.validate(input, context);
    if (result._tag === 'Right') return result.right;
    const paths = result.left.map(({ context }) => context.map(({ key }) => key).join('/') || '(whole value)');
    return new Refused(paths.slice(0, 5).join(', '));
  };
}

/** Of values that JSON made: they have no holes, no getters and no prototypes of their own, on which `is` and `decode` may differ. */
function compileForJson(decoder: Decoder<unknown>): Compiled {
  const decode = compile(decoder);
  if ('~standard' in decoder || !isIdentityCodec(decoder)) return decode;
  const { is } = decoder;
  return (input): unknown => (is(input) ? input : decode(input));
}

const json = (bytes: Uint8Array): unknown => {
  const source = text(bytes);
  if (holdsProtoKey(source)) throw protoKey;
  return JSON.parse(source);
};
const protoKey = new Error('an object has the key __proto__, which is refused');
const decoder = new TextDecoder('utf-8', { fatal: true });
const text = (bytes: Uint8Array): string => decoder.decode(bytes);

/** Turns one topic's rows and records into messages. Each rejects with {@link DecodeFailed}; payloads stay out of its text. */
export interface TopicReader {
  row(value: unknown): { readonly kind: 'row'; readonly topic: string; readonly value: unknown };
  tombstone(tombstone: SnapshotTombstone): SnapshotTombstoneMessage<string, unknown>;
  record(partition: Partition, record: LogRecord): UpdateMessage<string, unknown> | LogTombstone<string, unknown>;
}

export function topicReader(topic: string, { row, update, tombstone, parse = json }: TopicDecoders): TopicReader {
  const rows = row && compile(row);
  const updates = parse === json ? compileForJson(update) : compile(update);
  const tombstones = tombstone && compile(tombstone);
  const at = (partition: Partition, { offset }: LogRecord) => `${topic} (${showPartition(partition)} at ${offset})`;

  function buried(partition: Partition, record: LogRecord): LogTombstone<string, unknown> {
    if (tombstones === undefined)
      throw new DecodeFailed(`a tombstone of ${at(partition, record)}: its decoders have no \`tombstone\`; add one`);
    let key: unknown = null;
    try {
      if (record.key !== null) key = text(record.key);
    } catch (error) {
      throw unparsable(at(partition, record), error);
    }
    key = tombstones(key);
    if (key instanceof Refused)
      throw new DecodeFailed(`the tombstone of ${at(partition, record)} isn't valid: ${key.issue}`);
    return { kind: 'tombstone', topic, key, partition, record };
  }

  return {
    row(value) {
      if (rows === undefined)
        throw new DecodeFailed(`the snapshot has rows of ${topic}, whose decoders have no \`row\`; add one`);
      const row = rows(value);
      if (row instanceof Refused) throw new DecodeFailed(`a row of ${topic} isn't valid: ${row.issue}`);
      return { kind: 'row', topic, value: row };
    },
    tombstone({ key, version }) {
      if (tombstones === undefined)
        throw new DecodeFailed(`the snapshot has tombstones of ${topic}: its decoders have no \`tombstone\`; add one`);
      const of = tombstones(key);
      if (of instanceof Refused) throw new DecodeFailed(`a snapshot's tombstone of ${topic} isn't valid: ${of.issue}`);
      return { kind: 'tombstone', topic, key: of, version };
    },
    record(partition, record) {
      if (record.value === null) return buried(partition, record);
      let value: unknown;
      try {
        value = parse(record.value);
      } catch (error) {
        throw unparsable(at(partition, record), error);
      }
      value = updates(value);
      if (value instanceof Refused)
        throw new DecodeFailed(`the update of ${at(partition, record)} isn't valid: ${value.issue}`);
      return { kind: 'update', topic, value, partition, record };
    },
  };
}

/** A JSON error quotes the payload, so its text is left out. */
function unparsable(at: string, error: unknown): DecodeFailed {
  const why = error === protoKey ? protoKey.message : error instanceof Error ? error.name : 'error';
  return new DecodeFailed(`the bytes of ${at} can't be parsed (${why})`);
}
