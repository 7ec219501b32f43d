-- Heads of the audit chains, API keys, second factors, the organization's policy.

-- The newest event of each chain, signed with a key that the database does not know: events removed from the end show.
create table audit_heads (
  organization_id bigint primary key references organizations (id),
  event_id bigint not null,
  hash bytea not null,
  signature text not null,
  signed_at timestamptz not null default now()
);

-- A key acts for the person who made it, within its permissions and never beyond those of the person's role.
create table api_keys (
  organization_id bigint not null references organizations (id),
  id bigint generated always as identity,
  user_id bigint not null references users (id),
  name text not null check (length(name) between 1 and 100),
  shown text not null,           -- the first characters, to tell keys apart
  key_hash text not null unique, -- SHA-256; the key itself is shown once
  permissions text[] not null check (cardinality(permissions) between 1 and 100),
  expires_at timestamptz not null,
  last_used_at timestamptz,
  revoked_at timestamptz,
  created_at timestamptz not null default now(),
  primary key (organization_id, id)
);

-- A person's authenticator; it counts once a code of it was seen.
create table second_factors (
  user_id bigint primary key references users (id),
  secret text not null,                 -- sealed
  confirmed_at timestamptz,
  last_step bigint not null default 0,  -- a code is good once: only later time steps are
  created_at timestamptz not null default now()
);
create table recovery_codes (
  user_id bigint not null references users (id),
  code_hash text not null,
  used_at timestamptz,
  primary key (user_id, code_hash)
);

alter table organizations add column mfa_required boolean not null default false;
grant update (mfa_required) on organizations to pricing_app;

do $$
declare
  name text;
begin
  foreach name in array array['audit_heads', 'api_keys'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy tenant on %I using (organization_id = current_organization()) '
                   'with check (organization_id = current_organization())', name);
  end loop;
  foreach name in array array['second_factors', 'recovery_codes'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy tenant on %1$I using (exists (select from memberships m where m.user_id = %1$I.user_id '
                   'and m.organization_id = current_organization()))', name);
    execute format('grant select, insert, update, delete on %I to pricing_app', name);
  end loop;
end $$;
grant select, insert, update on audit_heads to pricing_app;
grant select, insert on api_keys to pricing_app;
grant update (revoked_at) on api_keys to pricing_app;
create policy definer on api_keys to pricing_owner using (true) with check (true);

-- The person a key acts for, before an organization is known; notes the use, at most once a minute.
create function use_api_key(wanted text, out key_permissions text[], out person login) returns setof record
  language plpgsql security definer set search_path = public, pg_temp as $$
declare
  found api_keys;
begin
  select * into found from api_keys k
    where k.key_hash = wanted and k.revoked_at is null and k.expires_at > now();
  if found.id is null then
    return;
  end if;
  if found.last_used_at is null or found.last_used_at < now() - interval '1 minute' then
    update api_keys k set last_used_at = now() where k.organization_id = found.organization_id and k.id = found.id;
  end if;
  for person in select l.* from login_of(found.user_id, found.organization_id) l where not l.disabled loop
    key_permissions := found.permissions;
    return next;
  end loop;
end $$;
revoke all on function use_api_key(text) from public;
grant execute on function use_api_key(text) to pricing_app;
