// pricing-web: the REST API and the pages. Each thread owns its connections, services and routes.
#include "catalog/catalog_routes.hpp"
#include "celery/config.hpp"
#include "celery/queue_state.hpp"
#include "core/config.hpp"
#include "core/log.hpp"
#include "http/answer_cache.hpp"
#include "http/server.hpp"
#include "identity/guard.hpp"
#include "identity/identity_routes.hpp"
#include "ingest/ingest_routes.hpp"
#include "ingest/upload_files.hpp"
#include "insight/anomaly_routes.hpp"
#include "insight/anomaly_tasks.hpp"
#include "insight/drift_routes.hpp"
#include "insight/drift_tasks.hpp"
#include "insight/forecast_routes.hpp"
#include "insight/history_prediction.hpp"
#include "insight/item_page.hpp"
#include "insight/overview.hpp"
#include "jobs/jobs_routes.hpp"
#include "jobs/schedules_routes.hpp"
#include "jobs/task_routes.hpp"
#include "market/market_routes.hpp"
#include "models/comparison_routes.hpp"
#include "models/ml_routes.hpp"
#include "models/models_routes.hpp"
#include "models/prediction_client.hpp"
#include "models/should_cost_routes.hpp"
#include "postgres/config.hpp"
#include "product_tasks.hpp"
#include "redis/client.hpp"
#include "reports/export_routes.hpp"
#include "serving/registry_routes.hpp"
#include "sourcing/verdict_routes.hpp"
#include "storage/config.hpp"
#include "watch/alert_routes.hpp"

#include <boost/json/string.hpp>
#include <fmt/format.h>
#include <prometheus/registry.h>

#include <iterator>

using namespace pricing;
namespace asio = boost::asio;

namespace {

struct ui_config {
  std::string root; // the built pages; none when empty
};
BOOST_DESCRIBE_STRUCT(ui_config, (), (root))

struct web_config {
  unsigned cpu_threads = 2;                  // for passwords, verdicts and spreadsheets
  unsigned file_threads = 4;                 // for uploads, which wait for disk and database
  std::size_t answer_cache_bytes = 16 << 20; // of one thread
  std::size_t cpu_queue_max = 64;            // what waits for them; above it: unavailable
};
BOOST_DESCRIBE_STRUCT(web_config, (), (cpu_threads, file_threads, answer_cache_bytes, cpu_queue_max))

struct settings {
  http::config http;
  web_config web;
  postgres::config database;
  redis::config cache;
  redis::config counters;
  celery::config celery;
  storage::config storage;
  identity::config identity;
  models::ml_config ml;
  serving::config serving; // of models that people bring along; pricing-ml answers with them
};

settings read_settings() {
  const auto source = config_source::load().value();
  settings out{.http = source.read<http::config>("http").value(),
               .web = source.read<web_config>("web").value(),
               .database = source.read<postgres::config>("postgres").value(),
               .cache = source.read<redis::config>("redis").value(),
               .counters = source.read<redis::config>("cache").value(),
               .celery = source.read<celery::config>("celery").value(),
               .storage = source.read<storage::config>("storage").value(),
               .identity = source.read<identity::config>("identity").value(),
               .ml = source.read<models::ml_config>("ml").value(),
               .serving = source.read<serving::config>("serving").value()};
  if (out.web.cpu_threads < 1 || out.web.cpu_threads > 64)
    throw std::runtime_error("configuration: web.cpu_threads must be 1 to 64");
  if (out.web.file_threads < 1 || out.web.file_threads > 64)
    throw std::runtime_error("configuration: web.file_threads must be 1 to 64");
  // One Redis is both where no other is named.
  if (out.counters.socket.empty() && out.counters.sentinels.empty() && out.counters.host == redis::config().host)
    out.counters = out.cache;
  out.http.service = "pricing-web";
  out.http.static_root = source.read<ui_config>("ui").value().root;
  return out;
}

void append(std::vector<http::route>& all, std::vector<http::route> some) {
  all.insert(all.end(), std::make_move_iterator(some.begin()), std::make_move_iterator(some.end()));
}

void describe_tasks(celery::task_table& table) {
  std::apply([&](const auto&... task) { (table.describe(task), ...); }, product_tasks);
}

// What the threads share: all of it is safe to use from any of them.
struct process {
  const settings& configured;
  identity::token_signer signer;
  net::cpu_pool cpu;
  net::cpu_pool files;
  std::unique_ptr<storage::object_store> objects;
  ingest::ingest_service ingest;
  const serving::manifest_signer manifests{configured.identity.secret};
  system_clock clock;
  const celery::key_names queue_keys{.prefix = configured.celery.prefix,
                                     .result_prefix = configured.celery.result_prefix};
  celery::task_table tasks{};
};

// Everything one thread owns, in the order of dependence.
class web_thread {
 public:
  web_thread(net::io_thread& thread, process& shared, prometheus::Registry& registry)
      : database_(thread.io(), shared.configured.database, &registry),
        cache_(thread.io(), shared.configured.cache),
        model_(thread.io(), shared.configured.ml, shared.signer),
        model_health_(thread.io(), models::reach(shared.configured.ml)),
        people_(database_),
        identity_(shared.configured.identity, shared.signer, people_, cache_, shared.cpu, shared.clock, &registry),
        answers_(shared.configured.web.answer_cache_bytes),
        counters_(thread.io(), shared.configured.counters),
        catalog_(database_),
        verdicts_(database_, shared.cpu, predict()),
        shared_(shared) {
    database_.listen({"prices", "market", "models"}, [this](std::string_view payload) { answers_.forget(payload); });
  }

  // Sessions live in Redis, so nobody is served without it.
  asio::awaitable<result<void>> ready() {
    const auto database = co_await database_health();
    if (!database)
      co_return database.error();
    const auto cache = co_await cache_health();
    if (!cache)
      co_return cache.error();
    co_return result<void>();
  }

  // For people and the health monitor: also what this process can do without for a while.
  asio::awaitable<std::vector<http::component_health>> components() {
    std::vector<http::component_health> out;
    out.push_back(co_await timed("database", database_health()));
    out.push_back(co_await timed("cache", cache_health()));
    out.push_back(co_await timed("queue", queue_health()));
    out.push_back(co_await timed("ml", model_health()));
    co_return out;
  }

  http::router make_router() {
    std::vector<http::route> routes = identity::identity_routes(identity_);
    append(routes, ingest::ingest_routes(shared_.ingest, shared_.files));
    append(routes, jobs::jobs_routes(database_));
    append(routes, jobs::task_routes(database_, cache_, shared_.queue_keys, shared_.tasks));
    append(routes, jobs::schedules_routes(database_, {market::refresh_job_kind, models::train_job_kind,
                                                      models::price_items_job_kind, reports::export_job_kind,
                                                      watch::evaluate_job_kind, insight::find_anomalies_job_kind,
                                                      insight::check_drift_job_kind, operations::backup_job_kind,
                                                      models::train_part_costs_job_kind}));
    append(routes, catalog::catalog_routes(catalog_, answers_));
    // Benchmarks and predictions are of today.
    for (auto& r : market::market_routes(database_, insight::history_prediction(database_, model_)))
      routes.push_back(http::cached(std::move(r), answers_, std::chrono::minutes(1)));
    append(routes, models::models_routes(database_));
    routes.push_back(models::compare_route({.database = database_,
                                            .objects = *shared_.objects,
                                            .cpu = shared_.files,
                                            .signer = shared_.manifests,
                                            .settings = shared_.configured.serving,
                                            .ml = &model_}));
    append(routes, models::part_table_routes(database_, *shared_.objects, shared_.files));
    append(routes, models::ml_routes(model_));
    append(routes, serving::registry_routes({database_, *shared_.objects, shared_.files, shared_.manifests,
                                             shared_.configured.serving, shared_.clock}));
    append(routes, sourcing::verdict_routes(verdicts_));
    append(routes, reports::export_routes(database_, *shared_.objects, shared_.cpu));
    append(routes, watch::alert_routes(database_));
    routes.push_back(http::cached(insight::item_page_route(catalog_, database_), answers_, std::chrono::minutes(1)));
    append(routes, insight::anomaly_routes(database_));
    append(routes, insight::drift_routes(database_));
    append(routes, insight::forecast_routes(database_, shared_.cpu));
    // Everybody's first page, also of what no notice tells: one second old at most.
    routes.push_back(http::cached(insight::overview_route(database_), answers_, std::chrono::seconds(1)));
    return http::router::create(std::move(routes),
                                identity::make_hooks(shared_.configured.identity, identity_, people_, counters_))
        .value();
  }

 private:
  using health = asio::awaitable<result<std::string>>; // a figure worth knowing, or what is wrong

  static asio::awaitable<http::component_health> timed(std::string name, health check) {
    const auto begin = std::chrono::steady_clock::now();
    const auto found = co_await std::move(check);
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
    co_return http::component_health{std::move(name), found.has_value(), found ? *found : found.error().message,
                                     took.count()};
  }

  health database_health() {
    const auto answered = co_await database_.query<int>(organization_id{}, "select 1");
    if (!answered)
      co_return error{errc::unavailable, "the database does not answer"};
    co_return std::string();
  }

  health cache_health() {
    const std::vector<std::string> ping{"PING"};
    if (!co_await cache_.command(ping))
      co_return error{errc::unavailable, "Redis does not answer"};
    co_return std::string();
  }

  // Each worker that is connected listens to the channel of remote control.
  health queue_health() {
    const auto& keys = shared_.queue_keys;
    const std::vector<std::string> queues{"priority", "default", "ml", "maintenance"};
    const auto state = co_await celery::read_queues(cache_, keys, queues);
    const std::vector<std::string> ask{"PUBSUB", "NUMSUB", keys.control_channel()};
    const auto workers = co_await cache_.command(ask);
    if (!state || !workers || workers->list.size() != 2)
      co_return error{errc::unavailable, "Redis does not answer"};
    std::int64_t waiting = 0;
    for (const auto& q : state->queues)
      waiting += q.waiting;
    const auto figures = fmt::format("{} workers, {} messages wait, {} dead letters", workers->list[1].integer, waiting,
                                     state->dead_letters);
    if (workers->list[1].integer < 1)
      co_return error{errc::unavailable, "no worker consumes the queues: " + figures};
    co_return figures;
  }

  health model_health() {
    http::client_request ask{.target = "/health/ready"};
    const auto answered = co_await model_health_.send(std::move(ask), net::deadline_in(std::chrono::seconds(2)));
    if (!answered)
      co_return error{errc::unavailable, "the prediction service does not answer"};
    if (answered->status != 200)
      co_return error{errc::unavailable, fmt::format("the prediction service is not ready: HTTP {}", answered->status)};
    co_return std::string();
  }

  sourcing::predict_function predict() {
    return [this](organization_id organization, user_id user, models::prediction_request request) {
      return model_.predict(organization, user, std::move(request));
    };
  }

  postgres::pool database_;
  redis::client cache_;
  models::prediction_client model_;
  http::client model_health_; // a connection of its own: predictions may be waiting for theirs
  identity::identity_store people_;
  identity::identity_service identity_;
  http::answer_cache answers_;
  redis::client counters_; // of the rate limits; may evict, and requests pass while it is away
  catalog::catalog_store catalog_;
  sourcing::verdict_service verdicts_;
  process& shared_;
};

void run(const settings& s) {
  prometheus::Registry registry;
  auto objects = storage::open_store(s.storage.root);
  const auto files = ingest::files_in(*objects);
  process shared{
      .configured = s,
      .signer = identity::token_signer::create(s.identity.secret).value(),
      .cpu = {s.web.cpu_threads, s.web.cpu_queue_max},
      .files = {s.web.file_threads, s.web.cpu_queue_max},
      .objects = std::move(objects),
      .ingest = {[url = s.database.url] { return std::make_unique<postgres::session>(url); }, files, shared.clock},
      .clock = {}};
  describe_tasks(shared.tasks);
  static thread_local web_thread* here = nullptr; // whose connections a probe on this thread looks at
  const http::probes probes{.ready = [] { return here->ready(); }, .components = [] { return here->components(); }};
  http::site site(s.http, registry, probes);
  net::run_threads(s.http.threads, [&](net::io_thread& thread) {
    web_thread web(thread, shared, registry);
    here = &web;
    http::server server(thread, site, web.make_router());
    thread.run();
  });
}

} // namespace

int main() {
  log::set_service("pricing-web");
  try {
    run(read_settings());
    return 0;
  } catch (const std::exception& e) {
    log::error("pricing-web ends", {{"error", boost::json::string(e.what())}});
    return 1;
  }
}
