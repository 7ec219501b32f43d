-- Periodic jobs as rows, and what ties a run to the time it was due: a run exists once, whoever wrote it.

create table schedules (
  organization_id bigint not null references organizations (id),
  id bigint generated always as identity,
  name text not null check (length(name) between 1 and 100),
  kind text not null,
  payload jsonb not null default '{}',
  rule text not null check (length(rule) <= 200),
  time_zone text not null default 'UTC' check (length(time_zone) <= 60),
  catch_up text not null default 'latest' check (catch_up in ('all', 'latest', 'none')),
  enabled boolean not null default true,
  built_in boolean not null default false,
  anchor_at timestamptz not null default now(),
  next_due timestamptz not null,
  last_due timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (organization_id, id),
  unique (organization_id, name)
);
create index schedules_due on schedules (next_due, organization_id) where enabled;

alter table jobs
  add column schedule_id bigint,
  add column due_at timestamptz,
  add foreign key (organization_id, schedule_id) references schedules (organization_id, id) on delete set null (schedule_id);
create unique index jobs_of_schedules on jobs (organization_id, schedule_id, due_at);

alter table schedules enable row level security;
alter table schedules force row level security;
create policy tenant on schedules using (organization_id = current_organization())
  with check (organization_id = current_organization());
grant select, insert, update, delete on schedules to pricing_app;
create policy definer on schedules to pricing_owner using (true) with check (true);

create function organizations_with_due_schedules(due_until timestamptz) returns setof bigint
  language sql stable security definer set search_path = public, pg_temp as $$
  select distinct organization_id from schedules where enabled and next_due <= due_until order by 1
$$;
revoke execute on function organizations_with_due_schedules(timestamptz) from public;
grant execute on function organizations_with_due_schedules(timestamptz) to pricing_app;
