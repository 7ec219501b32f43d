-- What made-to-drawing parts were quoted at: tables as they were uploaded, and the models learned from the newest one.

create table part_tables (
  organization_id bigint not null references organizations (id),
  id bigint generated always as identity,
  name text not null,
  object_key text not null,
  sha256 text not null,                              -- of the file: names the data that a cost comes from
  currency char(3) not null,
  quotes bigint not null,
  parts bigint not null,
  suppliers bigint not null,
  left_out bigint not null,                          -- rows that could not be read
  measures text[] not null,                          -- columns by what they hold: numbers
  labels text[] not null,                            -- words
  created_by bigint,
  created_at timestamptz not null default now(),
  primary key (organization_id, id)
);

create table part_cost_models (
  organization_id bigint not null references organizations (id),
  id bigint generated always as identity,
  version text not null,
  state text not null check (state in ('promoted', 'retired', 'rejected')),
  table_id bigint not null,
  object_key text not null,
  sha256 text not null,
  metrics jsonb not null,
  created_at timestamptz not null default now(),
  primary key (organization_id, id),
  unique (organization_id, version),
  foreign key (organization_id, table_id) references part_tables (organization_id, id)
);
create unique index part_cost_models_promoted on part_cost_models (organization_id) where state = 'promoted';

do $$
declare
  name text;
begin
  foreach name in array array['part_tables', 'part_cost_models'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy tenant on %I using (organization_id = current_organization()) '
                   'with check (organization_id = current_organization())', name);
    execute format('grant select, insert, update, delete on %I to pricing_app', name);
  end loop;
end $$;
revoke update, delete on part_tables from pricing_app;
