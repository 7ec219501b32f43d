-- What each item should cost on one day at its usual quantity: all of an organization's, priced again after new prices
-- and new models.

create table item_predictions (
  organization_id bigint not null references organizations (id),
  item_id bigint not null,
  predicted_on date not null,
  model_version text not null,
  quantity numeric(18,4) not null,
  expected numeric(18,4) not null,
  low90 numeric(18,4),
  low50 numeric(18,4),
  high50 numeric(18,4),
  high90 numeric(18,4),
  effective_n double precision not null,
  primary key (organization_id, item_id),
  foreign key (organization_id, item_id) references items (organization_id, id) on delete cascade
);

alter table item_predictions enable row level security;
alter table item_predictions force row level security;
create policy tenant on item_predictions using (organization_id = current_organization())
  with check (organization_id = current_organization());
grant select, insert, update, delete on item_predictions to pricing_app;
