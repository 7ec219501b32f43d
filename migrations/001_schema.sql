-- The first schema: organizations, people, the catalog, observed prices, imports, jobs, models and verdicts.
--
-- Every table of an organization has organization_id and forced row-level security: a statement sees and writes only
-- the rows of the organization that `app.organization_id` names for its transaction, and nothing when none is named.
-- The services connect as pricing_app, which owns nothing and cannot bypass this. What must happen before an
-- organization is known (logging in, claiming a job) is a SECURITY DEFINER function of pricing_owner.

create extension if not exists pg_trgm;

-- After a transaction that named an organization the setting is '' and not null.
create function current_organization() returns bigint
  language sql stable parallel safe
  return nullif(current_setting('app.organization_id', true), '')::bigint;

-- People ---------------------------------------------------------------------------------------------------------------

create table organizations (
  id bigint generated always as identity primary key,
  name text not null check (length(name) between 1 and 200),
  slug text not null unique check (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  currency char(3) not null default 'USD' check (currency ~ '^[A-Z]{3}$'),
  created_at timestamptz not null default now()
);

create table users (
  id bigint generated always as identity primary key,
  email text not null check (length(email) between 3 and 254 and position('@' in email) > 1),
  name text not null check (length(name) between 1 and 200),
  password_hash text not null,
  created_at timestamptz not null default now(),
  disabled_at timestamptz,
  failed_logins int not null default 0,
  locked_until timestamptz
);
create unique index users_email on users (lower(email));

create table memberships (
  organization_id bigint not null references organizations (id),
  user_id bigint not null references users (id),
  role text not null check (role in ('admin', 'manager', 'analyst', 'buyer', 'viewer', 'supplier')),
  created_at timestamptz not null default now(),
  primary key (organization_id, user_id)
);
create index memberships_user on memberships (user_id);

create table refresh_tokens (
  id bigint generated always as identity primary key,
  organization_id bigint not null references organizations (id),
  user_id bigint not null references users (id),
  token_hash text not null unique,
  family_hash text not null, -- every token issued from one sign-in: a reused token revokes them all
  expires_at timestamptz not null,
  revoked_at timestamptz,
  created_at timestamptz not null default now()
);
create index refresh_tokens_family on refresh_tokens (family_hash);
create index refresh_tokens_user on refresh_tokens (organization_id, user_id);

create table audit_events (
  organization_id bigint not null references organizations (id),
  id bigint generated always as identity,
  at timestamptz not null default now(),
  user_id bigint,
  action text not null,
  subject_type text not null,
  subject_id text,
  before jsonb,
  after jsonb,
  request_id text,
  address text,
  previous_hash bytea,
  hash bytea not null,
  primary key (organization_id, id)
);

create table idempotency_keys (
  organization_id bigint not null references organizations (id),
  key text not null check (length(key) between 1 and 200),
  method_path text not null,
  request_hash bytea not null,
  status int,  -- null while the first request is still running
  body text,
  created_at timestamptz not null default now(),
  primary key (organization_id, key, method_path)
);
create index idempotency_keys_created on idempotency_keys (created_at);

-- Catalog --------------------------------------------------------------------------------------------------------------

create table categories (
  organization_id bigint not null references organizations (id),
  id bigint generated always as identity,
  parent_id bigint,
  name text not null check (name <> ''),
  primary key (organization_id, id),
  unique (organization_id, name),
  foreign key (organization_id, parent_id) references categories (organization_id, id)
);

create table items (
  organization_id bigint not null references organizations (id),
  id bigint generated always as identity,
  code text,
  name text not null check (name <> ''),
  normalized_name text not null,
  unit text not null default '',
  category_id bigint,
  kind text not null default 'item',
  is_priced boolean not null default true, -- false for lump sums and allowances: kept, but no unit price to compare
  created_at timestamptz not null default now(),
  primary key (organization_id, id),
  unique (organization_id, normalized_name, unit),
  foreign key (organization_id, category_id) references categories (organization_id, id)
);
create index items_name_trigrams on items using gin (normalized_name gin_trgm_ops);
create index items_category on items (organization_id, category_id);

create table item_aliases (
  organization_id bigint not null references organizations (id),
  id bigint generated always as identity,
  item_id bigint not null,
  normalized_name text not null,
  unit text not null default '',
  source text not null default 'manual',
  created_at timestamptz not null default now(),
  primary key (organization_id, id),
  unique (organization_id, normalized_name, unit),
  foreign key (organization_id, item_id) references items (organization_id, id) on delete cascade
);
create index item_aliases_item on item_aliases (organization_id, item_id);

create table suppliers (
  organization_id bigint not null references organizations (id),
  id bigint generated always as identity,
  name text not null check (name <> ''),
  normalized_name text not null,
  state text not null default 'active' check (state in ('active', 'blocked', 'merged')),
  created_at timestamptz not null default now(),
  primary key (organization_id, id),
  unique (organization_id, normalized_name)
);
create index suppliers_name_trigrams on suppliers using gin (normalized_name gin_trgm_ops);

create table supplier_aliases (
  organization_id bigint not null references organizations (id),
  id bigint generated always as identity,
  supplier_id bigint not null,
  normalized_name text not null,
  source text not null default 'manual',
  created_at timestamptz not null default now(),
  primary key (organization_id, id),
  unique (organization_id, normalized_name),
  foreign key (organization_id, supplier_id) references suppliers (organization_id, id) on delete cascade
);
create index supplier_aliases_supplier on supplier_aliases (organization_id, supplier_id);

create table events (
  organization_id bigint not null references organizations (id),
  id bigint generated always as identity,
  reference text not null check (reference <> ''),
  occurred_on date not null,
  kind text not null default '',
  name text not null default '',
  place text,
  created_at timestamptz not null default now(),
  primary key (organization_id, id),
  unique (organization_id, reference, occurred_on)
);
create index events_day on events (organization_id, occurred_on desc, id desc);

-- Prices ---------------------------------------------------------------------------------------------------------------
-- No foreign keys here: an import writes millions of rows whose ids it has just read or created.
-- kind: 1 bid, 2 the buyer's own estimate, 3 quote, 4 purchase order, 5 invoice, 6 contract, 7 list.
-- price is per unit, in the item's unit; row_key is a 64-bit hash of the row's canonical values.

do $$
declare
  columns constant text :=
    'organization_id bigint not null, item_id bigint not null, supplier_id bigint, event_id bigint, '
    'observed_on date not null, line int, kind smallint not null check (kind between 1 and 7), '
    'rank smallint check (rank > 0), price numeric(18,4) not null, quantity numeric(18,4), amount numeric(20,4), '
    'currency char(3) not null, upload_id bigint not null, source_row int not null, row_key bigint not null, '
    'recorded_at timestamptz not null default now()';
  hypertable boolean := false;
begin
  -- Its loader defines this setting. Without it, creating the extension would end the connection instead of failing.
  if current_setting('timescaledb.disable_load', true) is not null
     and exists (select from pg_available_extensions where name = 'timescaledb') then
    begin
      create extension if not exists timescaledb;
      hypertable := true;
    exception when others then
      raise notice 'TimescaleDB is offered but cannot be used (%); prices go into partitions by year', sqlerrm;
    end;
  end if;
  if hypertable then
    execute format('create table price_observations (%s)', columns);
    perform create_hypertable('price_observations', 'observed_on', chunk_time_interval => interval '1 year',
                              create_default_indexes => false);
  else
    execute format('create table price_observations (%s) partition by range (observed_on)', columns);
    for year in 1990..2035 loop
      execute format('create table price_observations_%s partition of price_observations for values from (%L) to (%L)',
                     year, make_date(year, 1, 1), make_date(year + 1, 1, 1));
    end loop;
    create table price_observations_other partition of price_observations default;
  end if;
end $$;
create unique index price_observations_key on price_observations (organization_id, row_key, observed_on);
create index price_observations_item on price_observations (organization_id, item_id, observed_on desc);
create index price_observations_event on price_observations (organization_id, event_id);
create index price_observations_supplier on price_observations (organization_id, supplier_id);
-- Uploads are written one after the other, so a block range index finds the rows of one at almost no cost.
create index price_observations_upload on price_observations using brin (upload_id) with (pages_per_range = 16);

create table item_statistics (
  organization_id bigint not null references organizations (id),
  item_id bigint not null,
  observations bigint not null default 0,
  bids bigint not null default 0,
  suppliers bigint not null default 0,
  first_on date,
  last_on date,
  median_price numeric(18,4),
  last_price numeric(18,4),
  spend numeric(20,4) not null default 0,
  primary key (organization_id, item_id),
  foreign key (organization_id, item_id) references items (organization_id, id) on delete cascade
);
create index item_statistics_spend on item_statistics (organization_id, spend desc, item_id);
create index item_statistics_bids on item_statistics (organization_id, bids desc, item_id);

-- Natural logarithms of price at the reference quantity.
create table item_benchmarks (
  organization_id bigint not null references organizations (id),
  item_id bigint not null,
  as_of date not null,
  reference_quantity double precision not null,
  slope double precision not null,
  q05 double precision not null,
  q25 double precision not null,
  q50 double precision not null,
  q75 double precision not null,
  q95 double precision not null,
  effective_n double precision not null,
  newest_on date not null,
  bids bigint not null,
  primary key (organization_id, item_id),
  check (q05 <= q25 and q25 <= q50 and q50 <= q75 and q75 <= q95),
  foreign key (organization_id, item_id) references items (organization_id, id) on delete cascade
);

create table market_index (
  organization_id bigint not null references organizations (id),
  month date not null check (extract(day from month) = 1),
  value double precision not null check (value > 0),
  lower double precision not null,
  upper double precision not null,
  matched_items bigint not null,
  own_value double precision,
  primary key (organization_id, month)
);

-- Imports --------------------------------------------------------------------------------------------------------------

create table mapping_templates (
  organization_id bigint not null references organizations (id),
  id bigint generated always as identity,
  name text not null,
  header_fingerprint text not null,
  mapping jsonb not null,
  created_at timestamptz not null default now(),
  primary key (organization_id, id)
);
create index mapping_templates_fingerprint on mapping_templates (organization_id, header_fingerprint);

create table uploads (
  organization_id bigint not null references organizations (id),
  id bigint generated always as identity,
  file_name text not null,
  sha256 bytea not null check (length(sha256) = 32),
  bytes bigint not null check (bytes >= 0),
  object_key text not null,
  state text not null default 'pending' check
    (state in ('pending', 'validating', 'mapping', 'ready', 'processing', 'completed', 'partial', 'failed')),
  kind text,
  mapping_id bigint,
  detected jsonb,
  rows_in bigint not null default 0,
  loaded bigint not null default 0,
  quarantined bigint not null default 0,
  duplicates bigint not null default 0,
  awaiting bigint not null default 0,
  checkpoint_row bigint not null default 0,
  total_rows_estimate bigint,
  bytes_read bigint not null default 0,
  error text,
  quality jsonb,
  created_by bigint references users (id),
  created_at timestamptz not null default now(),
  started_at timestamptz,
  finished_at timestamptz,
  primary key (organization_id, id),
  foreign key (organization_id, mapping_id) references mapping_templates (organization_id, id)
);
create index uploads_hash on uploads (organization_id, sha256);

create table quarantined_rows (
  organization_id bigint not null,
  upload_id bigint not null,
  row_number int not null,
  column_name text,
  reason text not null,
  raw jsonb not null check (jsonb_typeof(raw) = 'array'),
  state text not null default 'open' check (state in ('open', 'fixed', 'dismissed')),
  primary key (organization_id, upload_id, row_number),
  foreign key (organization_id, upload_id) references uploads (organization_id, id) on delete cascade
);

create table match_decisions (
  organization_id bigint not null references organizations (id),
  id bigint generated always as identity,
  kind text not null check (kind in ('item', 'supplier')),
  source_text text not null,
  normalized text not null,
  unit text not null default '',
  candidates jsonb not null default '[]',
  state text not null default 'pending' check (state in ('pending', 'matched', 'new', 'auto')),
  chosen_id bigint,
  rows bigint not null default 0,
  decided_by bigint references users (id),
  decided_at timestamptz,
  created_at timestamptz not null default now(),
  primary key (organization_id, id),
  unique (organization_id, kind, normalized, unit)
);
create index match_decisions_state on match_decisions (organization_id, state, id);

create table held_rows (
  organization_id bigint not null,
  upload_id bigint not null,
  row_number int not null,
  item_match_id bigint,
  supplier_match_id bigint,
  row jsonb not null,
  primary key (organization_id, upload_id, row_number),
  foreign key (organization_id, upload_id) references uploads (organization_id, id) on delete cascade
);
create index held_rows_item on held_rows (organization_id, item_match_id);
create index held_rows_supplier on held_rows (organization_id, supplier_match_id);

-- Work, models, verdicts -----------------------------------------------------------------------------------------------

create table jobs (
  id bigint generated always as identity primary key,
  organization_id bigint not null references organizations (id),
  kind text not null,
  payload jsonb not null default '{}',
  state text not null default 'queued' check (state in ('queued', 'running', 'succeeded', 'failed')),
  attempts int not null default 0,
  attempts_max int not null default 5 check (attempts_max between 1 and 100),
  progress jsonb,
  run_after timestamptz not null default now(),
  lease_until timestamptz,
  worker text,
  error text,
  created_at timestamptz not null default now(),
  finished_at timestamptz
);
create index jobs_waiting on jobs (run_after, id) where state in ('queued', 'running');
create index jobs_organization on jobs (organization_id, id desc);

create table models (
  organization_id bigint not null references organizations (id),
  id bigint generated always as identity,
  version text not null,
  state text not null default 'candidate' check (state in ('candidate', 'promoted', 'retired', 'rejected')),
  object_key text not null,
  sha256 bytea not null,
  snapshot_hash text not null default '',
  trained_until date,
  metrics jsonb not null default '{}',
  parameters jsonb not null default '{}',
  created_at timestamptz not null default now(),
  promoted_at timestamptz,
  primary key (organization_id, id),
  unique (organization_id, version)
);
create unique index models_promoted on models (organization_id) where state = 'promoted';

create table verdicts (
  organization_id bigint not null references organizations (id),
  id bigint generated always as identity,
  name text not null default '',
  occurred_on date not null,
  request jsonb not null,
  result jsonb not null,
  total_excess numeric(20,4) not null default 0,
  created_by bigint references users (id),
  created_at timestamptz not null default now(),
  primary key (organization_id, id)
);

-- The audit trail is a chain: each event's hash covers the one before it, so that a removed or changed event shows.

create function chain_audit_event() returns trigger
  language plpgsql security definer set search_path = public, pg_temp as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('audit_events', new.organization_id));
  new.previous_hash := (select hash from audit_events where organization_id = new.organization_id
                        order by id desc limit 1);
  new.id := nextval(pg_get_serial_sequence('audit_events', 'id')); -- under the lock: ids follow the chain
  new.hash := sha256(coalesce(new.previous_hash, '') || convert_to(concat_ws(chr(31), new.organization_id, new.id,
    extract(epoch from new.at), coalesce(new.user_id, 0), new.action, new.subject_type, coalesce(new.subject_id, ''),
    coalesce(new.before::text, ''), coalesce(new.after::text, ''), coalesce(new.request_id, ''),
    coalesce(new.address, '')), 'UTF8'));
  return new;
end $$;
create trigger chain before insert on audit_events for each row execute function chain_audit_event();

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only', tg_table_name using errcode = 'insufficient_privilege';
end $$;
create trigger append_only before update or delete or truncate on audit_events
  for each statement execute function refuse_change();

-- Who may see what -----------------------------------------------------------------------------------------------------

do $$
declare
  name text;
begin
  foreach name in array array['memberships', 'refresh_tokens', 'audit_events', 'idempotency_keys', 'categories', 'items',
      'item_aliases', 'suppliers', 'supplier_aliases', 'events', 'price_observations', 'item_statistics',
      'item_benchmarks', 'market_index', 'mapping_templates', 'uploads', 'quarantined_rows', 'match_decisions',
      'held_rows', 'jobs', 'models', 'verdicts'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy tenant on %I using (organization_id = current_organization()) '
                   'with check (organization_id = current_organization())', name);
    execute format('grant select, insert, update, delete on %I to pricing_app', name);
  end loop;
  -- For the functions below, which run as the owner; no service connects as it.
  foreach name in array array['organizations', 'users', 'memberships', 'refresh_tokens', 'jobs'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy definer on %I to pricing_owner using (true) with check (true)', name);
  end loop;
end $$;
revoke update, delete on audit_events from pricing_app;

create policy tenant on organizations using (id = current_organization()) with check (id = current_organization());
grant select, update (name, currency) on organizations to pricing_app;
create policy tenant on users using (exists (select from memberships m where m.user_id = users.id
                                             and m.organization_id = current_organization()));
grant select (id, email, name, created_at, disabled_at, failed_logins, locked_until),
      update (name, disabled_at, password_hash, failed_logins, locked_until) on users to pricing_app;

-- What happens before an organization is known --------------------------------------------------------------------------

create type login as (
  user_id bigint, email text, name text, password_hash text, disabled boolean, locked_until timestamptz,
  organization_id bigint, organization_name text, organization_slug text, currency text, role text);

create function login_of(wanted_user bigint, wanted_organization bigint) returns setof login
  language sql stable security definer set search_path = public, pg_temp as $$
  select u.id, u.email, u.name, u.password_hash, u.disabled_at is not null, u.locked_until, o.id, o.name, o.slug,
         o.currency::text, m.role
  from users u join memberships m on m.user_id = u.id join organizations o on o.id = m.organization_id
  where u.id = wanted_user and (wanted_organization is null or o.id = wanted_organization)
  order by m.created_at, o.id limit 1
$$;

create function login_by_email(wanted text) returns setof login
  language sql stable security definer set search_path = public, pg_temp as $$
  select l.* from users u cross join lateral login_of(u.id, null) l where lower(u.email) = lower(wanted)
$$;

-- Counts failures and locks the account for a while after too many; a success forgets them.
create function note_login(who bigint, success boolean, failures_max int, lockout_s int) returns void
  language sql security definer set search_path = public, pg_temp as $$
  update users set
    failed_logins = case when success or failed_logins + 1 >= failures_max then 0 else failed_logins + 1 end,
    locked_until = case when success then null
                        when failed_logins + 1 >= failures_max then now() + make_interval(secs => lockout_s)
                        else locked_until end
  where id = who
$$;

-- A valid token is used once and answers with its person; a token used twice revokes all of its sign-in.
create function use_refresh_token(wanted text, out family_hash text, out person login) returns setof record
  language plpgsql security definer set search_path = public, pg_temp as $$
declare
  found refresh_tokens;
begin
  select * into found from refresh_tokens t where t.token_hash = wanted for update;
  if found.id is null or found.expires_at <= now() then
    return;
  end if;
  if found.revoked_at is not null then
    update refresh_tokens t set revoked_at = now() where t.family_hash = found.family_hash and t.revoked_at is null;
    return;
  end if;
  update refresh_tokens t set revoked_at = now() where t.id = found.id;
  for person in select l.* from login_of(found.user_id, found.organization_id) l loop
    family_hash := found.family_hash;
    return next;
  end loop;
end $$;

create function create_organization(new_name text, new_slug text, new_currency text) returns bigint
  language sql security definer set search_path = public, pg_temp as $$
  insert into organizations (name, slug, currency) values (new_name, new_slug, new_currency) returning id
$$;

-- Adds a person to the current organization. An e-mail address that is already known is a unique violation.
create function add_user(new_email text, new_name text, new_role text, new_password_hash text) returns bigint
  language plpgsql security definer set search_path = public, pg_temp as $$
declare
  added bigint;
begin
  insert into users (email, name, password_hash) values (lower(new_email), new_name, new_password_hash)
    returning id into added;
  insert into memberships (organization_id, user_id, role) values (current_organization(), added, new_role);
  return added;
end $$;

create function organization_ids() returns setof bigint
  language sql stable security definer set search_path = public, pg_temp as $$
  select id from organizations order by id
$$;

-- Takes the oldest due job of any organization, also one whose worker stopped renewing its lease.
create function claim_job(claimant text, kinds text[], lease_s int) returns setof jobs
  language sql security definer set search_path = public, pg_temp as $$
  with spent as (
    update jobs set state = 'failed', finished_at = now(), error = coalesce(error, 'its workers kept ending')
    where state = 'running' and lease_until < now() and attempts >= attempts_max)
  update jobs set state = 'running', attempts = attempts + 1, worker = claimant,
                  lease_until = now() + make_interval(secs => lease_s)
  where id = (select id from jobs
              where kind = any (kinds) and ((state = 'queued' and run_after <= now())
                or (state = 'running' and lease_until < now() and attempts < attempts_max))
              order by run_after, id limit 1 for update skip locked)
  returning *
$$;

do $$
declare
  own regprocedure;
begin
  for own in select oid from pg_proc where proowner = current_user::regrole loop
    execute format('revoke execute on function %s from public', own);
    execute format('grant execute on function %s to pricing_app', own);
  end loop;
end $$;
