/**
 * An instance of service B as a process that follows a stream of NATS and shares it by leases in a KV bucket: `node b-leased-process.js
 * <BLeasedOptions as JSON>`.
 */
import { natsLeases, natsLog } from '@tidemark/nats';
import { connect } from 'nats';
import process from 'node:process';
import { beB, type BInstanceOptions } from './b-instance';

export interface BLeasedOptions extends BInstanceOptions {
  /** Of the server. */
  readonly address: string;
  readonly stream: string;
  readonly bucket: string;
  readonly owner: string;
}

const options = JSON.parse(process.argv[2] ?? '') as BLeasedOptions;
const { address, stream, bucket, owner } = options;
const connection = () => connect({ servers: address, maxReconnectAttempts: -1 });
const leases = natsLeases({ connection, bucket, name: 'things' });
beB(options, () =>
  natsLog({ connection, topics: { things: { stream } }, share: { leases, owner, expiryMs: 2_000, renewMs: 400 } }),
);
