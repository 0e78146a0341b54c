import { execFile } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { rounded } from './pairs.mjs';
import { serve } from './server.mjs';

const run = promisify(execFile);

/** MiB that a process on a heap of 64 MiB may have at its peak, whatever it reads (I9). */
const limit = 256;

const cases = [
  { mode: 'snapshot', server: 'snapshot', name: 'rows of a snapshot over HTTP into a SQLite table' },
  { mode: 'backlog', server: 'feed', name: 'records of a backlog over HTTP into a slow consumer' },
];

/** The peak RSS of service B while it reads: `ratio` is how many times it would fit into the limit. */
export async function memory({ scale }) {
  const count = Math.max(1_000, Math.round(1_000_000 * scale));
  const results = [];
  for (const { mode, server, name } of cases)
    results.push(inMiB(`${count} ${name}`, await peakOf(mode, server, count)));
  return results;
}

/** The same for a topic of so many records on a broker (`address/topic`), into a consumer that is slow. */
export const memoryOverKafka = async (where, count) =>
  inMiB(`${count} records of a backlog in Kafka into a slow consumer, peak RSS`, await peakOfB('kafka', where, count));

/** The same for a stream of so many records on a server (`address/stream`). */
export const memoryOverNats = async (where, count) =>
  inMiB(`${count} records of a backlog in NATS into a slow consumer, peak RSS`, await peakOfB('nats', where, count));

function inMiB(name, bytes) {
  const peak = bytes / 1024 ** 2;
  return { name, unit: 'MiB', tidemark: rounded(peak), baseline: limit, ratio: rounded(limit / peak), pairs: 1 };
}

async function peakOf(mode, server, count) {
  const { url, stop } = await serve(server, count);
  try {
    return await peakOfB(mode, url, count);
  } finally {
    stop();
  }
}

async function peakOfB(mode, where, count) {
  const script = join(import.meta.dirname, 'memory-process.mjs');
  const { stdout } = await run(process.execPath, ['--max-old-space-size=64', script, mode, where, String(count)]);
  const { got, peak } = JSON.parse(stdout);
  if (got !== count) throw new Error(`service B got ${got} of ${count}`);
  return peak;
}
