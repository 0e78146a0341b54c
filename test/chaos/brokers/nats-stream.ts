import { randomBytes } from 'node:crypto';
import { connect, type JetStreamManager, type NatsConnection, type StreamInfo } from 'nats';
import { natsLog, type NatsLogOptions } from '@tidemark/nats';
import { partitions, type ServicePlace } from '../broker';

/** One that never gives up, and knows soon when its connection has died without a word. */
export const connectTo = ({ address }: ServicePlace): Promise<NatsConnection> =>
  connect({
    servers: address,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 50,
    reconnectJitter: 50,
    timeout: 1_000,
    pingInterval: 400,
    maxPingOut: 2,
  });

/** Subjects of a world's stream that are a partition each. */
export const partitionsOf = ({ name }: ServicePlace): readonly string[] =>
  Array.from({ length: partitions }, (_, number) => `${name}.${number}.*`);

/** Its log, over a connection or by a function that makes one. */
export const logOf = (
  connection: NatsLogOptions<unknown>['connection'],
  place: ServicePlace,
  { publishTo, share }: { publishTo?: string; share?: NatsLogOptions<unknown>['share'] } = {},
) =>
  natsLog({
    connection,
    share,
    topics: { things: { stream: place.name, partitions: partitionsOf(place), publishTo } },
  });

/**
 * Keys are divided by the server. What a stream takes in stands under a subject that no other life of it has: what was sent to an earlier one
 * can't arrive in it.
 */
export async function createStream({ streams }: JetStreamManager, { name }: ServicePlace): Promise<StreamInfo> {
  const subject = `${name}.in-${randomBytes(6).toString('hex')}.*`;
  const transform = { src: subject, dest: `${name}.{{partition(${partitions},1)}}.{{wildcard(1)}}` };
  return streams.add({ name, subjects: [subject], subject_transform: transform });
}
