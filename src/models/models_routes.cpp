#include "models/models_routes.hpp"

#include "jobs/job_request.hpp"
#include "models/comparison.hpp"
#include "models/model_tasks.hpp"
#include "models/training.hpp"

namespace pricing::models {
namespace {

using http::answer;
using http::context;
using http::method;

struct model_view {
  std::int64_t id = 0;
  std::string version;
  std::string state; // candidate, promoted, retired, rejected
  std::optional<date> trained_until;
  boost::json::value metrics;
  timestamp created_at;
  std::optional<timestamp> promoted_at;
};
BOOST_DESCRIBE_STRUCT(model_view, (), (id, version, state, trained_until, metrics, created_at, promoted_at))

// One figure of the model in use beside those of simpler ways to guess, on the same lines. Shares.
struct measure_row {
  std::string measure;
  std::optional<double> ours, estimate, last_price, trailing_median, kernel_median;
};
BOOST_DESCRIBE_STRUCT(measure_row, (), (measure, ours, estimate, last_price, trailing_median, kernel_median))

struct current_view {
  std::string version;
  std::optional<date> trained_until;
  boost::json::value metrics;
  std::vector<measure_row> table;
};
BOOST_DESCRIBE_STRUCT(current_view, (), (version, trained_until, metrics, table))

struct current_row {
  std::string version;
  std::optional<date> trained_until;
  boost::json::value metrics;
};
BOOST_DESCRIBE_STRUCT(current_row, (), (version, trained_until, metrics))

struct training_view {
  std::int64_t job_id = 0;
};
BOOST_DESCRIBE_STRUCT(training_view, (), (job_id))

constexpr const char* find_models =
    "select id, version, state, trained_until, metrics, created_at, promoted_at from models where organization_id = $1 "
    "order by id desc limit 100";
constexpr const char* find_current =
    "select version, trained_until, metrics from models where organization_id = $1 and state = 'promoted'";

std::vector<measure_row> table_of(const boost::json::value& metrics) {
  std::vector<measure_row> out;
  for (const std::string measure : {"low", "median", "within_20", "totals_10"}) { // as in to_metrics
    const auto of = [&](const char* who) { return number_at(metrics, measure + who); };
    out.push_back({std::string(label_of(measure + "_ours")), of("_ours"), of("_estimate"), of("_last_price"),
                   of("_trailing_median"), of("_kernel_median")});
  }
  return out;
}

answer<http::page<model_view>> list_models(postgres::pool& database, postgres::scope s) {
  auto rows = co_await database.query<model_view>(s, find_models, s.organization);
  if (!rows)
    co_return rows.error();
  co_return http::page<model_view>{std::move(*rows), std::nullopt};
}

answer<current_view> current_model(postgres::pool& database, postgres::scope s) {
  auto row = co_await database.query_optional<current_row>(s, find_current, s.organization);
  if (!row)
    co_return row.error();
  if (!*row)
    co_return not_found("no model is in use yet; load prices of at least two years and train one");
  auto table = table_of((*row)->metrics);
  co_return current_view{(*row)->version, (*row)->trained_until, std::move((*row)->metrics), std::move(table)};
}

answer<training_view> start_job(postgres::pool& database, postgres::scope s, std::string kind) {
  const auto job = co_await jobs::request_job(database, s, std::move(kind));
  if (!job)
    co_return job.error();
  co_return training_view{job->value};
}

} // namespace

std::vector<http::route> models_routes(postgres::pool& database) {
  std::vector<http::route> routes;
  routes.push_back(http::json_route<http::nothing, http::page<model_view>>(
      method::get, "/api/v1/models",
      {.summary = "Versions of the price model, newest first", .permission = "model.read"},
      [&database](context& c, http::nothing) {
        return list_models(database, {c.organization(), c.deadline()});
      }));
  routes.push_back(http::json_route<http::nothing, current_view>(
      method::get, "/api/v1/models/current",
      {.summary = "The price model in use, and how well it does", .permission = "model.read"},
      [&database](context& c, http::nothing) {
        return current_model(database, {c.organization(), c.deadline()});
      }));
  routes.push_back(http::json_route<http::nothing, training_view>(
      method::post, "/api/v1/models/train",
      {.summary = "Train a new version in the background; the job that waits already is returned",
       .permission = "model.manage",
       .status = 202},
      [&database](context& c, http::nothing) {
        return start_job(database, {c.organization(), c.deadline()}, train_job_kind);
      }));
  routes.push_back(http::json_route<http::nothing, training_view>(
      method::post, "/api/v1/models/price-items",
      {.summary = "Price every item with the model in use, in the background; exports of items show the prices",
       .permission = "model.manage",
       .status = 202},
      [&database](context& c, http::nothing) {
        return start_job(database, {c.organization(), c.deadline()}, price_items_job_kind);
      }));
  return routes;
}

} // namespace pricing::models
