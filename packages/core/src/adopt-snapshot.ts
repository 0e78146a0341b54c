import { SnapshotRejected, SourceMismatch } from './errors';
import { type Plan } from './plan';
import { type Snapshot } from './snapshot';
import { compareSources, showSource, type Source, untold } from './source';

/**
 * The snapshot with its position as one of this transport's: the same log (I7), the scope that was asked for, and the topics
 * that are followed. Throws `SourceMismatch` or `SnapshotRejected`.
 */
export function adopted(
  { name, scope, transport: { topics: names } }: Plan,
  snapshot: Snapshot,
  transport: Source,
  neverSynchronised: boolean,
): Snapshot {
  if (snapshot.scope !== scope)
    throw new SnapshotRejected(
      `pipeline "${name}" asked for scope ${scope ?? '(everything)'}, the snapshot has ${snapshot.scope ?? '(everything)'}`,
      false,
    );
  const { source, offsets } = snapshot.position;
  const topics = Object.values<string>(names);
  const followed = offsets.filter(({ topic }) => topics.includes(topic));
  if (source.kind === untold) {
    if (transport.order !== offsets.order)
      throw new SourceMismatch(
        `the snapshot of pipeline "${name}" has ${offsets.order} offsets, ${showSource(transport)} ${transport.order} ones`,
      );
    if (!neverSynchronised)
      throw new SourceMismatch(
        `the snapshot of pipeline "${name}" doesn't tell which log its offsets are of; that is accepted at the first bootstrap only`,
      );
    return { ...snapshot, position: { source: transport, offsets: followed } };
  }
  const mismatch = `the snapshot of pipeline "${name}" is positioned in ${showSource(source)}, the transport reads ${showSource(transport)}`;
  if (compareSources(source, { ...transport, epochs: {} }, '') === 'different')
    throw new SourceMismatch(`${mismatch}; point both at the same log`);
  const stale = topics.find((topic) => compareSources(source, transport, topic) === 'different');
  if (stale !== undefined)
    throw new SnapshotRejected(`${mismatch}, whose topic ${stale} has another epoch; one of them is behind`, true);
  const cluster = source.cluster ?? transport.cluster;
  const epochs = Object.fromEntries([...Object.entries(transport.epochs), ...Object.entries(source.epochs)]);
  return { ...snapshot, position: { source: { ...source, cluster, epochs }, offsets: followed } };
}
