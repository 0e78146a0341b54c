import { function as fp } from 'fp-ts';
import { filter, firstValueFrom, from, map, merge, type Observable, scan, share, switchMap, tap } from 'rxjs';
import {
  applyTo,
  type Change,
  liveView,
  type Message,
  type Pipeline,
  remove,
  type RowMessage,
  snapshotThenSubscribe,
  type StandardSchema,
  type Sync,
  type SyncEvent,
  translate,
  type UpdateMessage,
  upsert,
  type VersionedChange,
} from '@tidemark/core';
import * as t from 'io-ts';
import { Assignment, AssignmentUpdate, Title, toWork, type Work } from './model';
import { assignmentsAndTitles, assignmentsOnly, snapshot, works } from './ports';
import { type Holds, type Same } from './same';
import { source } from './source';

/** What must compile, with the types that users get without writing one. */

type MessageOf<S> = S extends Sync<infer M> ? M : never;

// ── messages ──────────────────────────────────────────────────────────────────

export type OfOneTopic = Holds<
  Same<MessageOf<typeof source>, RowMessage<'assignments', Assignment> | UpdateMessage<'assignments', AssignmentUpdate>>
>;

const decoders = {
  assignments: { row: Assignment, update: AssignmentUpdate },
  titles: { update: Title, tombstone: t.string, parse: (bytes: Uint8Array): unknown => bytes.length },
} as const;
export const twoTopics = snapshotThenSubscribe({
  name: 'work',
  snapshot,
  transport: assignmentsAndTitles,
  decode: decoders,
  scope: process.env.SCOPE, // string | undefined will do
});
export type OfTwoTopics = Holds<Same<MessageOf<typeof twoTopics>, Message<typeof decoders>>>;

export const told = twoTopics.pipe(
  translate((m) => {
    if (m.kind === 'tombstone') return m.key.toUpperCase(); // titles only
    if (m.topic === 'titles') return m.value.title; // updates only: they have no row decoder
    return m.kind === 'row' ? m.value.assignee : m.record.timestamp;
  }),
);
export type Told = Holds<Same<typeof told, Sync<string | number>>>;

// ── translate: one, several, none; steps compose ──────────────────────────────

export const several = source.pipe(translate((m) => [m.kind, m.topic] as const));
export type Several = Holds<Same<typeof several, Sync<'row' | 'update' | 'assignments'>>>;

export const someOrNone = source.pipe(translate((m) => (m.kind === 'row' ? m.value.percent : undefined)));
export type SomeOrNone = Holds<Same<typeof someOrNone, Sync<number>>>;

export const noneOrSeveral = source.pipe(translate((m) => (m.kind === 'row' ? [] : [m.value.type])));
export type NoneOrSeveral = Holds<Same<typeof noneOrSeveral, Sync<'assigned' | 'cancelled'>>>;

const lengthOfKind = fp.flow(
  translate((m: { readonly kind: string }) => m.kind),
  translate((kind) => kind.length),
);
export const composed = source.pipe(lengthOfKind);
export type Composed = Holds<Same<typeof composed, Sync<number>>>;

// ── the terminal, by method and by fp-ts ──────────────────────────────────────

export const pipeline = source.pipe(
  translate((m) => {
    if (m.kind === 'row') return upsert(toWork(m.value));
    switch (m.value.type) {
      case 'assigned':
        return upsert(toWork(m.value.assignment));
      case 'cancelled':
        return remove(m.value.id, m.value.version);
    }
  }),
  applyTo(works, { onPoison: 'deadLetter' }),
);
export const handle: Pipeline<Change<Work>> = pipeline;

export const byFpTs = fp.pipe(
  source,
  translate((m) => (m.kind === 'row' ? upsert(toWork(m.value)) : [])),
  applyTo(works),
);
export const sameHandle: Pipeline<Change<Work>> = byFpTs;

// ── beside the stream ─────────────────────────────────────────────────────────

export async function attended(p: Pipeline<Change<Work>>): Promise<number> {
  await p.pause({ persist: true });
  for (const { id, record } of await p.deadLetters({ limit: 10 }))
    if (record.value === null) await p.discard(id);
    else await p.replay(id, { decide: async (changes) => changes.every(({ op }) => op === 'upsert') });
  const { rows } = await p.refresh({ scope: 'media=42', signal: AbortSignal.timeout(1_000) });
  await p.resume({ persist: true });
  return rows;
}

// ── plain RxJS operators, on a Sync (nothing of ours after them) and on a Pipeline ──

export const counted: Observable<number> = source.pipe(
  filter((event) => event.type === 'updates'),
  map((event) => event.messages.length),
  scan((sum, n) => sum + n, 0),
);
export const types: Observable<SyncEvent<unknown>['type']> = source.pipe(
  share(),
  switchMap(async (event) => event.type),
);
export const merged: Observable<SyncEvent<unknown>> = merge(source, from(source)).pipe(tap((event) => event.type));
export const first: Promise<SyncEvent<Change<Work>>> = firstValueFrom(pipeline);
export const committed: Observable<readonly Change<Work>['op'][]> = byFpTs.pipe(
  filter((event) => event.type === 'updates'),
  map((event) => event.messages.map((change) => change.op)),
);
export const asObservable: Observable<SyncEvent<unknown>> = source;

// ── a Pipeline is iterated ───────────────────────────────

export async function rowsOf(p: Pipeline<Change<Work>>): Promise<number> {
  let rows = 0;
  for await (const event of p) {
    if (event.type === 'snapshotEnd') rows = event.rows;
    if (event.type === 'caughtUp') break;
  }
  return rows;
}

/** Every event has its place: a new kind of event is a compile error here. */
export function said(event: SyncEvent<Change<Work>>): string {
  switch (event.type) {
    case 'snapshotStart':
      return event.position.source.kind;
    case 'snapshotRows':
      return event.messages.map(({ op }) => op).join();
    case 'snapshotEnd':
      return event.rows.toFixed();
    case 'updates':
    case 'progress':
      return event.through;
    case 'amended':
      return event.by;
    case 'caughtUp':
    case 'fellBehind':
      return event.type;
    case 'mustRefetch':
    case 'lost':
      return event.reason;
    case 'expiring':
      return event.expiresInMs.toFixed();
    case 'assigned':
    case 'revoked':
      return event.partitions.map(({ topic }) => topic).join();
    case 'trouble':
      return event.error.message;
    case 'poison':
      return event.error.code;
  }
}

// ── where newer versions win, a removal has its version ──────────────────────

const newest = liveView<Work>({ key: (work) => work.workId, version: (work) => work.version });
export const versioned = source.pipe(
  translate((m) =>
    m.kind === 'row'
      ? upsert(toWork(m.value))
      : m.value.type === 'assigned'
        ? upsert(toWork(m.value.assignment))
        : remove(m.value.id, m.value.version),
  ),
  applyTo(newest),
);
export type Versioned = Holds<Same<typeof versioned, Pipeline<VersionedChange<Work>>>>;

/** A tombstone of the log has a record, one of a snapshot a version. */
export const buried = twoTopics.pipe(
  translate((m) => (m.kind === 'tombstone' ? remove(m.key, m.version ?? BigInt(m.record.offset)) : [])),
);

// ── Standard Schema validators (zod 4, valibot, arktype) decode like io-ts ones ──

declare const schema: {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: 'zod';
    readonly validate: (value: unknown) => unknown;
    readonly types?: { readonly input: string; readonly output: { readonly z: number } } | undefined;
  };
};
export const standard: StandardSchema<{ readonly z: number }> = schema;
export const bySchema = snapshotThenSubscribe({
  name: 'zs',
  snapshot,
  transport: assignmentsOnly,
  decode: { assignments: { update: schema } },
}).pipe(translate((m) => m.value.z));
export type BySchema = Holds<Same<typeof bySchema, Sync<number>>>;
