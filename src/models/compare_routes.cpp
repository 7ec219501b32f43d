#include "models/compare_routes.hpp"

#include "learn/price_model.hpp"
#include "models/version_comparison.hpp"
#include "serving/registry.hpp"

#include <charconv>

namespace pricing::models {
namespace {

using http::answer;
using http::context;
using version_text = wire::text<1, 40>;

struct compare_in {
  wire::text<1, 100> name;
  version_text left, right;
};
BOOST_DESCRIBE_STRUCT(compare_in, (), (name, left, right))

struct price_row {
  std::string version;
  std::string state;
  timestamp created_at{};
  std::string snapshot;
  std::optional<date> trained_until;
  boost::json::value metrics, parameters;
  std::string object_key;
};
BOOST_DESCRIBE_STRUCT(price_row, (),
                      (version, state, created_at, snapshot, trained_until, metrics, parameters, object_key))

constexpr const char* find_price_version =
    "select version, state, created_at, snapshot_hash, trained_until, metrics, parameters, object_key from models "
    "where organization_id = $1 and version = $2";
constexpr const char* find_state =
    "select name, loaded, current_version, shadow_version, challenger_version, challenger_share, pinned_versions, "
    "revision from served_models where organization_id = $1 and name = $2";

constexpr std::chrono::days test_window{365}; // as train_model tests: on the newest year of the data

error no_such_version(const std::string& name, const std::string& version, const std::string& list) {
  return not_found("model '" + name + "' has no version '" + version + "'; GET " + list + " lists those it has");
}

const boost::json::value* member(const boost::json::value& in, std::string_view name) {
  const auto* object = in.if_object();
  return object ? object->if_contains(name) : nullptr;
}

std::optional<std::int64_t> whole(const boost::json::value& in, std::string_view name) {
  const auto* found = member(in, name);
  return found && found->is_int64() ? std::optional(found->get_int64()) : std::nullopt;
}

std::string text(const boost::json::value& in, std::string_view name) {
  const auto* found = member(in, name);
  return found && found->is_string() ? std::string(found->get_string()) : std::string();
}

std::optional<date> day(const boost::json::value& in, std::string_view name) {
  const auto found = parse_date(text(in, name));
  return found ? std::optional(*found) : std::nullopt;
}

// The file says how many columns it was made for; a version whose file is gone is compared without.
answer<std::optional<std::int64_t>> columns_of(const storage::object_store& objects, net::cpu_pool& files,
                                               const std::string& key) {
  const auto work = [&objects, key]() -> result<std::optional<std::int64_t>> {
    const auto bytes = objects.get(key);
    if (!bytes)
      return std::optional<std::int64_t>();
    const auto columns = learn::price_model_columns(*bytes);
    return columns ? std::optional(static_cast<std::int64_t>(*columns)) : std::nullopt;
  };
  co_return co_await files.run(work);
}

described_version described(price_row row, std::optional<std::int64_t> columns) {
  described_version out;
  out.facts = {.version = std::move(row.version),
               .state = std::move(row.state),
               .created_at = row.created_at,
               .snapshot = std::move(row.snapshot),
               .trained_until = row.trained_until,
               .tested_until = row.trained_until,
               .trained_lines = whole(row.metrics, "trained_lines"),
               .tested_lines = whole(row.metrics, "lines"),
               .features = columns};
  if (row.trained_until)
    out.facts.tested_from = *row.trained_until - test_window;
  out.metrics = std::move(row.metrics);
  out.parameters = std::move(row.parameters);
  return out;
}

answer<described_version> find_price(postgres::pool& database, const storage::object_store& objects,
                                     net::cpu_pool& files, postgres::scope s, std::string version) {
  auto row = co_await database.query_optional<price_row>(s, find_price_version, s.organization, version);
  if (!row)
    co_return row.error();
  if (!*row)
    co_return no_such_version(std::string(price_model_name), version, "/api/v1/models");
  const auto columns = co_await columns_of(objects, files, (*row)->object_key);
  if (!columns)
    co_return columns.error();
  co_return described(std::move(**row), *columns);
}

std::string state_of(const serving::model_state& model, int version) {
  return model.current_version == version      ? "promoted"
         : model.challenger_version == version ? "challenger"
         : model.shadow_version == version     ? "shadow"
                                               : "kept";
}

described_version described(serving::manifest about, const serving::model_state& model) {
  described_version out;
  const auto& m = about.metadata;
  const auto* metrics = member(m, "metrics");
  const auto* parameters = member(m, "parameters");
  const auto* snapshot = member(m, "snapshot");
  out.metrics = metrics ? *metrics : boost::json::value();
  out.parameters = parameters ? *parameters : boost::json::value();
  out.facts = {.version = std::to_string(about.version),
               .state = state_of(model, about.version),
               .created_at = about.created_at,
               .snapshot = snapshot ? text(m, "snapshot") : text(m, "data_snapshot"),
               .code_version = text(m, "code_version"),
               .trained_until = day(m, "trained_until"),
               .tested_from = day(m, "tested_from"),
               .tested_until = day(m, "tested_until"),
               .trained_lines = whole(m, "trained_lines"),
               .tested_lines = whole(out.metrics, "lines"),
               .features = about.features,
               .feature_names = std::move(about.feature_names)};
  return out;
}

answer<described_version> find_served(postgres::pool& database, postgres::scope s, const serving::model_state& model,
                                      std::string version) {
  int number = 0;
  const char* end = version.data() + version.size();
  const auto read = std::from_chars(version.data(), end, number);
  std::optional<std::string> stored;
  if (read.ec == std::errc() && read.ptr == end) {
    auto row =
        co_await database.query_optional<std::string>(s, serving::find_manifest, s.organization, model.name, number);
    if (!row)
      co_return row.error();
    stored = std::move(*row);
  }
  if (!stored)
    co_return no_such_version(model.name, version, "/api/v1/models/" + model.name + "/versions");
  auto about = wire::decode_json<serving::manifest>(*stored);
  if (!about)
    co_return about.error();
  co_return described(std::move(*about), model);
}

answer<version_comparison> compare(postgres::pool& database, const storage::object_store& objects, net::cpu_pool& files,
                                   postgres::scope s, compare_in in) {
  const std::string name = in.name.value;
  if (in.left.value == in.right.value)
    co_return invalid_input("a version cannot be compared with itself; name two versions",
                            {{"right", "must differ from left"}});
  std::optional<described_version> left, right;
  if (name == price_model_name) {
    for (auto* side : {&left, &right}) {
      auto found = co_await find_price(database, objects, files, s, side == &left ? in.left.value : in.right.value);
      if (!found)
        co_return found.error();
      *side = std::move(*found);
    }
  } else {
    const auto model = co_await database.query_optional<serving::model_state>(s, find_state, s.organization, name);
    if (!model)
      co_return model.error();
    if (!*model)
      co_return not_found("there is no model '" + name + "'; the price model is 'price', and GET " +
                          "/api/v1/served-models lists those that were uploaded");
    for (auto* side : {&left, &right}) {
      auto found = co_await find_served(database, s, **model, side == &left ? in.left.value : in.right.value);
      if (!found)
        co_return found.error();
      *side = std::move(*found);
    }
  }
  co_return compare_versions(name, *left, *right);
}

} // namespace

http::route compare_route(postgres::pool& database, const storage::object_store& objects, net::cpu_pool& files) {
  return http::json_route<compare_in, version_comparison>(
      http::method::get, "/api/v1/models/{name}/compare",
      {.summary = "Two versions of a model side by side, and which is better; the price model's name is price",
       .permission = "model.read"},
      [&database, &objects, &files](context& c, compare_in in) {
        return compare(database, objects, files, {c.organization(), c.deadline()}, std::move(in));
      });
}

} // namespace pricing::models
