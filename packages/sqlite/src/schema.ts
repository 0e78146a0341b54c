/*
 * Tidemark's own tables, all named `tidemark_…`, created by the first `take` or `reset`. Several replicas and position stores
 * live in one file, told apart by `owner`: `table:<table>`, `replica:<name>`, `positions:<name>`.
 */

/** Marks, of replicas and of position stores. */
const markSchema = `
create table if not exists tidemark_mark (
  owner text not null,
  topic text not null,
  partition text not null,
  through text not null,
  witness text,
  primary key (owner, topic, partition)
) without rowid;`;

/** Records that couldn't be decoded, translated or handled. */
const deadLetterSchema = `
create table if not exists tidemark_dead_letter (
  id integer primary key autoincrement, -- never given twice
  owner text not null,
  pipeline text not null,
  topic text not null,
  partition text not null,
  offset text not null,
  timestamp integer not null,   -- milliseconds since the Unix epoch
  key blob,
  value blob,
  headers blob not null,        -- JSON: [[name, base64 of the value], …]
  code text not null,
  message text not null
);`;

/** What a replica needs. */
export const replicaSchema = `${markSchema}
create table if not exists tidemark_replica (
  owner text primary key not null,
  term integer not null,
  state text not null,          -- empty, bootstrapping, ready
  heartbeat integer not null,
  pipeline text not null,
  version text,                 -- of the last take
  scope text,                   -- of the last take
  rows_version text,            -- the version that wrote the rows
  rows_scope text,              -- the scope of the rows
  source text,                  -- JSON; null: no position
  staged integer not null,      -- how many changes are staged
  token text,                   -- where a resumed snapshot would go on
  token_staged integer not null, -- how many changes were staged when the token was given
  paused integer not null,      -- 1: the stream is to be withheld
  pruned integer not null       -- tombstones through this id may be gone
) without rowid;
create table if not exists tidemark_staged (
  owner text not null,
  seq integer not null,         -- changes staged before this chunk
  size integer not null,        -- changes in this chunk
  changes blob not null,        -- v8.serialize of an array
  primary key (owner, seq)
);${deadLetterSchema}`;

/** What a replica needs where newer versions win. */
export const tombstoneSchema = `
create table if not exists tidemark_tombstone (
  id integer primary key autoincrement, -- never given twice: how old the tombstone is
  owner text not null,
  key not null,                 -- numbers as text
  version integer not null,
  unique (owner, key)
);
create index if not exists tidemark_tombstone_owner on tidemark_tombstone (owner);
create table if not exists tidemark_head (
  owner text not null,
  topic text not null,
  partition text not null,
  head integer not null,        -- it was at its head after this id
  primary key (owner, topic, partition)
) without rowid;`;

/** What it needs beside where its rows are the user's own. */
export const newestSchema = `
create table if not exists tidemark_newest (
  owner text not null,
  key not null,                 -- numbers as text
  version integer not null,
  primary key (owner, key)
) without rowid;`;

/** What a position store needs beside the marks. */
export const positionsSchema = `${markSchema}${deadLetterSchema}
create table if not exists tidemark_position (
  owner text primary key not null,
  snapshot text not null,       -- the id of the last one
  source text not null          -- JSON
) without rowid;`;
