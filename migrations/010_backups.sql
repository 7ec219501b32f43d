-- Backups that were made, for the alert when none comes any more. Of the whole installation, so without a tenant.

create table backups (
  id text not null check (length(id) between 1 and 60),
  part text not null check (length(part) between 1 and 40),
  environment text not null check (length(environment) between 1 and 40),
  location text not null,
  bytes bigint not null,                             -- of all parts of this backup, as stored
  started_at timestamptz not null,
  finished_at timestamptz not null,
  primary key (id, part)
);
create index backups_newest on backups (part, finished_at desc);
grant select, insert on backups to pricing_app;
