/** The tables of {@link sqliteLog}, created when it is opened. */
export const logSchema = `
create table if not exists tidemark_log (
  id text not null               -- random: the log's identity ("cluster" in positions)
);
insert into tidemark_log (id) select lower(hex(randomblob(16))) where not exists (select 1 from tidemark_log);
create table if not exists tidemark_log_topic (
  topic text primary key not null,
  epoch text not null,           -- random; another one after the topic was made anew
  partitions integer not null
) without rowid;
create table if not exists tidemark_log_partition (
  id integer primary key,
  topic text not null,
  partition integer not null,
  first integer not null,        -- the oldest offset kept; everything below is trimmed
  next integer not null,         -- the offset that the next record gets
  unique (topic, partition)
);
create table if not exists tidemark_log_record (
  partition_id integer not null,
  offset integer not null,
  timestamp integer not null,    -- milliseconds since the Unix epoch
  key blob not null,
  value blob,                    -- null: a tombstone
  headers text,                  -- JSON: [[name, value], …]; null: none
  primary key (partition_id, offset)
) without rowid;`;
