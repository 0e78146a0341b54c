/**
 * `node lend-process.js kafka|nats`, forked: finds or starts a broker for whoever forked this process, and ends what was started when
 * they say so, or are gone.
 */
import process from 'node:process';
import { brokerNamed } from './brokers';
import { findBroker } from './find-broker';
import { Unavailable } from './unavailable';

/** What this process tells. */
export type LenderSays =
  | { readonly says: 'lent'; readonly address: string; readonly from: string }
  /** `unavailable`: it can't be had on this machine; the text says how to get it. */
  | { readonly says: 'failed'; readonly unavailable: boolean; readonly error: string };

const tell = (message: LenderSays) =>
  new Promise<void>((sent) => {
    if (process.send === undefined || !process.connected) sent();
    else process.send(message, undefined, {}, () => sent());
  });

async function lend(name: string): Promise<void> {
  const gone = new Promise<void>((resolve) => process.once('disconnect', resolve));
  process.on('SIGINT', () => undefined); // Ctrl-C reaches the whole group: who forked this process ends it
  try {
    const { address, from, stop } = await findBroker(brokerNamed(name));
    await tell({ says: 'lent', address, from });
    await gone;
    await stop();
  } catch (error) {
    process.exitCode = 1;
    await tell({ says: 'failed', unavailable: error instanceof Unavailable, error: String(error) });
    if (process.connected) process.disconnect();
  }
}

void lend(process.argv[2] ?? '');
