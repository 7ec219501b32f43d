#include "serving/registry_routes.hpp"

#include "serving/registry.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>

namespace pricing::serving {
namespace {

using http::answer;
using http::context;
using http::method;

using model_name = wire::text<1, 100>;

struct upload_in {
  model_name name;
  std::optional<wire::text<2, 8'000>> metadata; // a JSON object
  wire::defaulted<bool, false> promote;
};
BOOST_DESCRIBE_STRUCT(upload_in, (), (name, metadata, promote))

struct version_view : manifest {
  bool current = false;
  std::string signature; // Ed25519 of the manifest as it was stored, hex
  std::string signed_by; // public key, hex
};
BOOST_DESCRIBE_STRUCT(version_view, (manifest), (current, signature, signed_by))

struct name_in {
  model_name name;
};
BOOST_DESCRIBE_STRUCT(name_in, (), (name))

struct promote_in {
  model_name name;
  wire::bounded<int, 1, 1'000'000> version;
};
BOOST_DESCRIBE_STRUCT(promote_in, (), (name, version))

using version_number = wire::bounded<int, 1, 1'000'000>;
struct traffic_in {
  model_name name;
  std::optional<version_number> shadow;
  std::optional<version_number> challenger;
  std::optional<wire::bounded<double, 0, 1>> challenger_share;
  std::optional<wire::list<version_number, 8>> pinned;
};
BOOST_DESCRIBE_STRUCT(traffic_in, (), (name, shadow, challenger, challenger_share, pinned))

struct model_view : model_state {
  std::vector<int> in_memory; // of the process that answers
  std::string failure;        // why what is served is not what is asked for here
  std::optional<comparison_figures> compared;
};
BOOST_DESCRIBE_STRUCT(model_view, (model_state), (in_memory, failure, compared))

struct stored_row {
  std::string manifest;
  postgres::bytes signature;
};
BOOST_DESCRIBE_STRUCT(stored_row, (), (manifest, signature))

struct uploaded_file {
  manifest about;
  std::string object_key;
};

constexpr const char* lock_next_version =
    "with m as (insert into served_models (organization_id, name) values ($1, $2) on conflict (organization_id, name) "
    "do "
    "update set name = excluded.name returning name) select 1 + coalesce((select max(version) from "
    "served_model_versions where organization_id = $1 and name = $2), 0) from m";
constexpr const char* insert_version =
    "insert into served_model_versions (organization_id, name, version, object_key, manifest, signature, created_by) "
    "values ($1, $2, $3, $4, $5, $6, $7)";
constexpr const char* count_models = "select count(*) from served_models where organization_id = $1 and name <> $2";
constexpr const char* find_versions =
    "select manifest, signature from served_model_versions where organization_id = $1 and name = $2 order by version "
    "desc limit 100";
constexpr const char* update_traffic =
    "update served_models set shadow_version = $3, challenger_version = $4, challenger_share = $5, pinned_versions = "
    "coalesce($6, pinned_versions) where organization_id = $1 and name = $2 and (select count(*) from "
    "served_model_versions v where v.organization_id = $1 and v.name = $2 and v.version = any($6)) = "
    "coalesce(cardinality($6), 0) returning name, loaded, current_version, shadow_version, challenger_version, "
    "challenger_share, pinned_versions, revision";

error no_such_model(const std::string& name) {
  return not_found("there is no model '" + name + "'");
}

bool is_model_name(std::string_view name) {
  static constexpr std::array<std::string_view, 8> taken = {"current",   "train", "price-items", "price",
                                                            "part-cost", "drift", "calibration", "check"};
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  };
  return std::ranges::all_of(name, fits) && name.find_first_of("._-") != 0 &&
         std::ranges::find(taken, name) == taken.end();
}

std::string hex(std::string_view bytes) {
  static constexpr const char* digits = "0123456789abcdef";
  std::string out;
  for (const char c : bytes)
    out += digits[static_cast<unsigned char>(c) >> 4], out += digits[static_cast<unsigned char>(c) & 15];
  return out;
}

// Reads, checks by loading, stores. Seconds for a large file: for the pool.
result<uploaded_file> take_file(const registry_parts& p, const std::string& path, manifest about) {
  std::ifstream in(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  const auto trees = load_trees(bytes, p.settings.model_bytes_max);
  if (!trees)
    return error{trees.error().code, "the file is not a model that can be served: " + trees.error().message};
  describe_trees(about, *trees);
  about.bytes = static_cast<std::int64_t>(bytes.size());
  std::string key = storage::content_key("models", bytes);
  about.sha256 = key.substr(key.rfind('/') + 1);
  if (const auto kept = p.objects.put(key, bytes); !kept)
    return kept.error();
  return uploaded_file{std::move(about), std::move(key)};
}

version_view view_of(const registry_parts& p, manifest about, std::string_view signature, std::optional<int> current) {
  version_view out;
  static_cast<manifest&>(out) = std::move(about);
  out.current = current == out.version;
  out.signature = hex(signature);
  out.signed_by = p.signer.public_key();
  return out;
}

promotion_gate gate_of(const config& c) {
  return {c.gate_metric, c.gate_higher_is_better};
}

asio::awaitable<result<void>> until_served(const registry_parts& p, postgres::scope s, const model_state& state) {
  if (!p.served)
    co_return result<void>();
  co_return co_await wait_until_served(*p.served, s.organization, state.name, state.revision, s.until);
}

model_view view_of(const registry_parts& p, organization_id organization, model_state state) {
  model_view out;
  static_cast<model_state&>(out) = std::move(state);
  if (const auto model = p.served ? p.served->find(organization, out.name) : nullptr) {
    for (const auto& [version, loaded] : model->versions)
      if (loaded)
        out.in_memory.push_back(version);
    out.failure = model->failure;
    if (model->compared)
      out.compared = model->compared->figures();
  }
  return out;
}

answer<model_view> promote_and_show(registry_parts p, postgres::scope s, std::string name, int version,
                                    std::int64_t user) {
  const auto text = co_await p.database.query_optional<std::string>(s, find_manifest, s.organization, name, version);
  if (!text)
    co_return text.error();
  if (!*text)
    co_return no_such_version(name, version);
  const auto about = wire::decode_json<manifest>(**text).value();
  if (const auto allowed = may_be_promoted(about, gate_of(p.settings)); !allowed)
    co_return allowed.error();
  auto state = co_await p.database.query_optional<model_state>(s, promote_version, name, version, user);
  if (!state)
    co_return state.error();
  if (!*state)
    co_return no_such_version(name, version);
  if (const auto served = co_await until_served(p, s, **state); !served)
    co_return served.error();
  co_return view_of(p, s.organization, std::move(**state));
}

answer<version_view> upload(registry_parts p, postgres::scope s, upload_in in, std::string path, std::int64_t user) {
  const std::string name = in.name.value;
  if (!is_model_name(name))
    co_return invalid_input(
        "the model's name cannot be used",
        {{"name", "letters, digits, '.', '_' and '-', beginning with a letter or digit, and none of "
                  "current, train, price-items, price, part-cost, drift, calibration, check"}});
  manifest about;
  about.name = name;
  about.created_at = p.now.now();
  about.metadata = boost::json::object();
  if (in.metadata) {
    auto given = wire::parse_json(in.metadata->value);
    if (!given || !given->is_object())
      co_return invalid_input("the metadata cannot be read", {{"metadata", "must be a JSON object"}});
    about.metadata = std::move(*given);
  }
  const auto others = co_await p.database.query_one<std::int64_t>(s, count_models, s.organization, name);
  if (!others)
    co_return others.error();
  if (*others >= p.settings.models_max)
    co_return conflict("there are " + std::to_string(*others) +
                       " models already, as many as serving.models_max allows");
  const auto work = [p, path, about] { return take_file(p, path, about); };
  auto file = co_await p.cpu.run(work);
  if (!file)
    co_return file.error();

  const auto kept = std::make_shared<uploaded_file>(std::move(*file));
  const auto signature = std::make_shared<std::string>();
  const std::function<answer<int>(postgres::transaction&)> register_it =
      [&p, s, kept, signature, user](postgres::transaction& t) -> answer<int> {
    manifest& m = kept->about;
    const auto next = co_await t.query_one<int>(lock_next_version, s.organization, m.name);
    if (!next)
      co_return next.error();
    m.version = *next;
    const std::string text = wire::encode(m);
    *signature = p.signer.sign(text);
    const postgres::bytes signed_bytes{*signature};
    const auto added = co_await t.execute(insert_version, s.organization, m.name, m.version, kept->object_key, text,
                                          signed_bytes, user);
    if (!added)
      co_return added.error();
    co_return m.version;
  };
  const auto version = co_await p.database.in_transaction<int>(s, register_it);
  if (!version)
    co_return version.error();
  if (in.promote) {
    const auto promoted = co_await promote_and_show(p, s, name, *version, user);
    if (!promoted)
      co_return error{promoted.error().code,
                      "version " + std::to_string(*version) + " is registered, but: " + promoted.error().message};
  }
  co_return view_of(p, kept->about, *signature, in.promote ? std::optional(*version) : std::nullopt);
}

answer<http::page<version_view>> list_versions(registry_parts p, postgres::scope s, std::string name) {
  const auto state = co_await p.database.query_optional<model_state>(s, find_model_state, s.organization, name);
  if (!state)
    co_return state.error();
  if (!*state)
    co_return no_such_model(name);
  const auto rows = co_await p.database.query<stored_row>(s, find_versions, s.organization, name);
  if (!rows)
    co_return rows.error();
  http::page<version_view> out;
  for (const auto& row : *rows)
    out.data.push_back(
        view_of(p, wire::decode_json<manifest>(row.manifest).value(), row.signature.value, (*state)->current_version));
  co_return out;
}

answer<http::page<model_view>> list_all(registry_parts p, postgres::scope s) {
  auto rows = co_await p.database.query<model_state>(s, find_model_states, s.organization);
  if (!rows)
    co_return rows.error();
  http::page<model_view> out;
  for (auto& row : *rows)
    out.data.push_back(view_of(p, s.organization, std::move(row)));
  co_return out;
}

answer<model_view> show(registry_parts p, postgres::scope s, std::string name) {
  auto state = co_await p.database.query_optional<model_state>(s, find_model_state, s.organization, name);
  if (!state)
    co_return state.error();
  if (!*state)
    co_return no_such_model(name);
  co_return view_of(p, s.organization, std::move(**state));
}

answer<model_view> roll_back_and_show(registry_parts p, postgres::scope s, std::string name, std::int64_t user) {
  auto state = co_await p.database.query_optional<model_state>(s, roll_back_model, name, user);
  if (!state)
    co_return state.error();
  if (!*state)
    co_return nothing_to_roll_back_to(name);
  if (const auto served = co_await until_served(p, s, **state); !served)
    co_return served.error();
  co_return view_of(p, s.organization, std::move(**state));
}

struct traffic {
  std::optional<int> shadow, challenger;
  double share = 0;
  std::optional<std::vector<int>> pinned;
};

answer<model_view> direct_traffic(registry_parts p, postgres::scope s, std::string name, traffic in) {
  auto state = co_await p.database.query_optional<model_state>(s, update_traffic, s.organization, name, in.shadow,
                                                               in.challenger, in.share, in.pinned);
  if (!state)
    co_return state.error();
  if (!*state)
    co_return not_found("there is no model '" + name + "', or it has not all of these versions");
  if (const auto served = co_await until_served(p, s, **state); !served)
    co_return served.error();
  co_return view_of(p, s.organization, std::move(**state));
}

} // namespace

asio::awaitable<result<void>> wait_until_served(const catalog& served, organization_id organization, std::string name,
                                                std::int64_t revision, net::deadline until) {
  for (;;) {
    if (const auto model = served.find(organization, name); model && model->revision >= revision) {
      if (!model->failure.empty())
        co_return conflict("the change is kept, but what was served before goes on serving: " + model->failure);
      co_return result<void>();
    }
    if (std::chrono::steady_clock::now() + std::chrono::milliseconds(100) > until)
      co_return error{errc::unavailable, "the change is kept, but is not served yet", {}, 1};
    co_await net::sleep_for(std::chrono::milliseconds(5));
  }
}

std::vector<http::route> registry_routes(registry_parts p) {
  const auto scope = [](const context& c) { return postgres::scope{c.organization(), c.deadline()}; };
  std::vector<http::route> routes;
  routes.push_back(http::json_route<http::nothing, http::page<model_view>>(
      method::get, "/api/v1/served-models", {.summary = "Models that were uploaded", .permission = "model.read"},
      [p, scope](context& c, http::nothing) { return list_all(p, scope(c)); }));
  routes.push_back(http::json_route<name_in, model_view>(
      method::get, "/api/v1/models/{name}",
      {.summary = "Which versions of a model answer, and how a shadow compares", .permission = "model.read"},
      [p, scope](context& c, name_in in) { return show(p, scope(c), std::move(in.name.value)); }));
  routes.push_back(http::json_route<name_in, http::page<version_view>>(
      method::get, "/api/v1/models/{name}/versions",
      {.summary = "Versions of a model with their signed manifests, newest first", .permission = "model.read"},
      [p, scope](context& c, name_in in) { return list_versions(p, scope(c), std::move(in.name.value)); }));
  routes.push_back(http::json_route<upload_in, version_view>(
      method::post, "/api/v1/models/{name}/versions",
      {.summary = "Register the model file in the body: XGBoost JSON or UBJ, LightGBM text",
       .permission = "model.manage",
       .rate_class = "bulk",
       .status = 201,
       .body_max = p.settings.model_bytes_max,
       .body_to_file = true,
       .timeout_s = 120},
      [p, scope](context& c, upload_in in) {
        return upload(p, scope(c), std::move(in), c.request.body_file, c.caller().user.value);
      }));
  routes.push_back(http::json_route<promote_in, model_view>(
      method::post, "/api/v1/models/{name}/promote",
      {.summary = "Take a version into use", .permission = "model.manage"}, [p, scope](context& c, promote_in in) {
        return promote_and_show(p, scope(c), std::move(in.name.value), in.version, c.caller().user.value);
      }));
  routes.push_back(http::json_route<name_in, model_view>(
      method::post, "/api/v1/models/{name}/rollback",
      {.summary = "Go back to the version that was in use before", .permission = "model.manage"},
      [p, scope](context& c, name_in in) {
        return roll_back_and_show(p, scope(c), std::move(in.name.value), c.caller().user.value);
      }));
  routes.push_back(http::json_route<traffic_in, model_view>(
      method::put, "/api/v1/models/{name}/traffic",
      {.summary = "Shadow, challenger with its share, pinned versions; what is left out ends, pinned versions stay",
       .permission = "model.manage"},
      [p, scope](context& c, traffic_in in) {
        traffic wanted;
        if (in.shadow)
          wanted.shadow = in.shadow->value;
        if (in.challenger)
          wanted.challenger = in.challenger->value;
        if (in.challenger_share)
          wanted.share = in.challenger_share->value;
        if (in.pinned)
          wanted.pinned.emplace(in.pinned->begin(), in.pinned->end());
        return direct_traffic(p, scope(c), std::move(in.name.value), std::move(wanted));
      }));
  return routes;
}

} // namespace pricing::serving
