-- What is derived from the observed prices after an import and every night: small prices over time for lists, and each
-- supplier's place against the median bid of the same line.

alter table item_statistics add column sparkline real[] not null default '{}'; -- quarterly medians, oldest first

-- position: mean of ln(price / median bid of the same event and line); spread: its standard deviation.
create table supplier_statistics (
  organization_id bigint not null references organizations (id),
  supplier_id bigint not null,
  bids bigint not null,
  events bigint not null,
  wins bigint not null,
  position double precision,
  spread double precision,
  last_on date,
  primary key (organization_id, supplier_id),
  foreign key (organization_id, supplier_id) references suppliers (organization_id, id) on delete cascade
);
create index supplier_statistics_bids on supplier_statistics (organization_id, bids desc, supplier_id);

create table supplier_items (
  organization_id bigint not null references organizations (id),
  item_id bigint not null,
  supplier_id bigint not null,
  bids bigint not null,
  position double precision not null,
  low numeric(18,4) not null,
  high numeric(18,4) not null,
  last_on date not null,
  primary key (organization_id, item_id, supplier_id)
);
create index supplier_items_supplier on supplier_items (organization_id, supplier_id, position);

do $$
declare
  name text;
begin
  foreach name in array array['supplier_statistics', 'supplier_items'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy tenant on %I using (organization_id = current_organization()) '
                   'with check (organization_id = current_organization())', name);
    execute format('grant select, insert, update, delete on %I to pricing_app', name);
  end loop;
end $$;
