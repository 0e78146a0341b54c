import { type Admin, type ITopicConfig } from 'kafkajs';
import { setTimeout as pause } from 'node:timers/promises';

let names = 0;
/** Tests share one broker: topics, groups and transactional ids are one's own. */
export const unique = (name: string): string => `${name}-${process.pid}-${Date.now().toString(36)}-${++names}`;

/**
 * Creates a topic and waits until all its partitions have leaders. kafkajs's own `waitForLeaders` rejects where the broker hasn't
 * heard yet of what its controller has created.
 */
export async function createTopic(admin: Admin, layout: ITopicConfig, withinMs = 15_000): Promise<void> {
  await admin.createTopics({ waitForLeaders: false, topics: [layout] });
  const end = performance.now() + withinMs;
  while (!(await hasLeaders(admin, layout.topic))) {
    if (performance.now() > end) throw new Error(`${layout.topic} has no leaders after ${withinMs} ms`);
    await pause(10);
  }
}

async function hasLeaders(admin: Admin, topic: string): Promise<boolean> {
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    return topics[0]?.partitions.every(({ leader }) => leader >= 0) === true;
  } catch {
    return false; // not heard of yet
  }
}
