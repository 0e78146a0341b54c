import * as t from 'io-ts';

/** What the benchmarks are about: a media work with its assignment, 200 bytes of JSON. */
export const Work = t.type({
  workId: t.string,
  media: t.string,
  assignee: t.string,
  percent: t.number,
  updated: t.number,
  note: t.string,
});

/** The same as columns of a table. */
export const columns = {
  workId: 'text',
  media: 'text',
  assignee: 'text',
  percent: 'integer',
  updated: 'integer',
  note: 'text',
};

/** Every benchmark's work `i`; `keys` of them are different, later ones are new versions. */
export function work(i, keys) {
  return {
    workId: `work-${i % keys}`,
    media: `media-${i % 997}`,
    assignee: `person-${i % 89}`,
    percent: i % 101,
    updated: 1_700_000_000_000 + i,
    note: notes[i % notes.length],
  };
}

const notes = Array.from({ length: 8 }, (_, i) => `${i} of eight notes: `.padEnd(88, 'the quick brown fox '));

/** Decodes as the pipelines do; throws on what isn't a work. */
export function decodedWork(json) {
  const result = Work.decode(json);
  if (result._tag === 'Left') throw new Error('not a work');
  return result.right;
}
