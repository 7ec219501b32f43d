#include "watch/alert_kind.hpp"

#include <array>

namespace pricing::watch {
namespace {

using enum alert_kind;

// Columns: subject, title, item_id, supplier_id, verdict_id, value, money. Moves keep their sign; money is a year's.
constexpr std::array<kind_definition, 7> kinds{{
    {price_change, threshold_unit::share, 0.01, 100, 0.8, false, false,
     "select 'item:' || c.item_id, i.name, c.item_id, null::bigint, null::bigint, c.change, "
     "(abs(c.change) * s.spend / greatest(1.0, (s.last_on - s.first_on) / 365.25))::numeric(20, 4) as money "
     "from item_changes c join items i on i.organization_id = c.organization_id and i.id = c.item_id "
     "join item_statistics s on s.organization_id = c.organization_id and s.item_id = c.item_id "
     "where c.organization_id = $1 and c.bids >= 10 and abs(c.change) >= $2::float8 and ($3::bigint is null or "
     "c.item_id = $3) order by money desc limit 200"},
    {market_change, threshold_unit::share, 0.005, 1, 0.8, false, false,
     "select 'market', 'Market index', null::bigint, null::bigint, null::bigint, n.value / o.value - 1, "
     "null::numeric from (select month, value from market_index where organization_id = $1 order by month desc limit "
     "1) "
     "n join market_index o on o.organization_id = $1 and o.month = (n.month - interval '3 months')::date "
     "where abs(n.value / o.value - 1) >= $2::float8 and $3::bigint is null"},
    {supplier_position, threshold_unit::share, 0.01, 10, 0.8, false, false,
     "select 'supplier:' || s.supplier_id, p.name, null::bigint, s.supplier_id, null::bigint, exp(s.position) - 1, "
     "null::numeric from supplier_statistics s join suppliers p on p.organization_id = s.organization_id and "
     "p.id = s.supplier_id where s.organization_id = $1 and s.bids >= 50 and exp(s.position) - 1 >= $2::float8 and "
     "s.last_on >= (select max(last_on) from item_statistics where organization_id = $1) - 731 and $3::bigint is null "
     "order by s.position desc limit 200"},
    {verdict_excess, threshold_unit::money, 1, 1e12, 1, false, true,
     "select 'verdict:' || id, case when name = '' then 'Proposal of ' || occurred_on else name end, null::bigint, "
     "null::bigint, id, total_excess::float8, total_excess from verdicts where organization_id = $1 and total_excess "
     ">= "
     "$2::float8::numeric and created_at > now() - interval '30 days' and $3::bigint is null order by "
     "verdicts.total_excess desc limit 200"},
    {model_coverage, threshold_unit::share, 0.5, 0.9, 1.005, true, false,
     "select 'model', 'Price model ' || version, null::bigint, null::bigint, null::bigint, "
     "(metrics->>'coverage_90')::float8, null::numeric from models where organization_id = $1 and state = 'promoted' "
     "and "
     "(metrics->>'coverage_90')::float8 < $2::float8 and $3::bigint is null"},
    {model_age, threshold_unit::days, 1, 3650, 1, false, false,
     "select 'model', 'Price model ' || version, null::bigint, null::bigint, null::bigint, "
     "(current_date - trained_until)::float8, null::numeric from models where organization_id = $1 and state = "
     "'promoted' and current_date - trained_until >= $2::float8 and $3::bigint is null"},
    {data_age, threshold_unit::days, 1, 3650, 1, false, false,
     "select 'data', 'Newest price', null::bigint, null::bigint, null::bigint, (current_date - d.newest)::float8, "
     "null::numeric from (select max(last_on) as newest from item_statistics where organization_id = $1) d where "
     "current_date - d.newest >= $2::float8 and $3::bigint is null"},
}};

} // namespace

std::span<const kind_definition> alert_kinds() {
  return kinds;
}

const kind_definition& definition_of(alert_kind kind) {
  return kinds.at(static_cast<std::size_t>(kind));
}

} // namespace pricing::watch
