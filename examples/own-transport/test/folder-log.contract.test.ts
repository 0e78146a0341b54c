import { type NewRecord } from '@tidemark/core';
import { transportContract } from '@tidemark/testkit';
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { folderLog } from '../src/folder-log';

const base64 = (value: Uint8Array | string) => Buffer.from(value).toString('base64');
const lineOf = ({ key, value, headers = {} }: NewRecord) => {
  const named = Object.entries(headers).map(([name, text]) => [name, base64(text)]);
  return `${JSON.stringify([Date.now(), base64(key), value === null ? null : base64(value), named])}\n`;
};

transportContract(
  { describe, it },
  {
    name: 'folderLog',
    topic: 'events',
    reads: 'all',
    open: async () => {
      const folder = mkdtempSync(join(tmpdir(), 'tidemark-folder-log-'));
      const files = () => readdirSync(folder).sort();
      for (const partition of ['0', '1', '2']) writeFileSync(join(folder, partition), '');
      return {
        folder,
        files,
        client: () => folderLog(folder),
        publish: async (records) => {
          for (const record of records) {
            const partition = String(crc32(record.key) % 3);
            appendFileSync(join(folder, partition), lineOf(record));
          }
        },
        close: async () => {
          rmSync(folder, { recursive: true, force: true });
        },
      };
    },
    features: {
      shorten: ({ folder, files }) => {
        for (const file of files()) {
          const lines = readFileSync(join(folder, file), 'utf8').split('\n');
          writeFileSync(
            join(folder, file),
            lines
              .slice(0, -2)
              .map((line) => `${line}\n`)
              .join(''),
          );
        }
      },
      rewrite: ({ folder, files }) => {
        for (const file of files()) {
          const lines = readFileSync(join(folder, file), 'utf8').split('\n').slice(0, -1);
          const kept = lines.slice(0, -1).map((line) => `${line}\n`);
          writeFileSync(join(folder, file), [...kept, lineOf({ key: 'other', value: 'history' })].join(''));
        }
      },
      grow: ({ folder }) => {
        writeFileSync(join(folder, '3'), '');
      },
    },
  },
);
