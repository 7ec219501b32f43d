#pragma once
// GET /api/v1/overview: where the money goes, how the buyer's prices move against the market, what needs a look.
#include "core/clock.hpp"
#include "core/decimal.hpp"
#include "http/route.hpp"
#include "postgres/pool.hpp"

#include <boost/describe.hpp>

#include <optional>
#include <string>
#include <vector>

namespace pricing::insight {

struct overview_counts {
  std::string currency;
  date as_of; // of the newest price; today when there is none
  std::int64_t items = 0;
  std::int64_t suppliers = 0;
  std::int64_t events = 0;
  std::int64_t observations = 0;
  decimal spend;
  std::int64_t uploads_in_progress = 0;
  std::int64_t open_matches = 0;
  std::int64_t open_quarantine = 0;
  std::int64_t open_alerts = 0;
};
BOOST_DESCRIBE_STRUCT(overview_counts, (),
                      (currency, as_of, items, suppliers, events, observations, spend, uploads_in_progress,
                       open_matches, open_quarantine, open_alerts))

struct month_spend {
  date month;
  decimal spend;
};
BOOST_DESCRIBE_STRUCT(month_spend, (), (month, spend))

// Base 100 is the first month; own: the buyer's own basket at the prices it paid.
struct index_point {
  date month;
  double market = 0;
  std::optional<double> market_lower;
  std::optional<double> market_upper;
  std::optional<double> own;
};
BOOST_DESCRIBE_STRUCT(index_point, (), (month, market, market_lower, market_upper, own))

// change: 0.08 is 8 % dearer than a year before, at the item's usual quantity.
struct moved_item {
  std::int64_t item_id = 0;
  std::string name;
  std::string unit;
  double change = 0;
  decimal from;
  decimal to;
  std::int64_t bids = 0;
};
BOOST_DESCRIBE_STRUCT(moved_item, (), (item_id, name, unit, change, from, to, bids))

// position: 0.2 is 20 % above the other bids on the same lines.
struct unusual_supplier {
  std::int64_t supplier_id = 0;
  std::string name;
  std::int64_t bids = 0;
  double position = 0;
};
BOOST_DESCRIBE_STRUCT(unusual_supplier, (), (supplier_id, name, bids, position))

struct current_model {
  std::string version;
  std::optional<date> trained_until;
  std::optional<double> coverage;
  std::optional<double> mdape_low;
  std::optional<double> mdape_estimate;
};
BOOST_DESCRIBE_STRUCT(current_model, (), (version, trained_until, coverage, mdape_low, mdape_estimate))

struct finding {
  std::int64_t verdict_id = 0;
  std::string name;
  timestamp created_at;
  std::int64_t lines = 0;
  decimal excess;
  std::string worst;
};
BOOST_DESCRIBE_STRUCT(finding, (), (verdict_id, name, created_at, lines, excess, worst))

struct overview : overview_counts {
  std::vector<month_spend> spend_by_month;
  std::vector<index_point> index;
  std::vector<moved_item> top_movers;
  std::vector<unusual_supplier> suppliers_off_usual;
  std::optional<current_model> model;
  std::vector<finding> latest_findings;
};
BOOST_DESCRIBE_STRUCT(overview, (overview_counts),
                      (spend_by_month, index, top_movers, suppliers_off_usual, model, latest_findings))

// The database must outlive the route.
http::route overview_route(postgres::pool& database);

} // namespace pricing::insight
