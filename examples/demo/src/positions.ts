import { beginning, following, type Position } from '@tidemark/core';

/** For people: `assignments 0@4999 1@5012`. */
export function showPosition({ offsets }: Position): string {
  const topics = new Map<string, string[]>();
  const inOrder = [...offsets].sort((a, b) => Number(a.partition) - Number(b.partition));
  for (const { topic, partition, through } of inOrder)
    topics.set(topic, [...(topics.get(topic) ?? []), `${partition}@${through}`]);
  return [...topics].map(([topic, partitions]) => [topic, ...partitions].join(' ')).join(', ');
}

/** How many records the log has had up to here: its offsets count up from 0 in each partition, or from 1, without gaps. */
export const recordsThrough = ({ source, offsets }: Position): number =>
  [...offsets]
    .filter(({ through }) => through !== beginning)
    .reduce((sum, { through }) => sum + Number(following(through)) - (firsts[source.kind] ?? 0), 0);

/** The first offset of a partition, by the kind of log, where it isn't 0. */
const firsts: Readonly<Record<string, number>> = { nats: 1 };
