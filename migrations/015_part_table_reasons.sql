-- How a part table was read, beside the counts: null of tables that were taken before this was kept.

alter table part_tables
  add terms jsonb,                                   -- columns that are no facts about a part: [{column, means}]
  add left_out_rows text[] check (cardinality(left_out_rows) <= 200); -- the first of them, with the reason
