import { type OwnBroker, type OwnBrokerOptions } from './own-broker';

/** What one file for each broker supplies; brokers.ts lists them. */
export interface BrokerKind {
  /** What it is called in compose.yaml, and the port that it has in there. */
  readonly compose: { readonly service: string; readonly portVariable: string };
  /** Rejects until what is at this address answers. */
  answers(address: string): Promise<unknown>;
  /** Brings what {@link start} needs. Rejects with `Unavailable` where it can't be had. */
  prepare(): Promise<unknown>;
  /** `staysIn`: the directory of one that goes on when this process ends; absent: it ends with this process. */
  start(options: Pick<OwnBrokerOptions, 'staysIn'>): Promise<OwnBroker>;
}
