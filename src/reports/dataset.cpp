#include "reports/dataset.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace pricing::reports {
namespace {

using enum cell_type;

// Prices
// ---------------------------------------------------------------------------------------------------------------

constexpr column price_columns[] = {
    {"date", day},          {"item code"},      {"item"},    {"unit"},         {"supplier"},     {"event"},
    {"event name"},         {"place"},          {"kind"},    {"line", number}, {"rank", number}, {"quantity", number},
    {"unit price", number}, {"amount", number}, {"currency"}};

constexpr const char* select_prices =
    "select p.observed_on::text, i.code, i.name, i.unit, s.name, e.reference, e.name, e.place, "
    "(array['bid', 'estimate', 'quote', 'order', 'invoice', 'contract', 'list'])[p.kind], p.line::text, p.rank::text, "
    "p.quantity::text, p.price::text, p.amount::text, p.currency::text "
    "from price_observations p join items i on i.organization_id = p.organization_id and i.id = p.item_id "
    "left join suppliers s on s.organization_id = p.organization_id and s.id = p.supplier_id "
    "left join events e on e.organization_id = p.organization_id and e.id = p.event_id "
    "where p.organization_id = {}{}";

std::string prices(organization_id organization, const export_filter& f) {
  std::string narrowed;
  if (f.item_id)
    narrowed += fmt::format(" and p.item_id = {}", *f.item_id);
  if (f.supplier_id)
    narrowed += fmt::format(" and p.supplier_id = {}", *f.supplier_id);
  if (f.from)
    narrowed += fmt::format(" and p.observed_on >= '{}'", to_string(*f.from));
  if (f.until)
    narrowed += fmt::format(" and p.observed_on < '{}'", to_string(*f.until));
  // All of it is read in the order in which it lies: sorting millions of rows would serve nobody.
  if (f.item_id || f.supplier_id)
    narrowed += " order by p.observed_on, p.event_id, p.line, p.rank";
  return fmt::format(select_prices, organization.value, narrowed);
}

// Items
// ----------------------------------------------------------------------------------------------------------------

constexpr column item_columns[] = {{"item code"},
                                   {"item"},
                                   {"unit"},
                                   {"category"},
                                   {"prices", number},
                                   {"bids", number},
                                   {"suppliers", number},
                                   {"first", day},
                                   {"last", day},
                                   {"median price", number},
                                   {"last price", number},
                                   {"spend", number},
                                   {"benchmark at usual quantity", number},
                                   {"benchmark 5 %", number},
                                   {"benchmark 95 %", number},
                                   {"usual quantity", number},
                                   {"price change per quantity (log-log slope)", number},
                                   {"expected price", number},
                                   {"expected 5 %", number},
                                   {"expected 95 %", number},
                                   {"expected on", day}};

constexpr const char* select_items =
    "select i.code, i.name, i.unit, c.name, s.observations::text, s.bids::text, s.suppliers::text, s.first_on::text, "
    "s.last_on::text, s.median_price::text, s.last_price::text, s.spend::text, round(exp(b.q50)::numeric, 4)::text, "
    "round(exp(b.q05)::numeric, 4)::text, round(exp(b.q95)::numeric, 4)::text, "
    "round(b.reference_quantity::numeric, 4)::text, round(b.slope::numeric, 4)::text, x.expected::text, x.low90::text, "
    "x.high90::text, x.predicted_on::text "
    "from items i left join categories c on c.organization_id = i.organization_id and c.id = i.category_id "
    "left join item_statistics s on s.organization_id = i.organization_id and s.item_id = i.id "
    "left join item_benchmarks b on b.organization_id = i.organization_id and b.item_id = i.id "
    "left join item_predictions x on x.organization_id = i.organization_id and x.item_id = i.id "
    "where i.organization_id = {} order by s.spend desc nulls last, i.id";

std::string items(organization_id organization, const export_filter&) {
  return fmt::format(select_items, organization.value);
}

// Price moves
// ----------------------------------------------------------------------------------------------------------

constexpr column mover_columns[] = {
    {"item code"},        {"item"},         {"unit"},         {"change %", number}, {"from price", number},
    {"to price", number}, {"bids", number}, {"spend", number}};

constexpr const char* select_movers =
    "select i.code, i.name, i.unit, round((100 * m.change)::numeric, 2)::text, m.from_price::text, m.to_price::text, "
    "m.bids::text, s.spend::text from item_changes m "
    "join items i on i.organization_id = m.organization_id and i.id = m.item_id "
    "left join item_statistics s on s.organization_id = m.organization_id and s.item_id = m.item_id "
    "where m.organization_id = {} order by abs(m.change) * coalesce(s.spend, 0)::float8 desc, i.id";

std::string movers(organization_id organization, const export_filter&) {
  return fmt::format(select_movers, organization.value);
}

// Suppliers
// ------------------------------------------------------------------------------------------------------------

constexpr column supplier_columns[] = {{"supplier"},       {"state"},        {"bids", number},
                                       {"events", number}, {"wins", number}, {"against median %", number},
                                       {"last", day}};

constexpr const char* select_suppliers =
    "select s.name, s.state, t.bids::text, t.events::text, t.wins::text, "
    "round((100 * (exp(t.position) - 1))::numeric, 2)::text, t.last_on::text from suppliers s "
    "left join supplier_statistics t on t.organization_id = s.organization_id and t.supplier_id = s.id "
    "where s.organization_id = {} order by t.bids desc nulls last, s.id";

std::string suppliers(organization_id organization, const export_filter&) {
  return fmt::format(select_suppliers, organization.value);
}

// Index and spend
// ------------------------------------------------------------------------------------------------------

constexpr column index_columns[] = {{"month", day},    {"market index", number}, {"lower", number},
                                    {"upper", number}, {"own index", number},    {"matched items", number},
                                    {"spend", number}};

constexpr const char* select_index =
    "select m.month::text, round(m.value::numeric, 3)::text, round(m.lower::numeric, 3)::text, "
    "round(m.upper::numeric, 3)::text, round(m.own_value::numeric, 3)::text, m.matched_items::text, s.spend::text "
    "from market_index m left join spend_months s on s.organization_id = m.organization_id and s.month = m.month "
    "where m.organization_id = {} order by m.month";

std::string market_index(organization_id organization, const export_filter&) {
  return fmt::format(select_index, organization.value);
}

// Verdicts
// -------------------------------------------------------------------------------------------------------------

constexpr column verdict_columns[] = {{"date", day}, {"proposal"},      {"lines"},
                                      {"bidders"},   {"worst finding"}, {"excess", number}};

constexpr const char* select_verdicts =
    "select occurred_on::text, name, request->>'lines', request->>'bidders', request->>'worst', total_excess::text "
    "from verdicts where organization_id = {} order by occurred_on desc, id desc";

std::string verdicts(organization_id organization, const export_filter&) {
  return fmt::format(select_verdicts, organization.value);
}

constexpr std::array<std::string_view, 5> report_sheets = {"movers", "market_index", "suppliers", "verdicts", "items"};

constexpr dataset all[] = {
    {"report",
     "Report",
     "Price moves, index, suppliers, verdicts and items, each on its own sheet (XLSX)",
     false,
     {},
     nullptr,
     report_sheets},
    {"prices", "Prices", "Every observed price, as loaded", true, price_columns, prices, {}},
    {"items",
     "Items",
     "Items with their statistics and benchmarks, largest spend first",
     false,
     item_columns,
     items,
     {}},
    {"movers",
     "Price moves",
     "Last twelve months against the twelve before, largest effect first",
     false,
     mover_columns,
     movers,
     {}},
    {"suppliers",
     "Suppliers",
     "Suppliers with their position against the median bid",
     false,
     supplier_columns,
     suppliers,
     {}},
    {"market_index",
     "Index and spend",
     "Market index, own index and spend by month",
     false,
     index_columns,
     market_index,
     {}},
    {"verdicts", "Verdicts", "Judged proposals, newest first", false, verdict_columns, verdicts, {}},
};

} // namespace

std::span<const dataset> datasets() {
  return all;
}

const dataset* find_dataset(std::string_view name) {
  const auto found = std::ranges::find(all, name, &dataset::name);
  return found == std::end(all) ? nullptr : found;
}

std::string dataset_names() {
  std::string out;
  for (const auto& d : all)
    out.append(out.empty() ? "" : ", ").append(d.name);
  return out;
}

} // namespace pricing::reports
