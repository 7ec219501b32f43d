#include "models/item_pricing.hpp"

#include "models/predict.hpp"

#include <fmt/format.h>

namespace pricing::models {
namespace {

struct usual_line {
  std::int64_t item_id = 0;
  std::string unit;
  decimal quantity;
};
BOOST_DESCRIBE_STRUCT(usual_line, (), (item_id, unit, quantity))

constexpr const char* find_lines =
    "select b.item_id, i.unit, greatest(b.reference_quantity, 0.0001)::numeric(18, 4) from item_benchmarks b join "
    "items "
    "i on i.organization_id = b.organization_id and i.id = b.item_id where b.organization_id = $1 and "
    "b.reference_quantity < 1e14 order by b.item_id";
constexpr const char* make_table =
    "create temporary table item_predictions_in (item_id bigint, quantity numeric, expected numeric, low90 numeric, "
    "low50 numeric, high50 numeric, high90 numeric, effective_n double precision) on commit drop";
constexpr const char* remove_all = "delete from item_predictions where organization_id = $1";
// An item may have been merged meanwhile.
constexpr const char* insert_all =
    "insert into item_predictions (organization_id, item_id, predicted_on, model_version, quantity, expected, low90, "
    "low50, high50, high90, effective_n) select $1, item_id, $2, $3, n.quantity, expected, low90, low50, high50, "
    "high90, "
    "effective_n from item_predictions_in n join items i on i.organization_id = $1 and i.id = n.item_id";

constexpr std::size_t items_between_reports = 500;

std::string text_of(const std::optional<decimal>& value) {
  return value ? value->to_string() : "\\N";
}

// Each alone: the other lines of an event would move its price.
result<std::string> priced_rows(const snapshot& s, const std::vector<usual_line>& lines, date on,
                                const pricing_progress& progress) {
  std::string rows;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (progress && i % items_between_reports == 0)
      progress(i, lines.size());
    prediction_request one{.on = on, .reasons = {false}};
    one.lines.push_back({.item_id = lines[i].item_id, .unit = {lines[i].unit}, .quantity = lines[i].quantity});
    const auto answered = predict(s, one, on);
    if (!answered)
      return answered.error();
    const predicted_line& p = answered->lines.front();
    if (p.expected)
      rows += fmt::format("{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\n", lines[i].item_id, lines[i].quantity.to_string(),
                          p.expected->to_string(), text_of(p.low90), text_of(p.low50), text_of(p.high50),
                          text_of(p.high90), p.effective_n);
  }
  return rows;
}

} // namespace

result<price_items_out> price_items(postgres::session& database, const storage::object_store& objects,
                                    organization_id organization, date on, const pricing_progress& progress) {
  const auto s = load_snapshot(database, objects, organization);
  std::vector<usual_line> lines;
  std::string rows;
  if (s) {
    database.begin(organization);
    lines = database.query<usual_line>(find_lines, organization);
    database.commit();
    auto priced = priced_rows(*s, lines, on, progress);
    if (!priced)
      return priced.error();
    rows = std::move(*priced);
  }
  database.begin(organization);
  database.execute(make_table);
  database.copy_in("item_predictions_in", rows);
  database.execute(remove_all, organization);
  const auto kept = database.execute(insert_all, organization, on, s ? s->version : "");
  database.commit();
  return price_items_out{s ? std::optional(s->version) : std::nullopt, static_cast<std::int64_t>(lines.size()), kept};
}

} // namespace pricing::models
