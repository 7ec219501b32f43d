#include "insight/drift_routes.hpp"

#include "insight/calibration.hpp"
#include "insight/drift_report.hpp"
#include "insight/drift_tasks.hpp"
#include "jobs/job_request.hpp"

namespace pricing::insight {
namespace {

using http::answer;
using http::context;
using http::method;

struct drift_check {
  timestamp made_at{};
  date window_from{}, window_to{};
  std::int64_t bids = 0;
  int drifted = 0;
};
BOOST_DESCRIBE_STRUCT(drift_check, (), (made_at, window_from, window_to, bids, drifted))

struct drift_view {
  std::optional<timestamp> made_at;
  std::optional<drift_report> report; // the newest; none before the first check
  std::vector<drift_check> checks;    // the newest first
};
BOOST_DESCRIBE_STRUCT(drift_view, (), (made_at, report, checks))

// Shares, as in the metrics of a model (models/training.hpp); absent where they were not measured.
struct version_accuracy {
  std::string version;
  std::string state; // candidate, promoted, retired, rejected
  timestamp created_at{};
  std::optional<date> trained_until;
  std::optional<double> ours, estimate, last_price, trailing_median, kernel_median; // typical error, to the lowest bid
  std::optional<double> coverage_90;
};
BOOST_DESCRIBE_STRUCT(version_accuracy, (),
                      (version, state, created_at, trained_until, ours, estimate, last_price, trailing_median,
                       kernel_median, coverage_90))

struct calibration_view {
  std::optional<std::string> version;       // of the report
  std::optional<calibration_report> report; // of the model in use, else of the newest measured; none before
  std::vector<version_accuracy> versions;   // the oldest first, 60 at most
};
BOOST_DESCRIBE_STRUCT(calibration_view, (), (version, report, versions))

struct job_view {
  std::int64_t job_id = 0;
};
BOOST_DESCRIBE_STRUCT(job_view, (), (job_id))

struct stored_report {
  std::string version;
  boost::json::value report;
};
BOOST_DESCRIBE_STRUCT(stored_report, (), (version, report))

struct stored_drift {
  timestamp made_at{};
  boost::json::value report;
};
BOOST_DESCRIBE_STRUCT(stored_drift, (), (made_at, report))

constexpr const char* find_report =
    "select made_at, report from drift_reports where organization_id = $1 order by id desc limit 1";
constexpr const char* find_checks = "select made_at, window_from, window_to, rows, drifted from drift_reports where "
                                    "organization_id = $1 order by id desc limit 30";
constexpr const char* find_calibration =
    "select c.version, c.report from model_calibrations c left join models m on m.organization_id = c.organization_id "
    "and m.version = c.version where c.organization_id = $1 order by (m.state = 'promoted') desc nulls last, c.made_at "
    "desc limit 1";
constexpr const char* find_versions =
    "select * from (select version, state, created_at, trained_until, (metrics->>'low_ours')::float8, "
    "(metrics->>'low_estimate')::float8, (metrics->>'low_last_price')::float8, "
    "(metrics->>'low_trailing_median')::float8, (metrics->>'low_kernel_median')::float8, "
    "(metrics->>'coverage_90')::float8 from models where organization_id = $1 order by id desc limit 60) x order by "
    "created_at";

postgres::scope scope_of(const context& c) {
  return {c.organization(), c.deadline()};
}

answer<drift_view> find_drift(postgres::pool& database, postgres::scope s) {
  auto newest = co_await database.query_optional<stored_drift>(s, find_report, s.organization);
  if (!newest)
    co_return newest.error();
  auto checks = co_await database.query<drift_check>(s, find_checks, s.organization);
  if (!checks)
    co_return checks.error();
  drift_view out{.checks = std::move(*checks)};
  if (*newest) {
    if (auto report = wire::decode<drift_report>((*newest)->report)) {
      out.made_at = (*newest)->made_at;
      out.report = std::move(*report);
    }
  }
  co_return out;
}

answer<calibration_view> find_calibrations(postgres::pool& database, postgres::scope s) {
  auto stored = co_await database.query_optional<stored_report>(s, find_calibration, s.organization);
  if (!stored)
    co_return stored.error();
  auto versions = co_await database.query<version_accuracy>(s, find_versions, s.organization);
  if (!versions)
    co_return versions.error();
  calibration_view out{.versions = std::move(*versions)};
  if (*stored) {
    if (auto report = wire::decode<calibration_report>((*stored)->report)) {
      out.version = std::move((*stored)->version);
      out.report = std::move(*report);
    }
  }
  co_return out;
}

answer<job_view> ask_check(postgres::pool& database, postgres::scope s) {
  const auto job = co_await jobs::request_job(database, s, check_drift_job_kind);
  if (!job)
    co_return job.error();
  co_return job_view{job->value};
}

} // namespace

std::vector<http::route> drift_routes(postgres::pool& database) {
  std::vector<http::route> out;
  out.push_back(http::json_route<http::nothing, drift_view>(
      method::get, "/api/v1/models/drift",
      {.summary = "Whether new prices still look as those that the model in use was tested on",
       .permission = "model.read"},
      [&database](context& c, http::nothing) { return find_drift(database, scope_of(c)); }));
  out.push_back(http::json_route<http::nothing, calibration_view>(
      method::get, "/api/v1/models/calibration",
      {.summary = "How many prices the intervals cover by size and category, what moves prices, and all versions",
       .permission = "model.read"},
      [&database](context& c, http::nothing) { return find_calibrations(database, scope_of(c)); }));
  out.push_back(http::json_route<http::nothing, job_view>(
      method::post, "/api/v1/models/check",
      {.summary = "Hold the model in use against the newest prices, in the background",
       .permission = "model.manage",
       .status = 202},
      [&database](context& c, http::nothing) { return ask_check(database, scope_of(c)); }));
  return out;
}

} // namespace pricing::insight
