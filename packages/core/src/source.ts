import { type OffsetOrder } from './offset';

/** The identity of the log that offsets belong to, and how they compare. */
export interface Source {
  /** The transport's kind: `kafka`, `sqlite`, … */
  readonly kind: string;
  readonly order: OffsetOrder;
  /** Which cluster, account, server or file; `undefined` where the log has no stable name. */
  readonly cluster?: string | undefined;
  /** Log's topic name → epoch, where it can be known: it changes when the topic is deleted and created again. */
  readonly epochs: Readonly<Record<string, string>>;
}

/** `unproven`: one side can't know the cluster or the epoch. That's no difference, but no proof either. */
export type SourceVerdict = 'same' | 'unproven' | 'different';

/** The kind of a source that a snapshot didn't tell (the paper's plain `tps`): adopted at the first bootstrap only. */
export const untold = 'untold';

/** Do offsets of `topic` mean the same record in both? */
export function compareSources(a: Source, b: Source, topic: string): SourceVerdict {
  if (a.kind !== b.kind || a.order !== b.order) return 'different';
  const cluster = verdict(a.cluster, b.cluster);
  const epoch = verdict(epochOf(a, topic), epochOf(b, topic));
  if (cluster === 'different' || epoch === 'different') return 'different';
  return cluster === 'same' && epoch === 'same' ? 'same' : 'unproven';
}

/** The topic's epoch, if known. */
export const epochOf = (source: Source, topic: string): string | undefined =>
  Object.hasOwn(source.epochs, topic) ? source.epochs[topic] : undefined;

/** For people: `kafka (cluster c1)`. */
export const showSource = (source: Source): string =>
  source.cluster === undefined ? source.kind : `${source.kind} (${source.cluster})`;

const verdict = (a: string | undefined, b: string | undefined): SourceVerdict =>
  a === undefined || b === undefined ? 'unproven' : a === b ? 'same' : 'different';
