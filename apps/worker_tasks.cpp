#include "worker_tasks.hpp"

#include "core/clock.hpp"
#include "core/log.hpp"
#include "follow_up.hpp"
#include "ingest/upload_files.hpp"
#include "insight/check_drift.hpp"
#include "insight/find_anomalies.hpp"
#include "market/refresh.hpp"
#include "models/item_pricing.hpp"
#include "models/part_cost_training.hpp"
#include "models/training.hpp"
#include "operations/backup_job.hpp"
#include "product_tasks.hpp"

#include <boost/json/string.hpp>

namespace pricing {
namespace {

const system_clock wall_clock{};

// Progress of work that goes by named steps.
auto steps_of(const jobs::progress_function& progress) {
  return [&progress](std::string_view step, double share) { progress({{"step", step}, {"share", share}}); };
}

// Prices of the coming years have their partitions long before they come.
void keep_partitions(postgres::session& session) {
  constexpr int years_ahead = 5;
  const auto year = std::chrono::year_month_day(wall_clock.today()).year();
  const auto made = session.query<int>("select keep_price_partitions($1)", static_cast<int>(year) + years_ahead).at(0);
  if (made > 0)
    log::info("partitions of prices made", {{"partitions", made}});
}

result<ingest::import_out> import(const jobs::session_factory& connect, storage::object_store& objects,
                                  const ingest::import_in& in, const jobs::progress_function& progress) {
  const auto session = connect();
  ingest::ingest_service service(connect, ingest::files_in(objects), wall_clock);
  auto done = ingest::run_import(service, in, [&progress](const ingest::import_progress& p) {
    progress({{"share", p.share},
              {"rows", p.counts.rows_in},
              {"loaded", p.counts.loaded},
              {"quarantined", p.counts.quarantined}});
  });
  if (done)
    follow_import(*session, in.organization_id);
  return done;
}

result<market::refresh_out> refresh(const jobs::session_factory& connect, const market::refresh_in& in,
                                    const jobs::progress_function& progress) {
  const auto session = connect();
  keep_partitions(*session);
  const auto done = market::refresh_market(*session, in.organization_id, wall_clock.today(), steps_of(progress));
  log::info("market refreshed", {{"organization", in.organization_id.value},
                                 {"observations", done.observations},
                                 {"benchmarks", done.benchmarks},
                                 {"months", done.months},
                                 {"suppliers", done.suppliers}});
  follow_change(*session, in.organization_id);
  return market::refresh_out{done.observations, done.benchmarks, done.months, done.suppliers};
}

result<models::train_out> train(const jobs::session_factory& connect, storage::object_store& objects,
                                const models::train_in& in, const jobs::progress_function& progress) {
  const auto session = connect();
  const auto trained = models::train_model(*session, objects, in.organization_id, steps_of(progress));
  if (!trained)
    return trained.error();
  log::info("price model trained", {{"organization", in.organization_id.value},
                                    {"version", boost::json::string(trained->version)},
                                    {"promoted", trained->promoted},
                                    {"seconds", trained->train_s}});
  follow_change(*session, in.organization_id);
  return models::train_out{trained->version, trained->promoted, trained->train_s};
}

result<models::train_part_costs_out> train_part_costs(const jobs::session_factory& connect,
                                                      storage::object_store& objects,
                                                      const models::train_part_costs_in& in,
                                                      const jobs::progress_function& progress) {
  const auto session = connect();
  auto trained = models::train_part_costs(*session, objects, in.organization_id, steps_of(progress));
  if (trained)
    log::info("part-cost model trained", {{"organization", in.organization_id.value},
                                          {"version", boost::json::string(trained->version)},
                                          {"promoted", trained->promoted},
                                          {"rmsle", trained->rmsle}});
  return trained;
}

result<models::price_items_out> price_items(const jobs::session_factory& connect, storage::object_store& objects,
                                            const models::price_items_in& in, const jobs::progress_function& progress) {
  const auto session = connect();
  return models::price_items(*session, objects, in.organization_id, wall_clock.today(),
                             [&progress](std::size_t done, std::size_t all) {
                               progress({{"items", done}, {"of", all}});
                             });
}

result<reports::export_out> write_export(const jobs::session_factory& connect, storage::object_store& objects,
                                         const reports::export_in& in, const jobs::progress_function& progress) {
  const auto session = connect();
  reports::remove_old_exports(*session, objects, in.organization_id, reports::days_kept);
  return reports::run_export(*session, objects, in, [&progress](std::string_view sheet, std::int64_t rows) {
    progress({{"step", sheet}, {"rows", rows}});
  });
}

result<watch::evaluate_out> evaluate_alerts(const jobs::session_factory& connect, const watch::evaluate_in& in) {
  const auto session = connect();
  const auto done = watch::evaluate_alerts(*session, in.organization_id);
  log::info("alerts evaluated", {{"organization", in.organization_id.value},
                                 {"rules", done.rules},
                                 {"raised", done.raised},
                                 {"kept", done.kept},
                                 {"resolved", done.resolved}});
  return done;
}

result<insight::find_anomalies_out> find_anomalies(const jobs::session_factory& connect,
                                                   const insight::find_anomalies_in& in,
                                                   const jobs::progress_function& progress) {
  const auto session = connect();
  auto done = insight::find_anomalies(*session, in, steps_of(progress));
  if (done)
    log::info("strange prices looked for", {{"organization", in.organization_id.value},
                                            {"uploads", done->uploads},
                                            {"rows", done->rows},
                                            {"found", done->found}});
  return done;
}

result<insight::check_drift_out> check_drift(const jobs::session_factory& connect, storage::object_store& objects,
                                             const insight::check_drift_in& in,
                                             const jobs::progress_function& progress) {
  const auto session = connect();
  auto done = insight::check_drift(*session, objects, in.organization_id, steps_of(progress));
  if (done)
    log::info("model held against new prices",
              {{"organization", in.organization_id.value}, {"bids", done->bids}, {"drifted", done->drifted}});
  return done;
}

result<operations::backup_out> back_up(const jobs::session_factory& connect, const backup_settings& s,
                                       const operations::backup_in& in, const jobs::progress_function& progress,
                                       std::string_view task_id) {
  const auto session = connect();
  auto done = operations::run_backup_job(*session, in, s.backup, s.sources, task_id,
                                         [&progress](const std::string& part, std::uint64_t bytes) {
                                           progress({{"step", part}, {"bytes", bytes}});
                                         });
  if (done)
    log::info("backup made", {{"backup", boost::json::string(done->id)}, {"bytes", done->bytes}});
  return done;
}

} // namespace

void add_product_tasks(celery::task_table& table, jobs::job_tasks& work, jobs::session_factory connect,
                       std::shared_ptr<storage::object_store> objects, backup_settings backup) {
  work.add(table, ingest::import_task,
           [=](const auto& in, const auto& progress) { return import(connect, *objects, in, progress); });
  work.add(table, market::refresh_task,
           [=](const auto& in, const auto& progress) { return refresh(connect, in, progress); });
  work.add(table, models::train_task,
           [=](const auto& in, const auto& progress) { return train(connect, *objects, in, progress); });
  work.add(table, models::train_part_costs_task,
           [=](const auto& in, const auto& progress) { return train_part_costs(connect, *objects, in, progress); });
  work.add(table, models::price_items_task,
           [=](const auto& in, const auto& progress) { return price_items(connect, *objects, in, progress); });
  work.add(table, watch::evaluate_task,
           [=](const auto& in, const jobs::progress_function&) { return evaluate_alerts(connect, in); });
  work.add(table, insight::find_anomalies_task,
           [=](const auto& in, const auto& progress) { return find_anomalies(connect, in, progress); });
  work.add(table, insight::check_drift_task,
           [=](const auto& in, const auto& progress) { return check_drift(connect, *objects, in, progress); });
  work.add(table, reports::export_task,
           [=](const auto& in, const auto& progress) { return write_export(connect, *objects, in, progress); });
  work.add(table, operations::backup_task, [=](const auto& in, const auto& progress, std::string_view task_id) {
    return back_up(connect, backup, in, progress, task_id);
  });
}

} // namespace pricing
