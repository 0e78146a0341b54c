import { orAborted } from './abort';
import { InvalidConfiguration, SourceMismatch } from './errors';
import { type Plan } from './plan';
import { type Position } from './position';
import { type Replica } from './replica';
import { compareSources, epochOf, showSource } from './source';

/**
 * Resolves once the replica's stored position covers `position`: read your own writes, also of partitions that other instances
 * apply. `changed` is asked for the next moment at which looking again may help.
 */
export async function coveredBy(
  replica: Replica<never>,
  { name, transport }: Plan,
  position: Position,
  changed: () => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const followed = Object.values<string>(transport.topics);
  const strange = [...position.offsets].find(({ topic }) => !followed.includes(topic));
  if (strange !== undefined)
    throw new InvalidConfiguration(`pipeline "${name}" doesn't follow topic ${strange.topic}, so it can't wait for it`);
  for (;;) {
    const next = changed();
    next.catch(() => undefined); // it isn't awaited when the position is covered already
    const stored = await replica.load();
    const reached = 'position' in stored ? stored.position : undefined;
    if (reached !== undefined) {
      requireSameLife(name, position, reached);
      if (stored.state === 'ready' && reached.offsets.covers(position.offsets)) return;
    }
    await orAborted(next, signal);
  }
}

/** A position of another log, or of an earlier life of a topic, would never be covered. */
function requireSameLife(name: string, asked: Position, reached: Position): void {
  if (asked.source.kind !== reached.source.kind || asked.source.order !== reached.source.order)
    throw new SourceMismatch(
      `pipeline "${name}" follows ${showSource(reached.source)}; the position is of ${showSource(asked.source)}`,
    );
  for (const { topic } of asked.offsets)
    if (compareSources(asked.source, reached.source, topic) === 'different')
      throw new SourceMismatch(
        `pipeline "${name}" is at epoch ${epochOf(reached.source, topic) ?? '(unknown)'} of ${topic}, the position is of ${epochOf(asked.source, topic) ?? '(unknown)'}; what it stood for is gone`,
      );
}
