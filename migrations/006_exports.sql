-- Files that people asked for: what is in them, how far they are, where they lie.

create table exports (
  organization_id bigint not null references organizations (id),
  id bigint generated always as identity,
  dataset text not null check (length(dataset) between 1 and 60),
  format text not null check (format in ('csv', 'xlsx')),
  filter jsonb not null default '{}',
  state text not null default 'waiting' check (state in ('waiting', 'ready', 'failed')),
  rows bigint not null default 0,
  bytes bigint not null default 0,
  object_key text,
  job_id bigint,                                     -- none when a schedule asked
  error text,
  created_by bigint references users (id),
  created_at timestamptz not null default now(),
  finished_at timestamptz,
  primary key (organization_id, id),
  check (state <> 'ready' or object_key is not null)
);
create index exports_newest on exports (organization_id, created_at desc);

alter table exports enable row level security;
alter table exports force row level security;
create policy tenant on exports using (organization_id = current_organization())
  with check (organization_id = current_organization());
grant select, insert, update, delete on exports to pricing_app;
