/**
 * X's tables, which X makes itself; Tidemark writes `work` only. `work_effects` counts what X was told of each row, so that an
 * update applied twice shows: `revision` says how often Y has written it, `effects` how often X was told (the snapshot tells all
 * revisions up to its own at once). An update that the snapshot's row had already (`since`) is counted apart, in `again`: a broker
 * brings some. A BEFORE INSERT trigger fires for an upsert that finds its row, even if nothing differs, or a newer one is there.
 */
export const workSchema = `
create table if not exists work (
  workId text primary key not null,
  worker text not null,
  task text not null,
  state text not null,
  minutesLeft integer not null,
  due text,
  revision integer not null,
  version integer not null,
  heard text not null           -- snapshot, update
);
create index if not exists work_worker on work (worker, state);
create table if not exists work_effects (
  workId text primary key not null,
  effects integer not null,
  since integer not null,
  again integer not null
);
create trigger if not exists work_told before insert on work begin
  insert into work_effects (workId, effects, since, again)
    values (new.workId, iif(new.heard = 'snapshot', new.revision, 1), iif(new.heard = 'snapshot', new.version, 0), 0)
    on conflict (workId) do update set
      effects = iif(new.heard = 'snapshot', new.revision, effects + (new.version > since)),
      again = iif(new.heard = 'snapshot', 0, again + (new.version <= since)),
      since = iif(new.heard = 'snapshot', new.version, since);
end;
create trigger if not exists work_gone after delete on work begin
  delete from work_effects where workId = old.workId;
end;`;
