-- Tree models that an organization brings along and pricing-ml serves: versions, which of them answers, and how.

create table served_models (
  organization_id bigint not null references organizations (id),
  name text not null check (name ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$'),
  loaded boolean not null default true,
  current_version int,                               -- answers whatever pins no version; null until one is promoted
  shadow_version int,                                -- answers too, is compared, and is never returned
  challenger_version int,                            -- answers a share of the requests
  challenger_share double precision not null default 0 check (challenger_share between 0 and 1),
  pinned_versions int[] not null default '{}' check (cardinality(pinned_versions) <= 8),
  revision bigint not null default 1,                -- of this row: what a server has in memory is compared with it
  created_at timestamptz not null default now(),
  primary key (organization_id, name)
);

-- The manifest is kept as the bytes that were signed.
create table served_model_versions (
  organization_id bigint not null,
  name text not null,
  version int not null check (version > 0),
  object_key text not null,
  manifest text not null,
  signature bytea not null,
  created_by bigint,
  created_at timestamptz not null default now(),
  primary key (organization_id, name, version),
  foreign key (organization_id, name) references served_models (organization_id, name) on delete cascade
);
alter table served_models
  add foreign key (organization_id, name, current_version) references served_model_versions,
  add foreign key (organization_id, name, shadow_version) references served_model_versions,
  add foreign key (organization_id, name, challenger_version) references served_model_versions;

-- In order; a rollback undoes the newest that is not undone yet.
create table served_model_promotions (
  organization_id bigint not null,
  id bigint generated always as identity,
  name text not null,
  version int not null,
  promoted_by bigint,
  promoted_at timestamptz not null default now(),
  undone_by bigint,
  undone_at timestamptz,
  primary key (organization_id, id),
  foreign key (organization_id, name, version) references served_model_versions on delete cascade
);
create index served_model_promotions_newest on served_model_promotions (organization_id, name, id desc)
  where undone_at is null;

do $$
declare
  name text;
begin
  foreach name in array array['served_models', 'served_model_versions', 'served_model_promotions'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy tenant on %I using (organization_id = current_organization()) '
                   'with check (organization_id = current_organization())', name);
    execute format('grant select, insert, update, delete on %I to pricing_app', name);
  end loop;
end $$;
revoke update, delete on served_model_versions from pricing_app;

-- Whatever changes what a model answers is heard by every pricing-ml.
create function announce_served_model() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' then
    new.revision := old.revision + 1;
  end if;
  perform pg_notify('served_models', new.organization_id::text);
  return new;
end $$;
create trigger announce before insert or update on served_models for each row execute function announce_served_model();

-- Both return the model's row as it is then; nothing when there is no such model or version, or nothing to go back to.
-- They see only the caller's organization.
create function promote_served_model(wanted_name text, wanted_version int, promoter bigint)
  returns setof served_models language plpgsql as $$
begin
  perform from served_models where organization_id = current_organization() and name = wanted_name for update;
  if not exists (select from served_model_versions
                 where organization_id = current_organization() and name = wanted_name and version = wanted_version) then
    return;
  end if;
  if exists (select from served_models where organization_id = current_organization() and name = wanted_name
             and current_version is distinct from wanted_version) then
    insert into served_model_promotions (organization_id, name, version, promoted_by)
      values (current_organization(), wanted_name, wanted_version, promoter);
  end if;
  return query update served_models set current_version = wanted_version
    where organization_id = current_organization() and name = wanted_name returning *;
end $$;

create function roll_back_served_model(wanted_name text, by_user bigint)
  returns setof served_models language plpgsql as $$
declare
  former int;
begin
  perform from served_models where organization_id = current_organization() and name = wanted_name for update;
  select version into former from served_model_promotions
    where organization_id = current_organization() and name = wanted_name and undone_at is null
    order by id desc offset 1 limit 1;
  if former is null then
    return;
  end if;
  update served_model_promotions set undone_at = now(), undone_by = by_user
    where organization_id = current_organization() and id = (
      select id from served_model_promotions
      where organization_id = current_organization() and name = wanted_name and undone_at is null
      order by id desc limit 1);
  return query update served_models set current_version = former
    where organization_id = current_organization() and name = wanted_name returning *;
end $$;
