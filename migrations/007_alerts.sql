-- What an organization watches, and what was found.

-- Whether the usual rules were made once; an organization may then remove them all.
alter table organizations add column has_alert_rules boolean not null default false;
grant update (has_alert_rules) on organizations to pricing_app;

-- threshold: a share (0.1 is 10 %), an amount of money, or days, by kind (src/watch/alert_kind.hpp).
create table alert_rules (
  organization_id bigint not null references organizations (id),
  id bigint generated always as identity,
  name text not null check (length(name) between 1 and 120),
  kind text not null check (kind in ('price_change', 'market_change', 'supplier_position', 'verdict_excess',
                                     'model_coverage', 'model_age', 'data_age')),
  threshold double precision not null check (threshold > 0),
  item_id bigint,                                    -- price_change of this item alone
  enabled boolean not null default true,
  created_by bigint references users (id),
  created_at timestamptz not null default now(),
  evaluated_at timestamptz,
  primary key (organization_id, id),
  foreign key (organization_id, item_id) references items (organization_id, id) on delete cascade,
  check (item_id is null or kind = 'price_change')
);

-- One open or acknowledged alert of a rule for each subject ('item:42').
create table alerts (
  organization_id bigint not null references organizations (id),
  id bigint generated always as identity,
  rule_id bigint not null,
  subject text not null,
  title text not null,
  item_id bigint,
  supplier_id bigint,
  verdict_id bigint,
  value double precision not null,                   -- in the unit of the rule's threshold
  money numeric(20,4),                               -- what it is about, a year
  state text not null default 'open' check (state in ('open', 'acknowledged', 'resolved')),
  raised_at timestamptz not null default now(),
  seen_at timestamptz not null default now(),        -- when it was last found true
  acknowledged_by bigint references users (id),
  acknowledged_at timestamptz,
  resolved_at timestamptz,
  primary key (organization_id, id),
  foreign key (organization_id, rule_id) references alert_rules (organization_id, id) on delete cascade
);
create unique index alerts_unresolved on alerts (organization_id, rule_id, subject) where state <> 'resolved';
create index alerts_newest on alerts (organization_id, state, id desc);

do $$
declare
  name text;
begin
  foreach name in array array['alert_rules', 'alerts'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy tenant on %I using (organization_id = current_organization()) '
                   'with check (organization_id = current_organization())', name);
    execute format('grant select, insert, update, delete on %I to pricing_app', name);
  end loop;
end $$;
