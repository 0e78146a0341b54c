import { type BrokerTopic } from './broker-topic';

/** The follower's times, shortened: a killed bootstrapper counts as dead after a second instead of ten. */
const times = { takeoverMs: 1000, beatMs: 250, retryMs: 1000 } as const;

/** A killed member of a group keeps its partitions for so long, in milliseconds: the shortest that Kafka allows by default. */
const sessionTimeoutMs = 6000;

/** How a follower is started, besides where the source and its own files are. */
export const followerOptions = (topic: BrokerTopic | undefined) => ({
  times,
  broker: topic && { ...topic.broker, group: topic.group, sessionTimeoutMs },
});
