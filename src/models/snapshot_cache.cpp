#include "models/snapshot_cache.hpp"

#include "core/log.hpp"

#include <boost/describe.hpp>
#include <boost/json/string.hpp>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <algorithm>
#include <charconv>

namespace pricing::models {
namespace {

using steady = std::chrono::steady_clock;
constexpr std::chrono::milliseconds patience{250}; // of one look for notices; the longest that stopping waits

struct promoted_model {
  std::string version;
  std::string object_key;
};
BOOST_DESCRIBE_STRUCT(promoted_model, (), (version, object_key))

std::optional<promoted_model> find_promoted(postgres::session& database, organization_id organization) {
  database.begin(organization);
  auto rows = database.query<promoted_model>(
      "select version, object_key from models where organization_id = $1 and state = 'promoted'", organization);
  database.commit();
  return rows.empty() ? std::nullopt : std::optional(std::move(rows.front()));
}

prometheus::Counter& counter(prometheus::Registry& r, const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(r).Add({});
}

} // namespace

snapshot_ptr load_snapshot(postgres::session& database, const storage::object_store& objects,
                           organization_id organization) {
  const auto started = steady::now();
  const auto promoted = find_promoted(database, organization);
  if (!promoted)
    return nullptr;
  auto model = learn::price_model::load(objects.get(promoted->object_key).value()).value();
  auto built = std::make_shared<const snapshot>(market::load_history(database, organization), std::move(model),
                                                promoted->version,
                                                promoted->object_key.substr(promoted->object_key.rfind('/') + 1));
  log::info("prices and model read", {{"organization", organization.value},
                                      {"version", boost::json::string(promoted->version)},
                                      {"prices", built->loaded.prices.size()},
                                      {"seconds", std::chrono::duration<double>(steady::now() - started).count()}});
  return built;
}

snapshot_cache::snapshot_cache(session_factory connect, const storage::object_store& objects, cache_limits limits,
                               prometheus::Registry& registry)
    : connect_(std::move(connect)),
      objects_(objects),
      limits_(limits),
      in_memory_(prometheus::BuildGauge()
                     .Name("pricing_ml_organizations")
                     .Help("Organizations whose prices and model are in memory")
                     .Register(registry)
                     .Add({})),
      built_(counter(registry, "pricing_ml_snapshots_built_total", "Snapshots of prices and model built")),
      failed_(counter(registry, "pricing_ml_snapshot_failures_total", "Snapshots that could not be built")),
      thread_([this] { listen(); }) {}

snapshot_cache::~snapshot_cache() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
}

std::optional<snapshot_ptr> snapshot_cache::find(organization_id organization) {
  const std::lock_guard lock(mutex_);
  const auto at = entries_.find(organization);
  if (at == entries_.end() || !at->second.current)
    return std::nullopt;
  at->second.used = ++clock_;
  return at->second.current;
}

std::vector<std::pair<organization_id, snapshot_ptr>> snapshot_cache::in_memory() const {
  std::vector<std::pair<organization_id, snapshot_ptr>> out;
  const std::lock_guard lock(mutex_);
  for (const auto& [organization, e] : entries_)
    if (e.current && *e.current)
      out.emplace_back(organization, *e.current);
  return out;
}

snapshot_ptr snapshot_cache::load(organization_id organization) {
  const std::lock_guard one_at_a_time(building_);
  if (const auto known = find(organization))
    return *known;
  const auto database = connect_();
  expect(organization);
  auto built = build(*database, organization);
  keep(organization, built);
  return built;
}

snapshot_ptr snapshot_cache::build(postgres::session& database, organization_id organization) {
  auto built = load_snapshot(database, objects_, organization);
  if (built)
    built_.Increment();
  return built;
}

// Prices that come in while the first snapshot is built would be missed otherwise.
void snapshot_cache::expect(organization_id organization) {
  const std::lock_guard lock(mutex_);
  entries_[organization].used = ++clock_;
}

void snapshot_cache::keep(organization_id organization, snapshot_ptr built) {
  std::vector<std::optional<snapshot_ptr>> leaving; // freed without the lock
  const std::lock_guard lock(mutex_);
  entry& e = entries_[organization];
  leaving.push_back(std::exchange(e.current, std::move(built)));
  e.used = ++clock_;
  const auto used = [](const auto& a) { return a.second.used; };
  while (entries_.size() > limits_.organizations_max) {
    const auto oldest = std::ranges::min_element(entries_, {}, used);
    leaving.push_back(std::move(oldest->second.current));
    entries_.erase(oldest);
  }
  in_memory_.Set(static_cast<double>(entries_.size()));
}

// The listening thread
// -----------------------------------------------------------------------------------------------------------------

bool snapshot_cache::pause(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return !wake_.wait_for(lock, time, [this] { return stopping_; });
}

void snapshot_cache::listen() {
  do {
    try {
      hear();
    } catch (const std::exception& e) {
      listening_ = false;
      failed_.Increment();
      log::error("prices and models cannot be followed", {{"error", boost::json::string(e.what())}});
    }
  } while (pause(limits_.retry_after));
}

// Ends when it is time to stop; throws when the connection is lost.
void snapshot_cache::hear() {
  const auto ears = connect_(), database = connect_();
  ears->listen("prices");
  ears->listen("models");
  load_known(*database);
  listening_ = true;
  while (pause(std::chrono::milliseconds(0))) {
    if (const auto notice = ears->wait_notification(patience))
      mark(notice->payload);
    rebuild_due(*database);
  }
}

// What is in memory is built anew, since nothing was heard for a while; the room that is left is filled.
void snapshot_cache::load_known(postgres::session& database) {
  std::size_t room = limits_.organizations_max;
  for (const auto id : database.query<std::int64_t>("select organization_ids()")) {
    const organization_id organization{id};
    if (find(organization)) {
      mark(std::to_string(id));
      room -= std::min<std::size_t>(room, 1);
    } else if (room > 0 && find_promoted(database, organization)) {
      --room;
      try {
        load(organization);
      } catch (const std::exception& e) { // its requests fail until that is repaired; the others are served
        failed_.Increment();
        log::error("prices and model cannot be read", {{"organization", id}, {"error", boost::json::string(e.what())}});
      }
    }
  }
}

void snapshot_cache::mark(const std::string& payload) {
  std::int64_t id = 0;
  std::from_chars(payload.data(), payload.data() + payload.size(), id);
  const std::lock_guard lock(mutex_);
  if (const auto at = entries_.find(organization_id{id}); at != entries_.end())
    at->second.due = steady::now() + limits_.settle;
}

void snapshot_cache::rebuild_due(postgres::session& database) {
  std::optional<organization_id> which;
  {
    const std::lock_guard lock(mutex_);
    for (auto& [organization, e] : entries_)
      if (e.due && *e.due <= steady::now()) {
        which = organization;
        e.due.reset();
        break;
      }
  }
  if (!which)
    return;
  try {
    const std::lock_guard one_at_a_time(building_);
    keep(*which, build(database, *which));
  } catch (const std::exception& e) {
    failed_.Increment();
    log::error("the prices and model before go on serving",
               {{"organization", which->value}, {"error", boost::json::string(e.what())}});
    const std::lock_guard lock(mutex_);
    if (const auto at = entries_.find(*which); at != entries_.end())
      at->second.due = steady::now() + limits_.retry_after;
  }
}

} // namespace pricing::models
