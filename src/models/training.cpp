#include "models/training.hpp"

#include "market/history_loader.hpp"

#include <boost/json/serialize.hpp>

#include <chrono>
#include <cmath>

namespace pricing::models {
namespace {

using steady = std::chrono::steady_clock;

constexpr std::chrono::days test_window{365};
constexpr std::size_t lines_per_thread = 20'000; // with fewer, threads wait for each other more than they work

int threads_for(const learn::price_history& h) {
  return static_cast<int>(std::clamp<std::size_t>(h.lines().size() / lines_per_thread, 1, 2));
}

bool has_estimates(const learn::price_history& h) {
  return std::ranges::any_of(h.lines(), [](const learn::price_line& l) { return !std::isnan(l.estimate); });
}

learn::evaluation_options test_options(const market::loaded_history& loaded, const evaluation_request& request) {
  learn::evaluation_options out;
  out.from = request.from;
  out.until = request.until.value_or(loaded.newest_on + std::chrono::days(1));
  out.retrain_months = request.retrain_months;
  out.training.threads = threads_for(loaded.prices);
  out.need_estimate = has_estimates(loaded.prices);
  return out;
}

error untestable(error why, const market::loaded_history& loaded, date test_from) {
  if (why.code == errc::invalid_input && loaded.prices.size() == 0)
    why.message = "there are no prices to learn from; import some first";
  else if (why.code == errc::invalid_input)
    why.message = "a model learns from the prices before " + to_string(test_from) +
                  " and is tested on those since, and there are too few; import older prices (" + why.message + ")";
  return why;
}

// Holds the lock, and the transaction that all of the model's rows are written in.
class registry {
 public:
  registry(postgres::session& database, organization_id organization)
      : database_(database), organization_(organization) {
    database_.begin(organization_);
    database_.query<std::string>("select pg_advisory_xact_lock(hashtextextended('models', $1))::text",
                                 organization_.value);
  }
  ~registry() {
    if (done_)
      return;
    try {
      database_.rollback();
    } catch (const std::exception&) { // the connection is gone, and the transaction with it
    }
  }
  registry(const registry&) = delete;

  std::string add(const std::string& object_key, const market::loaded_history& loaded, date trained_until,
                  const boost::json::object& metrics, const boost::json::object& parameters) {
    static constexpr const char* insert =
        "insert into models (organization_id, version, state, object_key, sha256, snapshot_hash, trained_until, "
        "metrics, parameters) select $1, current_date || '.' || 1 + (select count(*) from models where organization_id "
        "= $1 and version like current_date || '.%'), 'candidate', $2, decode($3, 'hex'), $4, $5, $6, $7 returning "
        "version";
    const std::string sha256 = object_key.substr(object_key.rfind('/') + 1);
    return database_
        .query<std::string>(insert, organization_, object_key, sha256, loaded.snapshot, trained_until,
                            boost::json::value(metrics), boost::json::value(parameters))
        .at(0);
  }
  void promote(const std::string& version) {
    database_.execute("update models set state = 'retired' where organization_id = $1 and state = 'promoted'",
                      organization_);
    database_.execute(
        "update models set state = 'promoted', promoted_at = now() where organization_id = $1 and version = $2",
        organization_, version);
    database_.query<std::string>("select pg_notify('models', $1::text)::text", std::to_string(organization_.value));
  }
  void reject(const std::string& version) {
    database_.execute("update models set state = 'rejected' where organization_id = $1 and version = $2", organization_,
                      version);
  }
  void commit() {
    done_ = true;
    database_.commit();
  }

 private:
  postgres::session& database_;
  const organization_id organization_;
  bool done_ = false;
};

void put(boost::json::object& out, const std::string& who, const learn::error_summary& e) {
  out["low_" + who] = e.to_low;
  out["median_" + who] = e.to_median;
  out["within_20_" + who] = e.within_20;
  out["totals_10_" + who] = e.totals_10;
}

boost::json::array to_json(const std::vector<learn::category_report>& categories) {
  boost::json::array out;
  for (const auto& c : categories)
    out.push_back(boost::json::object{
        {"name", c.category}, {"lines", c.lines}, {"mdape", c.to_low}, {"coverage", c.coverage_90}});
  return out;
}

boost::json::array to_json(const std::vector<learn::model_feature>& features) {
  boost::json::array out;
  for (const auto& f : features)
    out.push_back(boost::json::object{{"name", f.name}, {"kind", f.kind}});
  return out;
}

} // namespace

boost::json::object to_metrics(const learn::evaluation& e) {
  boost::json::object out;
  put(out, "ours", e.ours);
  put(out, "last_price", e.last_price);
  put(out, "trailing_median", e.trailing_median);
  put(out, "kernel_median", e.kernel_median);
  if (e.estimate.to_low > 0)
    put(out, "estimate", e.estimate);
  out["coverage_90"] = e.coverage_90;
  out["coverage_50"] = e.coverage_50;
  out["coverage_90_worst_band"] = e.worst_band_90;
  out["log_width_90"] = e.mean_width_90;
  out["interval_score_90"] = e.interval_score_90;
  out["lines"] = e.lines;
  out["events"] = e.events;
  for (auto& [name, value] : out)
    if (value.is_double() && !std::isfinite(value.get_double()))
      value = nullptr;
  out["categories"] = to_json(e.categories);
  return out;
}

result<learn::evaluation> evaluate_history(postgres::session& database, organization_id organization,
                                           const evaluation_request& request) {
  const auto loaded = market::load_history(database, organization);
  const learn::market_view view(loaded.prices);
  return learn::evaluate(view, test_options(loaded, request));
}

result<training_report> train_model(postgres::session& database, storage::object_store& objects,
                                    organization_id organization, const training_progress& progress) {
  const auto step = [&](std::string_view what, double share) {
    if (progress)
      progress(what, share);
  };
  step("reading prices", 0);
  const auto loaded = market::load_history(database, organization);
  step("benchmarks of every day", 0.05);
  const learn::market_view view(loaded.prices);

  step("testing on the newest year", 0.15);
  const date test_from = loaded.newest_on - test_window;
  auto tested = learn::evaluate(view, test_options(loaded, {.from = test_from}));
  if (!tested)
    return untestable(tested.error(), loaded, test_from);

  step("training", 0.55);
  const learn::train_options options{.until = loaded.newest_on + std::chrono::days(1),
                                     .threads = threads_for(loaded.prices)};
  const auto started = steady::now();
  const auto model = learn::train(view, options);
  if (!model)
    return model.error();
  const double train_s = std::chrono::duration<double>(steady::now() - started).count();

  step("storing", 0.98);
  const std::string bytes = model->save();
  const std::string key = storage::content_key("models", bytes);
  if (const auto stored = objects.put(key, bytes); !stored)
    return stored.error();
  boost::json::object metrics = to_metrics(*tested);
  metrics["train_s"] = train_s;
  metrics["trained_lines"] = model->trained_lines();
  const boost::json::object parameters{{"rounds", options.rounds},
                                       {"depth", options.depth},
                                       {"learning_rate", options.learning_rate},
                                       {"calibration_days", options.calibration_days},
                                       {"seed", options.seed},
                                       {"features", to_json(learn::model_features())}};
  registry models(database, organization);
  const std::string version = models.add(key, loaded, loaded.newest_on, metrics, parameters);
  const bool better = learn::beats_baselines(*tested);
  better ? models.promote(version) : models.reject(version);
  models.commit();
  step("done", 1);
  return training_report{version, better, *tested, model->trained_lines(), train_s};
}

} // namespace pricing::models
