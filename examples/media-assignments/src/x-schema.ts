/**
 * X's tables, which X makes itself; Tidemark writes `work` only. `work_effects` counts what took effect on each row, so that an
 * update applied twice shows: `revision` says how often Y has written it, `effects` how often X was told (the snapshot tells all
 * revisions up to its own at once). A BEFORE INSERT trigger fires for an upsert that finds its row, even if nothing differs.
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
  heard text not null           -- snapshot, update
);
create index if not exists work_worker on work (worker, state);
create table if not exists work_effects (
  workId text primary key not null,
  effects integer not null
);
create trigger if not exists work_told before insert on work begin
  insert into work_effects (workId, effects)
    values (new.workId, iif(new.heard = 'snapshot', new.revision, 1))
    on conflict (workId) do update set effects = iif(new.heard = 'snapshot', new.revision, effects + 1);
end;
create trigger if not exists work_gone after delete on work begin
  delete from work_effects where workId = old.workId;
end;`;
