import { type NatsConnection as OfTransportNode } from '@nats-io/transport-node';
import { natsLog, type NatsConnection } from '@tidemark/nats';
import { type NatsConnection as OfNats } from 'nats';
import { type Holds } from './same';

/** Either client's connection is one, as it is: no wrapper, no cast. */
export type TakesNats = Holds<OfNats extends NatsConnection ? true : false>;
export type TakesTransportNode = Holds<OfTransportNode extends NatsConnection ? true : false>;

declare const ofNats: OfNats;
declare const ofTransportNode: OfTransportNode;
export const logs = [
  natsLog({ connection: ofNats, topics: ['ORDERS'] }),
  natsLog({ connection: ofTransportNode, topics: ['ORDERS'] }),
  natsLog({ connection: () => Promise.resolve(ofNats), topics: ['ORDERS'] }),
  natsLog({ connection: () => Promise.resolve(ofTransportNode), topics: { orders: { stream: 'ORDERS' } } }),
];

// @ts-expect-error the promise of a connection is none: await it, or give the function that connects
export const unawaited = natsLog({ connection: Promise.resolve(ofNats), topics: ['ORDERS'] });
