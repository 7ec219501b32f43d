-- What the overview shows at once, derived with the rest after an import and every night.

-- Single precision shows as 31.399999618530273.
alter table item_statistics alter column sparkline type double precision[];

-- Lines of the last twelve months against those of the twelve before, at the item's usual quantity.
-- change: 0.08 is 8 % dearer.
create table item_changes (
  organization_id bigint not null references organizations (id),
  item_id bigint not null,
  change double precision not null,
  from_price numeric(18,4) not null,
  to_price numeric(18,4) not null,
  bids bigint not null,
  primary key (organization_id, item_id),
  foreign key (organization_id, item_id) references items (organization_id, id) on delete cascade
);

-- Ordered, invoiced, or asked by the lowest bidder of an event.
create table spend_months (
  organization_id bigint not null references organizations (id),
  month date not null,
  spend numeric(20,4) not null,
  primary key (organization_id, month)
);

do $$
declare
  name text;
begin
  foreach name in array array['item_changes', 'spend_months'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy tenant on %I using (organization_id = current_organization()) '
                   'with check (organization_id = current_organization())', name);
    execute format('grant select, insert, update, delete on %I to pricing_app', name);
  end loop;
end $$;
