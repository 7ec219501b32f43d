-- Partitions of prices are made ahead of the years. Where TimescaleDB keeps the prices there is nothing to do.

-- How many were made. A year whose prices lie in the default partition stays there, and a busy table is left for the
-- next time.
create function keep_price_partitions(last_year int) returns int
  language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '2s' as $$
declare
  made int := 0;
  has_rows boolean;
begin
  if last_year not between 2000 and 2200 or to_regclass('price_observations_other') is null then
    return 0;
  end if;
  for year in 2036..last_year loop
    continue when to_regclass('price_observations_' || year) is not null;
    select exists (select from price_observations_other where observed_on >= make_date(year, 1, 1)
                   and observed_on < make_date(year + 1, 1, 1)) into has_rows;
    continue when has_rows;
    execute format('create table price_observations_%s partition of price_observations for values from (%L) to (%L)',
                   year, make_date(year, 1, 1), make_date(year + 1, 1, 1));
    made := made + 1;
  end loop;
  return made;
exception when lock_not_available then
  return 0;
end $$;
revoke all on function keep_price_partitions(int) from public;
grant execute on function keep_price_partitions(int) to pricing_app;
