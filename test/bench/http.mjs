import { applyTo, liveView, snapshotThenSubscribe, translate, upsert } from '@tidemark/core';
import { httpFeed, httpSnapshot } from '@tidemark/http';
import { get } from 'node:http';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import { compare, seconds } from './pairs.mjs';
import { serve } from './server.mjs';
import { decodedWork, Work } from './works.mjs';

/** A snapshot over loopback into a map, against a reader of the same NDJSON by hand: no digest, no limits, no deadlines. */
export async function http({ scale, pairs }) {
  const count = Math.max(1_000, Math.round(1_000_000 * scale));
  const server = await serve('snapshot', count);
  try {
    const results = [];
    for (const encoding of ['identity', 'gzip'])
      results.push(
        await compare({
          name: `snapshot of ${count} rows of 200 B, ${encoding}`,
          unit: 'rows/s',
          count,
          pairs,
          tidemark: () => snapshot(server.url, encoding, count),
          baseline: () => byHand(server.url, encoding, count),
        }),
      );
    return results;
  } finally {
    server.stop();
  }
}

async function snapshot(url, encoding, count) {
  const view = liveView({ key: ({ workId }) => workId });
  const pipeline = snapshotThenSubscribe({
    name: 'bench',
    snapshot: httpSnapshot(`${url}/snapshot`, { headers: () => ({ 'accept-encoding': encoding }) }),
    transport: httpFeed(`${url}/feed`, { topics: ['works'] }),
    decode: { works: { row: Work, update: Work } },
  }).pipe(
    translate((message) => upsert(message.value)),
    applyTo(view),
  );
  const took = await seconds(async () => {
    const whole = new Promise((resolve, reject) =>
      pipeline.subscribe({ next: ({ type }) => type === 'snapshotEnd' && resolve(), error: reject }),
    );
    await whole;
  });
  await pipeline.stop();
  requireAll(view, count);
  return took;
}

async function byHand(url, encoding, count) {
  const view = new Map();
  const took = await seconds(async () => {
    const response = await new Promise((resolve, reject) => {
      get(`${url}/snapshot`, { headers: { 'accept-encoding': encoding } }, resolve).on('error', reject);
    });
    const body = encoding === 'gzip' ? response.pipe(createGunzip()) : response;
    for await (const line of createInterface({ input: body, crlfDelay: Infinity })) {
      const frame = JSON.parse(line);
      if (frame.type !== 'rows') continue;
      for (const json of frame.rows) {
        const row = decodedWork(json);
        view.set(row.workId, row);
      }
    }
  });
  requireAll(view, count);
  return took;
}

function requireAll(view, count) {
  if (view.size !== count) throw new Error(`${view.size} rows instead of ${count}`);
}
