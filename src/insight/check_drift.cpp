#include "insight/check_drift.hpp"

#include "insight/calibration.hpp"
#include "insight/drift_report.hpp"
#include "market/history_loader.hpp"
#include "wire/json.hpp"

namespace pricing::insight {
namespace {

constexpr std::chrono::days test_window{365};
constexpr std::chrono::days recent_window{60}; // looked at while nothing is newer than the model
constexpr std::chrono::days window_max{180};   // the newest
constexpr std::size_t new_bids_min = 300;      // since the model learned, to be a window of their own
constexpr std::size_t lines_for_two_threads = 40'000;
constexpr std::string_view folder = "yardsticks";

struct current_model {
  std::string version;
  date trained_until{};
  std::optional<std::string> yardstick; // key
};
BOOST_DESCRIBE_STRUCT(current_model, (), (version, trained_until, yardstick))

constexpr const char* find_model =
    "select m.version, m.trained_until, c.object_key from models m left join model_calibrations c on c.organization_id "
    "= m.organization_id and c.version = m.version where m.organization_id = $1 and m.state = 'promoted' and "
    "m.trained_until is not null";
constexpr const char* keep_calibration =
    "insert into model_calibrations (organization_id, version, tested_from, tested_to, object_key, report) values ($1, "
    "$2, $3, $4, $5, $6) on conflict (organization_id, version) do update set made_at = now(), object_key = "
    "excluded.object_key, report = excluded.report";
constexpr const char* find_old_keys =
    "select distinct object_key from model_calibrations where organization_id = $1 and version <> $2 and object_key <> "
    "''";
constexpr const char* forget_old_keys =
    "update model_calibrations set object_key = '' where organization_id = $1 and version <> $2";
constexpr const char* is_used = "select exists (select from model_calibrations where object_key = $1)";
constexpr const char* keep_report =
    "insert into drift_reports (organization_id, window_from, window_to, rows, drifted, report) values ($1, $2, $3, "
    "$4, $5, $6)";
constexpr const char* forget_reports =
    "delete from drift_reports where organization_id = $1 and id not in (select id from drift_reports where "
    "organization_id = $1 order by id desc limit $2)";

std::int32_t day_of(date d) {
  return static_cast<std::int32_t>(d.time_since_epoch().count());
}

class check {
 public:
  check(postgres::session& database, storage::object_store& objects, organization_id organization,
        const drift_progress& progress)
      : database_(database), objects_(objects), organization_(organization), progress_(progress) {}

  result<check_drift_out> run() {
    step("reading prices", 0);
    database_.begin(organization_);
    const auto models = database_.query<current_model>(find_model, organization_);
    database_.commit();
    if (models.empty())
      return check_drift_out{};
    const auto loaded = market::load_history(database_, organization_);
    step("what was expected of each", 0.1);
    const learn::market_view view(loaded.prices);
    const price_context context(view);
    auto yardstick = yardstick_of(models.front(), view);
    if (!yardstick)
      return yardstick.error();
    if (!key_.empty())
      calibrate(models.front(), context, *yardstick);
    const auto report = compare(models.front(), context, *yardstick, loaded.newest_on);
    store(report);
    step("done", 1);
    return check_drift_out{models.front().version, report.window_bids, report.drifted};
  }

 private:
  void step(std::string_view name, double share) const {
    if (progress_)
      progress_(name, share);
  }

  result<learn::price_model> yardstick_of(const current_model& model, const learn::market_view& view) {
    if (model.yardstick && !model.yardstick->empty()) {
      const auto bytes = objects_.get(*model.yardstick);
      if (bytes)
        return learn::price_model::load(*bytes);
    }
    step("training without the newest year", 0.2);
    learn::train_options options;
    options.until = model.trained_until - test_window;
    options.threads = view.history().lines().size() >= lines_for_two_threads ? 2 : 1;
    auto trained = learn::train(view, options);
    if (!trained)
      return trained.error();
    const std::string bytes = trained->save();
    key_ = storage::content_key(folder, bytes);
    if (const auto stored = objects_.put(key_, bytes); !stored)
      return stored.error();
    return trained;
  }

  void calibrate(const current_model& model, const price_context& context, const learn::price_model& yardstick) {
    step("measuring intervals", 0.7);
    const date from = model.trained_until - test_window;
    const auto tested = test_prices(context, yardstick, day_of(from), day_of(model.trained_until) + 1);
    const auto report = measure_calibration(context, tested, from, model.trained_until);
    database_.begin(organization_);
    const auto old = database_.query<std::string>(find_old_keys, organization_, model.version);
    database_.execute(keep_calibration, organization_, model.version, from, model.trained_until, key_,
                      wire::to_value(report));
    database_.execute(forget_old_keys, organization_, model.version);
    database_.commit();
    for (const auto& key : old) // one that stays is only bytes on a disk
      remove(key);
  }

  // Equal models have equal keys; row-level security shows this organization's alone, so a key of another stays usable:
  // whoever misses its yardstick trains it again.
  void remove(const std::string& key) {
    database_.begin(organization_);
    const bool used = database_.query<bool>(is_used, key).at(0);
    database_.commit();
    if (!used)
      (void)objects_.remove(key);
  }

  drift_report compare(const current_model& model, const price_context& context, const learn::price_model& yardstick,
                       date newest) const {
    step("comparing", 0.85);
    const date from = model.trained_until - test_window;
    date window_from = std::max(model.trained_until + std::chrono::days(1), newest - window_max);
    auto window = test_prices(context, yardstick, day_of(window_from), day_of(newest) + 1);
    if (window.prices.size() < new_bids_min) {
      window_from = newest - recent_window;
      window = test_prices(context, yardstick, day_of(window_from), day_of(newest) + 1);
    }
    const date reference_to = std::min(model.trained_until, window_from - std::chrono::days(1));
    const auto reference = test_prices(context, yardstick, day_of(from), day_of(reference_to) + 1);
    auto report = compare_prices(context, reference, window);
    report.model_version = model.version;
    report.reference_from = from;
    report.reference_to = reference_to;
    report.window_from = window_from;
    report.window_to = newest;
    return report;
  }

  void store(const drift_report& report) {
    database_.begin(organization_);
    database_.execute(keep_report, organization_, report.window_from, report.window_to, report.window_bids,
                      report.drifted, wire::to_value(report));
    database_.execute(forget_reports, organization_, drift_reports_kept);
    database_.commit();
  }

  postgres::session& database_;
  storage::object_store& objects_;
  organization_id organization_;
  const drift_progress& progress_;
  std::string key_; // of a yardstick trained now
};

} // namespace

result<check_drift_out> check_drift(postgres::session& database, storage::object_store& objects,
                                    organization_id organization, const drift_progress& progress) {
  return check(database, objects, organization, progress).run();
}

} // namespace pricing::insight
