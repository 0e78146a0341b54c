import { readdir, readFile } from 'node:fs/promises';
import { beginning, decimal, following, type LogRecord, pagedTransport, type Transport } from '@tidemark/core';

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A toy log: a folder with one file a partition and one record a line. */
export const folderLog = (dir: string): Transport<'assignments'> => {
  const lines = async (partition: string): Promise<string[]> =>
    (await readFile(`${dir}/${partition}`, 'utf8')).split('\n').filter((line) => line !== '');
  const last = (count: number) => (count === 0 ? beginning : decimal(count - 1));
  return pagedTransport({
    kind: 'folder',
    topics: { assignments: dir },
    async describe() {
      const names = await readdir(dir);
      const partitions = names.map(async (partition) => ({
        topic: dir,
        partition,
        trimmed: beginning,
        head: last((await lines(partition)).length),
      }));
      return {
        source: { kind: 'folder', order: 'decimal', cluster: dir, epochs: {} },
        partitions: await Promise.all(partitions),
      };
    },
    async page({ partition }, after) {
      const all = await lines(partition);
      const from = Number(following(after));
      const records = all.slice(from, from + 500).map((line, i): LogRecord => ({
        key: null,
        value: utf8(line),
        headers: new Map(),
        timestamp: 0,
        offset: decimal(from + i),
      }));
      return { records, through: records.at(-1)?.offset ?? after, atHead: from + records.length >= all.length };
    },
  });
};

export const forgetful = pagedTransport({
  kind: 'folder',
  topics: { assignments: 'a' },
  describe: async () => ({ source: { kind: 'folder', order: 'decimal', epochs: {} }, partitions: [] }),
  // @ts-expect-error a page says through where it goes: it isn't computed from records, which may be none
  page: async () => ({ records: [], atHead: true }),
});
