#include "insight/model_quality.hpp"

#include "insight/calibration.hpp"
#include "insight/drift_report.hpp"
#include "wire/json.hpp"

#include <cmath>
#include <map>

namespace pricing::insight {
namespace {

struct stored_drift {
  timestamp made_at{};
  boost::json::value report;
};
BOOST_DESCRIBE_STRUCT(stored_drift, (), (made_at, report))

struct live_row {
  std::int64_t prices = 0;
  double coverage_90 = 0, typical_error = 0;
};
BOOST_DESCRIBE_STRUCT(live_row, (), (prices, coverage_90, typical_error))

constexpr const char* find_promoted =
    "select promoted_at from models where organization_id = $1 and version = $2 and promoted_at is not null";
constexpr const char* find_calibration =
    "select report from model_calibrations where organization_id = $1 and version = $2";
constexpr const char* find_drift =
    "select made_at, report from drift_reports where organization_id = $1 order by id desc limit 1";
// Kinds: bid, quote, purchase order, invoice, contract. Of a verdict's lines on one item the nearest in quantity
// counts.
constexpr const char* measure_live =
    "with judged as (select v.created_at, v.occurred_on, l.* from (select created_at, occurred_on, result from "
    "verdicts "
    "where organization_id = $1 and created_at > now() - make_interval(days => $2) order by id desc limit $4) v cross "
    "join lateral jsonb_to_recordset(v.result->'lines') as l(item_id bigint, quantity numeric, expected numeric, low90 "
    "numeric, high90 numeric, source text) where l.source = 'model' and l.item_id is not null and l.quantity > 0 and "
    "l.expected > 0 and l.low90 is not null and l.high90 is not null limit $5), outcomes as (select distinct on "
    "(p.row_key, p.observed_on) p.price, j.expected, j.low90, j.high90 from judged j join price_observations p on "
    "p.organization_id = $1 and p.item_id = j.item_id and p.observed_on between j.occurred_on and j.occurred_on + "
    "$3::int and p.recorded_at > j.created_at and p.kind in (1, 3, 4, 5, 6) and p.price > 0 and coalesce(p.quantity, "
    "1) "
    "between j.quantity / 2 and j.quantity * 2 and p.currency = (select currency from organizations where id = $1) "
    "order by p.row_key, p.observed_on, j.created_at desc, abs(ln(coalesce(p.quantity, 1) / j.quantity))) select "
    "count(*), coalesce(avg((price between low90 and high90)::int), 0)::float8, coalesce(percentile_cont(0.5) within "
    "group (order by abs(price / expected - 1)::float8), 0) from outcomes";

tested_quality summary_of(const calibration_report& report) {
  tested_quality out{report.overall.coverage_90, report.overall.typical_error, 0};
  for (const auto& point : report.reliability)
    out.calibration_error += std::abs(point.observed - point.nominal) / static_cast<double>(report.reliability.size());
  return out;
}

drift_state summary_of(const drift_report& report, timestamp made_at) {
  std::map<std::string, drifted_column> columns;
  for (const auto& group : report.groups)
    for (const auto& row : group.rows) {
      auto& column = columns[row.name];
      column.name = row.name;
      if (row.drifted && group.name == "all")
        column.over_all = true;
      else if (row.drifted)
        ++column.categories;
    }
  drift_state out{made_at, {}};
  for (auto& [name, column] : columns)
    out.columns.push_back(std::move(column));
  return out;
}

} // namespace

model_quality find_model_quality(postgres::session& database, organization_id organization,
                                 const std::string& version) {
  database.begin(organization);
  const auto promoted = database.query<timestamp>(find_promoted, organization, version);
  const auto calibrations = database.query<boost::json::value>(find_calibration, organization, version);
  const auto drifts = database.query<stored_drift>(find_drift, organization);
  database.commit();
  model_quality out;
  if (!promoted.empty())
    out.promoted_at = promoted.front();
  // A report that an older release wrote and this one cannot read is as one that was not made.
  if (!calibrations.empty())
    if (const auto report = wire::decode<calibration_report>(calibrations.front()); report && report->overall.bids > 0)
      out.tested = summary_of(*report);
  if (!drifts.empty())
    if (const auto report = wire::decode<drift_report>(drifts.front().report);
        report && report->model_version == version)
      out.drift = summary_of(*report, drifts.front().made_at);
  return out;
}

live_quality measure_live_quality(postgres::session& database, organization_id organization) {
  database.begin(organization);
  const auto found = database.query<live_row>(measure_live, organization, static_cast<int>(verdict_age.count()),
                                              static_cast<int>(outcome_age.count()), verdicts_max, verdict_lines_max);
  database.commit();
  return {found.at(0).prices, found.at(0).coverage_90, found.at(0).typical_error};
}

} // namespace pricing::insight
