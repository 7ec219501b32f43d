#include "serving/catalog.hpp"

#include "core/log.hpp"
#include "serving/registry.hpp"
#include "serving/stored_version.hpp"

#include <boost/json/string.hpp>

#include <charconv>

namespace pricing::serving {
namespace {

using steady = std::chrono::steady_clock;
constexpr std::chrono::milliseconds patience{250}; // of one look for notices; the longest that stopping waits

// FNV-1a, then mixed until every bit depends on every other (MurmurHash3's finalizer).
std::uint64_t spread(std::string_view name, std::string_view key) {
  std::uint64_t h = 14695981039346656037ULL;
  const auto add = [&](std::string_view text) {
    for (const char c : text)
      h = (h ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
    h = (h ^ 0xFF) * 1099511628211ULL;
  };
  add(name), add(key);
  h = (h ^ h >> 33) * 0xff51afd7ed558ccdULL;
  h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53ULL;
  return h ^ h >> 33;
}

} // namespace

const version_ptr& served_model::pick(std::string_view key) const {
  if (!challenger || challenger_share <= 0)
    return current;
  const double at = static_cast<double>(spread(name, key) >> 11) * 0x1p-53;
  return at < challenger_share ? challenger : current;
}

struct catalog::model_row {
  std::string name;
  bool loaded = true;
  std::optional<int> current, shadow, challenger, former;
  double challenger_share = 0;
  std::vector<int> pinned;
  std::int64_t revision = 0;
  BOOST_DESCRIBE_CLASS(model_row, (),
                       (name, loaded, current, shadow, challenger, former, challenger_share, pinned, revision), (), ())
};

catalog::catalog(session_factory connect, const storage::object_store& objects, const manifest_signer& signer,
                 const config& c, metrics& counted, std::chrono::milliseconds retry_after)
    : connect_(std::move(connect)),
      objects_(objects),
      signer_(signer),
      config_(c),
      counted_(counted),
      retry_after_(retry_after),
      gpu_(find_gpu(c)),
      thread_([this] { listen(); }) {}

catalog::~catalog() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
}

std::shared_ptr<const models_by_name> catalog::models_of(organization_id organization) const {
  static const auto none = std::make_shared<const models_by_name>();
  const std::lock_guard lock(mutex_);
  const auto at = models_.find(organization);
  return at == models_.end() ? none : at->second;
}

model_ptr catalog::find(organization_id organization, std::string_view name) const {
  const auto all = models_of(organization);
  const auto at = all->find(name);
  return at == all->end() ? nullptr : at->second;
}

// The listening thread
// -----------------------------------------------------------------------------------------------------------------

bool catalog::pause(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return !wake_.wait_for(lock, time, [this] { return stopping_; });
}

void catalog::listen() {
  do {
    try {
      hear();
    } catch (const std::exception& e) {
      listening_ = false;
      counted_.load_failed();
      log::error("served models cannot be followed", {{"error", boost::json::string(e.what())}});
    }
  } while (pause(retry_after_));
}

// Ends when it is time to stop; throws when the connection is lost.
void catalog::hear() {
  const auto ears = connect_(), database = connect_();
  ears->listen("served_models");
  for (const auto id : database->query<std::int64_t>("select organization_ids()"))
    renew(*database, {id});
  listening_ = true;
  while (pause(std::chrono::milliseconds(0))) {
    if (const auto notice = ears->wait_notification(patience)) {
      std::int64_t id = 0;
      std::from_chars(notice->payload.data(), notice->payload.data() + notice->payload.size(), id);
      due_[{id}] = steady::now();
    }
    for (auto at = due_.begin(); at != due_.end();) {
      if (at->second > steady::now()) {
        ++at;
        continue;
      }
      const auto organization = at->first;
      at = due_.erase(at);
      renew(*database, organization);
    }
  }
}

void catalog::renew(postgres::session& database, organization_id organization) {
  static constexpr const char* find_models =
      "select name, loaded, current_version, shadow_version, challenger_version, (select version from "
      "served_model_promotions p where p.organization_id = m.organization_id and p.name = m.name and undone_at is null "
      "order by id desc offset 1 limit 1), challenger_share, pinned_versions, revision from served_models m where "
      "organization_id = $1 order by name";
  database.begin(organization);
  const auto rows = database.query<model_row>(find_models, organization);
  database.commit();
  const auto before = models_of(organization);
  auto built = std::make_shared<models_by_name>();
  for (const auto& row : rows) {
    const auto old = before->find(row.name);
    auto model = build(database, organization, row, old == before->end() ? nullptr : old->second);
    if (!model->failure.empty())
      due_[organization] = steady::now() + retry_after_;
    built->emplace(row.name, std::move(model));
  }
  std::shared_ptr<const models_by_name> leaving; // freed without the lock
  const std::lock_guard lock(mutex_);
  leaving = std::exchange(models_[organization], std::move(built));
}

model_ptr catalog::build(postgres::session& database, organization_id organization, const model_row& row,
                         const model_ptr& before) {
  if (before && before->revision == row.revision && before->failure.empty())
    return before;
  auto out = std::make_shared<served_model>();
  out->name = row.name;
  out->revision = row.revision;
  out->loaded = row.loaded;
  out->challenger_share = row.challenger_share;
  const auto take = [&](std::optional<int> version) -> version_ptr {
    if (!version)
      return nullptr;
    auto& slot = out->versions[*version];
    if (!slot && before)
      if (const auto known = before->versions.find(*version); known != before->versions.end())
        slot = known->second;
    if (!slot)
      slot = load(database, organization, row.name, *version);
    return slot;
  };
  try {
    if (!row.loaded)
      return out;
    out->current = take(row.current);
    out->shadow = take(row.shadow);
    out->challenger = take(row.challenger);
    take(row.former);
    for (const int version : row.pinned)
      take(version);
    if (out->current && out->shadow) {
      const int current = out->current->about.version, shadow = out->shadow->about.version;
      const bool same = before && before->compared && before->compared->figures().current == current &&
                        before->compared->figures().shadow == shadow;
      out->compared = same ? before->compared : std::make_shared<comparison>(current, shadow);
    }
    return out;
  } catch (const postgres::database_error&) {
    throw; // the connection is gone: everything is read anew
  } catch (const std::exception& e) {
    counted_.load_failed();
    log::error(before ? "the model before goes on serving" : "a model cannot be served",
               {{"organization", organization.value},
                {"model", boost::json::string(row.name)},
                {"error", boost::json::string(e.what())}});
    auto kept = std::make_shared<served_model>(before ? *before : served_model{.name = row.name, .loaded = row.loaded});
    kept->revision = row.revision;
    kept->failure = e.what();
    return kept;
  }
}

version_ptr catalog::load(postgres::session& database, organization_id organization, const std::string& name,
                          int version) {
  const auto started = steady::now();
  database.begin(organization);
  const auto rows = database.query<stored_version>(find_stored_version, organization, name, version);
  database.commit();
  if (rows.empty())
    throw std::runtime_error("version " + std::to_string(version) + " of model '" + name + "' is gone");
  auto [about, bytes] = open_version(objects_, signer_, name, version, rows.front()).value();
  auto trees = load_trees(bytes, config_.model_bytes_max).value();
  use_gpu(trees, gpu_, config_, name);
  auto loaded = std::make_shared<served_version>(std::move(about), std::move(trees));
  warm_up(*loaded);
  loaded->series = counted_.series_of(organization, loaded->about);
  counted_.loaded();
  log::info("model loaded", {{"organization", organization.value},
                             {"model", boost::json::string(name)},
                             {"version", version},
                             {"row_us", loaded->row_us},
                             {"seconds", std::chrono::duration<double>(steady::now() - started).count()}});
  return loaded;
}

} // namespace pricing::serving
