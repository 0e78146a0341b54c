import {
  before,
  beginning,
  decimal,
  following,
  type LogRecord,
  type Offset,
  pagedTransport,
  type Transport,
  witnessOf,
} from '@tidemark/core';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A toy log: a folder with a file for each partition and a line for each record; a record's offset is its line's number. */
export function folderLog(folder: string): Transport<'events'> {
  const read = async (partition: string): Promise<LogRecord[]> => {
    const text = await readFile(join(folder, partition), 'utf8');
    return text.split('\n').slice(0, -1).map(recordOf); // what follows is still being written
  };
  return pagedTransport({
    kind: 'folder',
    topics: { events: folder },
    async describe() {
      const partitions = (await readdir(folder)).map(async (partition) => ({
        topic: folder,
        partition,
        trimmed: beginning, // nothing is ever removed
        head: before((await read(partition)).length),
      }));
      const source = { kind: 'folder', order: 'decimal', cluster: folder, epochs: {} } as const;
      return { source, partitions: await Promise.all(partitions) };
    },
    async page({ partition }, after: Offset) {
      const all = await read(partition);
      const from = Number(following(after));
      if (from > all.length) return { lost: 'ahead' };
      const records = all.slice(from, from + 100);
      const at = all[from - 1];
      return {
        records,
        through: records.at(-1)?.offset ?? after,
        atHead: from + records.length === all.length,
        lag: BigInt(all.length - from - records.length),
        witness: at && witnessOf(at), // another record at our offset is another history
      };
    },
  });
}

/** Keys, values and headers are base64, so that any bytes fit into a line. */
function recordOf(line: string, number: number): LogRecord {
  type Text = string | null;
  const [timestamp, key, value, headers] = JSON.parse(line) as [number, Text, Text, [string, string][]];
  const bytes = (text: Text) => (text === null ? null : Buffer.from(text, 'base64'));
  const named = new Map(headers.map(([name, text]) => [name, Buffer.from(text, 'base64')]));
  return { key: bytes(key), value: bytes(value), headers: named, timestamp, offset: decimal(number) };
}
