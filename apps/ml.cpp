// pricing-ml: predictions from the prices and the model of each organization, and from the tree models that they bring
// along, all held in memory.
#include "core/config.hpp"
#include "core/library_environment.hpp"
#include "core/log.hpp"
#include "http/server.hpp"
#include "identity/config.hpp"
#include "identity/token.hpp"
#include "insight/model_watch.hpp"
#include "models/prediction_routes.hpp"
#include "models/should_cost_routes.hpp"
#include "postgres/config.hpp"
#include "redis/config.hpp"
#include "serving/inference_routes.hpp"
#include "serving/registry_routes.hpp"
#include "storage/config.hpp"
#include "storage/object_store.hpp"

#include <boost/json/string.hpp>
#include <prometheus/registry.h>

#include <iterator>

using namespace pricing;
namespace asio = boost::asio;

namespace {

struct ml_config {
  unsigned cpu_threads = 2;          // that predict
  std::size_t queue_max = 64;        // requests that wait for them; above it: unavailable
  std::size_t organizations_max = 8; // whose prices are in memory: about 0.2 GB for 2.4 million prices
};
BOOST_DESCRIBE_STRUCT(ml_config, (), (cpu_threads, queue_max, organizations_max))

struct ui_config {
  std::string root; // the built pages, of which only the API's description is shown; none when empty
};
BOOST_DESCRIBE_STRUCT(ui_config, (), (root))

struct settings {
  http::config http;
  ml_config ml;
  serving::config serving;
  postgres::config database;
  storage::config storage;
  identity::config identity;
  redis::config cache; // where answers are kept; the sessions' Redis where no other is named
  serving::answers_config answers;
};

settings read_settings() {
  const auto source = config_source::load().value();
  settings out{.http = source.read<http::config>("http").value(),
               .ml = source.read<ml_config>("ml").value(),
               .serving = source.read<serving::config>("serving").value(),
               .database = source.read<postgres::config>("postgres").value(),
               .storage = source.read<storage::config>("storage").value(),
               .identity = source.read<identity::config>("identity").value(),
               .cache = source.read<redis::config>("cache").value(),
               .answers = source.read<serving::answers_config>("answers").value()};
  if (out.ml.cpu_threads < 1 || out.ml.cpu_threads > 64 || out.ml.organizations_max < 1)
    throw std::runtime_error("configuration: ml.cpu_threads must be 1 to 64 and ml.organizations_max at least 1");
  if (out.cache.socket.empty() && out.cache.sentinels.empty() && out.cache.host == redis::config().host)
    out.cache = source.read<redis::config>("redis").value();
  out.http.service = "pricing-ml";
  out.http.title = "Pricing Agent: predictions";
  out.http.static_root = source.read<ui_config>("ui").value().root;
  out.http.static_folder = "api-docs";
  return out;
}

void append(std::vector<http::route>& all, std::vector<http::route> some) {
  all.insert(all.end(), std::make_move_iterator(some.begin()), std::make_move_iterator(some.end()));
}

void run(const settings& s) {
  const system_clock now;
  const auto signer = identity::token_signer::create(s.identity.secret).value();
  const serving::manifest_signer manifests(s.identity.secret);
  const auto store = storage::open_store(s.storage.root);
  storage::object_store& objects = *store;
  prometheus::Registry registry;
  const auto connect = [url = s.database.url] { return std::make_unique<postgres::session>(url); };
  models::snapshot_cache snapshots(connect, objects, {.organizations_max = s.ml.organizations_max}, registry);
  const insight::model_watch quality(connect, snapshots, std::chrono::minutes(1), registry);
  serving::metrics counted(registry);
  serving::catalog served(connect, objects, manifests, s.serving, counted);
  serving::shadow_queue shadows(s.serving.shadow_queue_max, counted);
  serving::answers_series answers_counted(registry);
  models::part_cost_cache part_costs(objects);
  net::cpu_pool cpu(s.ml.cpu_threads, s.ml.queue_max);
  const http::probes probes{.ready = [&snapshots, &served]() -> asio::awaitable<result<void>> {
    if (!snapshots.ready() || !served.ready())
      co_return error{errc::unavailable, "prices and models are being read"};
    co_return result<void>();
  }};
  http::site site(s.http, registry, probes);
  net::run_threads(s.http.threads, [&](net::io_thread& thread) {
    postgres::pool database(thread.io(), s.database, &registry);
    const auto known = std::make_shared<serving::callers>(signer, now);
    serving::answer_store answers(thread.io(), s.cache, s.answers, answers_counted);
    auto routes = models::prediction_routes(snapshots, cpu, now, &answers);
    routes.push_back(models::should_cost_route(database, part_costs, cpu, now));
    append(routes, serving::inference_routes({.models = served,
                                              .cpu = cpu,
                                              .shadows = shadows,
                                              .counted = counted,
                                              .settings = s.serving,
                                              .database = database,
                                              .ready = [&snapshots] { return snapshots.ready(); },
                                              .answers = &answers,
                                              .version = s.http.version},
                                             known));
    append(routes, serving::registry_routes({database, objects, cpu, manifests, s.serving, now, &served}));
    http::server server(thread, site, http::router::create(std::move(routes), serving::token_hooks(known)).value());
    thread.run();
  });
}

} // namespace

int main(int, char** argv) {
  set_before_main(argv, {idle_threads_sleep, freed_blocks_are_kept});
  log::set_service("pricing-ml");
  try {
    run(read_settings());
    return 0;
  } catch (const std::exception& e) {
    log::error("pricing-ml ends", {{"error", boost::json::string(e.what())}});
    return 1;
  }
}
