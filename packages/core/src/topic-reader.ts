import { type Decoder, type TopicDecoders } from './decode';
import { DecodeFailed } from './errors';
import { type LogTombstone, type SnapshotTombstoneMessage, type UpdateMessage } from './message';
import { type Partition, showPartition } from './partition';
import { type LogRecord } from './record';
import { type SnapshotTombstone } from './snapshot';

type Result = { readonly value: unknown } | { readonly issue: string };

/** A decoder compiled once: what kind it is isn't asked again for each record. */
type Compiled = (input: unknown) => Result;

function compile(decoder: Decoder<unknown>): Compiled {
  if ('~standard' in decoder) {
    const { validate, vendor } = decoder['~standard'];
    return (input) => {
      const result = validate(input) as { readonly value?: unknown; readonly issues?: readonly unknown[] };
      if (result instanceof Promise)
        return { issue: `the ${vendor} schema is asynchronous; a synchronous one is needed` };
      return result.issues === undefined
        ? { value: result.value }
        : { issue: `${result.issues.length} issue(s), by ${vendor}` };
    };
  }
  return (input) => {
    const result = decoder.decode(input);
    return result._tag === 'Right'
      ? { value: result.right }
      : {
          issue: result.left
            .map(({ context }) => context.map(({ key }) => key).join('/') || '(whole value)')
            .slice(0, 5)
            .join(', '),
        };
  };
}

const json = (bytes: Uint8Array): unknown => JSON.parse(text(bytes));
const decoder = new TextDecoder('utf-8', { fatal: true });
const text = (bytes: Uint8Array): string => decoder.decode(bytes);

/** Turns one topic's rows and records into messages. Each rejects with {@link DecodeFailed}; payloads stay out of its text. */
export interface TopicReader {
  row(value: unknown): { readonly kind: 'row'; readonly topic: string; readonly value: unknown };
  tombstone(tombstone: SnapshotTombstone): SnapshotTombstoneMessage<string, unknown>;
  record(partition: Partition, record: LogRecord): UpdateMessage<string, unknown> | LogTombstone<string, unknown>;
}

export function topicReader(topic: string, { row, update, tombstone, parse = json }: TopicDecoders): TopicReader {
  const [rows, updates] = [row && compile(row), compile(update)];
  const tombstones = tombstone && compile(tombstone);
  const at = (partition: Partition, { offset }: LogRecord) => `${topic} (${showPartition(partition)} at ${offset})`;
  return {
    row(value) {
      if (rows === undefined)
        throw new DecodeFailed(`the snapshot has rows of ${topic}, whose decoders have no \`row\`; add one`);
      const result = rows(value);
      if ('issue' in result) throw new DecodeFailed(`a row of ${topic} isn't valid: ${result.issue}`);
      return { kind: 'row', topic, value: result.value };
    },
    tombstone({ key, version }) {
      if (tombstones === undefined)
        throw new DecodeFailed(`the snapshot has tombstones of ${topic}: its decoders have no \`tombstone\`; add one`);
      const result = tombstones(key);
      if ('issue' in result) throw new DecodeFailed(`a snapshot's tombstone of ${topic} isn't valid: ${result.issue}`);
      return { kind: 'tombstone', topic, key: result.value, version };
    },
    record(partition, record) {
      if (record.value === null) {
        if (tombstones === undefined)
          throw new DecodeFailed(
            `a tombstone of ${at(partition, record)}: its decoders have no \`tombstone\`; add one`,
          );
        const result = tombstones(record.key === null ? null : parsed(text, record.key, () => at(partition, record)));
        if ('issue' in result)
          throw new DecodeFailed(`the tombstone of ${at(partition, record)} isn't valid: ${result.issue}`);
        return { kind: 'tombstone', topic, key: result.value, partition, record };
      }
      const result = updates(parsed(parse, record.value, () => at(partition, record)));
      if ('issue' in result)
        throw new DecodeFailed(`the update of ${at(partition, record)} isn't valid: ${result.issue}`);
      return { kind: 'update', topic, value: result.value, partition, record };
    },
  };
}

function parsed(parse: (bytes: Uint8Array) => unknown, value: Uint8Array, at: () => string): unknown {
  try {
    return parse(value);
  } catch (error) {
    // a JSON error quotes the payload, so its text is left out
    throw new DecodeFailed(`the bytes of ${at()} can't be parsed (${error instanceof Error ? error.name : 'error'})`);
  }
}
