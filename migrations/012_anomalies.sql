-- Prices that do not fit, and whether prices still look as they did when the model learned from them.

-- One price that was found strange. Only open ones are looked at anew; what somebody decided stays.
create table anomalies (
  organization_id bigint not null references organizations (id),
  id bigint generated always as identity,
  row_key bigint not null,                           -- with observed_on: the row of price_observations
  observed_on date not null,
  upload_id bigint not null,
  source_row int not null,
  item_id bigint not null,
  supplier_id bigint,
  event_id bigint,
  price numeric(18,4) not null,                      -- per unit
  expected numeric(18,4) not null,
  quantity numeric(18,4) not null,
  excess numeric(20,4) not null,                     -- (price - expected) * quantity; negative: paid too little
  money numeric(20,4) not null generated always as (abs(excess)) stored,
  score double precision not null,
  p double precision not null check (p between 0 and 1),
  q double precision not null check (q between 0 and 1),
  reasons jsonb not null check (jsonb_typeof(reasons) = 'array'),
  state text not null default 'open' check (state in ('open', 'dismissed', 'confirmed')),
  found_at timestamptz not null default now(),
  seen_at timestamptz not null default now(),        -- when it was last found strange
  decided_by bigint references users (id),
  decided_at timestamptz,
  primary key (organization_id, id),
  unique (organization_id, row_key, observed_on),
  foreign key (organization_id, item_id) references items (organization_id, id) on delete cascade,
  foreign key (organization_id, upload_id) references uploads (organization_id, id) on delete cascade
);
create index anomalies_money on anomalies (organization_id, state, money desc, id desc);
create index anomalies_upload on anomalies (organization_id, upload_id);
create index anomalies_item on anomalies (organization_id, item_id);

-- What was looked at, so that "nothing found" can be told from "not looked".
create table anomaly_runs (
  organization_id bigint not null,
  upload_id bigint not null,
  ran_at timestamptz not null default now(),
  rows_examined bigint not null,
  rows_left_out bigint not null,                     -- nothing to compare with, or beyond the limit
  reference_rows bigint not null,
  found bigint not null,
  why_not text,                                      -- none examined
  primary key (organization_id, upload_id),
  foreign key (organization_id, upload_id) references uploads (organization_id, id) on delete cascade
);

-- report: src/insight/drift_report.hpp.
create table drift_reports (
  organization_id bigint not null references organizations (id),
  id bigint generated always as identity,
  made_at timestamptz not null default now(),
  window_from date not null,
  window_to date not null,
  rows bigint not null,
  drifted int not null,                              -- columns of groups
  report jsonb not null,
  primary key (organization_id, id)
);

-- How honest the model's intervals are on prices that it had not seen, once for each version.
-- report: src/insight/calibration.hpp; object_key: the model trained without the newest year that it was measured with.
create table model_calibrations (
  organization_id bigint not null references organizations (id),
  version text not null,
  made_at timestamptz not null default now(),
  tested_from date not null,
  tested_to date not null,
  object_key text not null,
  report jsonb not null,
  primary key (organization_id, version)
);

do $$
declare
  name text;
begin
  foreach name in array array['anomalies', 'anomaly_runs', 'drift_reports', 'model_calibrations'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy tenant on %I using (organization_id = current_organization()) '
                   'with check (organization_id = current_organization())', name);
    execute format('grant select, insert, update, delete on %I to pricing_app', name);
  end loop;
end $$;
