import { filter, map, share, tap } from 'rxjs';
import {
  applyTo,
  type Change,
  decimal,
  liveView,
  type Offset,
  OffsetMap,
  type Replica,
  remove,
  snapshotThenSubscribe,
  translate,
  upsert,
} from '@tidemark/core';
import { Assignment, AssignmentUpdate, Title, toWork, type Work } from './model';
import { assignmentsAndTitles, assignmentsOnly, snapshot, works } from './ports';
import { source } from './source';

/**
 * What must not compile. Each `@ts-expect-error` fails the type check if its line becomes legal; test/types/allowed.ts holds
 * the neighbours that must stay legal, so that nothing is refused for another reason than the one given.
 */

// ── a plain operator before one of our steps would swallow an acknowledgement ──

const changes = source.pipe(translate(toChange));

changes.pipe(
  // @ts-expect-error a filter before the terminal
  filter(() => true),
  applyTo(works),
);

changes.pipe(
  // @ts-expect-error a map before the terminal, though it gives the same events
  map((event) => event),
  applyTo(works),
);

// @ts-expect-error a plain operator before translate
source.pipe(share(), translate(toChange), applyTo(works));

// @ts-expect-error a tap between two of our steps
source.pipe(translate(toChange), tap(), applyTo(works));

// ── what reaches the replica is the replica's model ───────────────────────────

// @ts-expect-error A's messages, untranslated
export const untranslated = source.pipe(applyTo(works));

const wrongModel = source.pipe(translate((m) => upsert({ nope: m.kind })));
// @ts-expect-error rows of another shape
wrongModel.pipe(applyTo(works));

const rowsWithoutChange = source.pipe(translate((m) => (m.kind === 'row' ? toWork(m.value) : [])));
// @ts-expect-error a bare row says neither upsert nor remove
rowsWithoutChange.pipe(applyTo(works));

const asynchronous = source.pipe(translate(async (m) => (m.kind === 'row' ? upsert(toWork(m.value)) : [])));
// @ts-expect-error a promise isn't a change: translate is synchronous
asynchronous.pipe(applyTo(works));

const otherKey = source.pipe(translate((m) => remove(m.kind.length)));
// @ts-expect-error the replica's keys are strings
otherKey.pipe(applyTo(works));

// ── where newer versions win, a removal has its version ──────────────────────

const newest = liveView<Work>({ key: (work) => work.workId, version: (work) => work.version });
const unversioned = source.pipe(translate((m) => (m.kind === 'row' ? upsert(toWork(m.value)) : remove(m.kind))));
// @ts-expect-error a removal without a version
unversioned.pipe(applyTo(newest));

// @ts-expect-error a version is a number or a bigint
export const versionOfText = liveView<Work>({ key: (work) => work.workId, version: (work) => work.owner });

// ── rows and updates come through one function, told apart by `kind` ──────────

// @ts-expect-error an update has no assignee: rows only
export const onlyRows = source.pipe(translate((m) => m.value.assignee));

// @ts-expect-error a row has no record
export const recordOfRow = source.pipe(translate((m) => (m.kind === 'row' ? m.record.offset : [])));

// @ts-expect-error no decoder for tombstones was given, so there are none
export const tombstones = source.pipe(translate((m) => (m.kind === 'tombstone' ? m.key : [])));

// ── decoders and topics are the same set ──────────────────────────────────────

export const topicTooMany = snapshotThenSubscribe({
  name: 'n',
  snapshot,
  // @ts-expect-error the transport has no topic "titles"
  transport: assignmentsOnly,
  decode: { assignments: { update: AssignmentUpdate }, titles: { update: Title } },
});

export const topicTooFew = snapshotThenSubscribe({
  name: 'n',
  snapshot,
  // @ts-expect-error topic "titles" has no decoder
  transport: assignmentsAndTitles,
  decode: { assignments: { update: AssignmentUpdate } },
});

export const noUpdate = snapshotThenSubscribe({
  name: 'n',
  snapshot,
  transport: assignmentsOnly,
  // @ts-expect-error a decoder for rows alone: updates would have none
  decode: { assignments: { row: Assignment } },
});

export const notADecoder = snapshotThenSubscribe({
  name: 'n',
  snapshot,
  transport: assignmentsOnly,
  // @ts-expect-error a plain function is neither an io-ts decoder nor a Standard Schema
  decode: { assignments: { update: (value: unknown) => value } },
});

// @ts-expect-error without a snapshot there is no place in the log to start from
export const noSnapshot = snapshotThenSubscribe({
  name: 'n',
  transport: assignmentsOnly,
  decode: { assignments: { update: AssignmentUpdate } },
});

// ── a Sync isn't run; a Pipeline isn't piped into a terminal again ────────────

// @ts-expect-error only a pipeline runs: it has a terminal that owns the position
export const ran = source.run();

export async function iterated(): Promise<void> {
  // @ts-expect-error only a pipeline is iterated
  for await (const event of source) console.log(event);
}

const pipeline = changes.pipe(applyTo(works));

// @ts-expect-error a pipeline has its terminal already
export const twice = pipeline.pipe(applyTo(works));

// @ts-expect-error what happens to poison is one of three words
export const ignoring = changes.pipe(applyTo(works, { onPoison: 'ignore' }));

// ── beside the stream ─────────────────────────────────────────────────────────

// @ts-expect-error a refresh is of a part; everything is a new snapshot
void pipeline.refresh({});

// @ts-expect-error a letter's id is opaque text, as it was told
void pipeline.replay(7);

// @ts-expect-error what is decided about are the pipeline's messages
void pipeline.replay('7', { decide: (messages: readonly Title[]) => messages.length > 0 });

// @ts-expect-error a decision is yes or no
void pipeline.replay('7', { decide: () => 'later' });

// @ts-expect-error a pause is stored or it isn't
void pipeline.pause({ persist: 'yes' });

// ── offsets and positions are made by the functions that check them ───────────

// @ts-expect-error a bare string isn't an offset
export const bare: Offset = '42';

// @ts-expect-error a map is made by OffsetMap.empty and OffsetMap.from
export const constructed = new OffsetMap('decimal', new Map());

// @ts-expect-error an offset map is immutable: `with` gives a new one
OffsetMap.empty('decimal').entries.set('t', { through: decimal('1') });

// ── a live view is read, and written by its pipeline only ─────────────────────

// @ts-expect-error a view needs to know its rows' key
export const keyless = liveView<Work>({});

// @ts-expect-error a view is a ReadonlyMap
liveView<Work>({ key: (work) => work.workId }).set('1', toWork({} as Assignment));

declare const titles: Replica<Change<Title>>;
// @ts-expect-error a replica takes its own changes, no other's
export const others: Replica<Change<Work>> = titles;

function toChange(m: { readonly kind: string }): Change<Work> {
  return remove(m.kind);
}
