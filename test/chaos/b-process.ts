/** An instance of service B as a process: `node b-process.js <BOptions as JSON>`. */
import process from 'node:process';
import { beB, type BInstanceOptions } from './b-instance';
import { type ServicePlace } from './broker';
import { type BrokerName, brokers } from './brokers';

export interface BOptions extends BInstanceOptions {
  readonly broker: BrokerName;
  /** The log's, where a broker holds it; through whatever is between. */
  readonly service?: ServicePlace | undefined;
}

const options = JSON.parse(process.argv[2] ?? '') as BOptions;
const { broker, url, service } = options;
beB(options, (db) => brokers[broker].follow({ url, service }, db, options));
