#include "models/comparison_routes.hpp"

#include "models/uploaded_comparison.hpp"
#include "serving/stored_version.hpp"
#include "serving/version.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace pricing::models {
namespace {

using http::answer;
using http::context;
using http::method;

struct compare_in {
  wire::text<1, 100> name;
  wire::text<1, 100> left, right; // versions
};
BOOST_DESCRIBE_STRUCT(compare_in, (), (name, left, right))

struct uploaded_row : serving::stored_version {
  int version = 0;
  std::optional<std::string> uploaded_by;
};
BOOST_DESCRIBE_STRUCT(uploaded_row, (serving::stored_version), (version, uploaded_by))

struct promotion_row : promotion {
  int version = 0;
};
BOOST_DESCRIBE_STRUCT(promotion_row, (promotion), (version))

// Of what pricing-ml tells of a model (serving/registry_routes).
struct shadow_answers : answer_differences {
  int current = 0;
  int shadow = 0;
};
BOOST_DESCRIBE_STRUCT(shadow_answers, (answer_differences), (current, shadow))
struct served_state {
  std::optional<shadow_answers> compared;
};
BOOST_DESCRIBE_STRUCT(served_state, (), (compared))

constexpr const char* find_price_versions =
    "select m.version, m.state, m.created_at, m.promoted_at, m.trained_until, c.tested_from, c.tested_to, "
    "m.snapshot_hash, m.metrics, m.parameters - 'features', coalesce(m.parameters->'features', 'null') from models m "
    "left join model_calibrations c on c.organization_id = m.organization_id and c.version = m.version where "
    "m.organization_id = $1 and m.version = any($2)";
constexpr const char* find_part_cost_versions =
    "select m.version, m.state, m.created_at, null::timestamptz, null::date, null::date, null::date, t.sha256, "
    "m.metrics - 'form', jsonb_build_object('table', t.name, 'currency', t.currency, 'suppliers', t.suppliers), "
    "(select coalesce(jsonb_agg(jsonb_build_object('name', name, 'kind', kind)), '[]') from (select "
    "unnest(t.measures), "
    "'measure' union all select unnest(t.labels), 'label') f (name, kind)) from part_cost_models m join part_tables t "
    "on t.organization_id = m.organization_id and "
    "t.id = m.table_id where m.organization_id = $1 and m.version = any($2)";

constexpr const char* find_uploaded_versions =
    "select v.object_key, v.manifest, v.signature, v.version, u.name from served_model_versions v left join users u on "
    "u.id = v.created_by where v.organization_id = $1 and v.name = $2 and v.version = any($3)";
// The newest twenty of each.
constexpr const char* find_promotions =
    "select promoted_at, promoter, undone_at, undoer, version from (select p.promoted_at, a.name as promoter, "
    "p.undone_at, b.name as undoer, p.version, p.id, row_number() over (partition by p.version order by p.id desc) as "
    "n "
    "from served_model_promotions p left join users a on a.id = p.promoted_by left join users b on b.id = p.undone_by "
    "where p.organization_id = $1 and p.name = $2 and p.version = any($3)) newest where n <= 20 order by id desc";

using sides = std::array<std::string, 2>;

answer<model_comparison> compare_own(comparison_parts p, postgres::scope s, bool price, sides wanted) {
  const std::vector<std::string> versions(wanted.begin(), wanted.end());
  const auto found = co_await p.database.query<model_record>(s, price ? find_price_versions : find_part_cost_versions,
                                                             s.organization, versions);
  if (!found)
    co_return found.error();
  std::array<const model_record*, 2> of{};
  for (std::size_t i = 0; i < of.size(); ++i) {
    const auto at = std::ranges::find(*found, wanted[i], &model_record::version);
    if (at == found->end())
      co_return not_found("there is no version '" + wanted[i] + "' of the " + (price ? "price" : "part-cost") +
                          " model; its versions are listed by GET /api/v1/" + (price ? "models" : "should-cost"));
    of[i] = &*at;
  }
  co_return compare_versions(price ? model_kind::price : model_kind::part_cost, *of[0], *of[1]);
}

// 0: none has it.
int number_of_version(const std::string& text) {
  int out = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), out);
  return code == std::errc() && end == text.data() + text.size() && out > 0 ? out : 0;
}

// Seconds for a large file: for the pool.
result<uploaded_version> read_version(const comparison_parts& p, const std::string& name, const uploaded_row& row) {
  auto opened = serving::open_version(p.objects, p.signer, name, row.version, row);
  if (!opened)
    return opened.error();
  const auto trees = serving::read_trees(opened->bytes, p.settings.model_bytes_max);
  if (!trees)
    return trees.error();
  return uploaded_version{std::move(opened->about), forest::summarise(*trees), row.uploaded_by, {}};
}

// None: pricing-ml is away, or counts nothing for these two.
asio::awaitable<std::optional<answer_differences>> ask_shadow(comparison_parts p, organization_id organization,
                                                              user_id user, std::string name, int left, int right) {
  if (!p.ml)
    co_return std::nullopt;
  const auto told = co_await p.ml->get<served_state>(organization, user, "/api/v1/models/" + name);
  if (!told || !told->compared || told->compared->rows + told->compared->failed == 0)
    co_return std::nullopt;
  const auto& c = *told->compared;
  if (!(c.current == left && c.shadow == right) && !(c.current == right && c.shadow == left))
    co_return std::nullopt;
  co_return answer_differences(c);
}

answer<model_comparison> compare_served(comparison_parts p, postgres::scope s, user_id user, std::string name,
                                        sides wanted) {
  const auto state =
      co_await p.database.query_optional<serving::model_state>(s, serving::find_model_state, s.organization, name);
  if (!state)
    co_return state.error();
  if (!*state)
    co_return not_found("there is no model '" + name +
                        "'; price, part-cost and those that GET /api/v1/served-models lists can be compared");
  const std::vector<int> versions{number_of_version(wanted[0]), number_of_version(wanted[1])};
  const auto rows = co_await p.database.query<uploaded_row>(s, find_uploaded_versions, s.organization, name, versions);
  if (!rows)
    co_return rows.error();
  auto promotions = co_await p.database.query<promotion_row>(s, find_promotions, s.organization, name, versions);
  if (!promotions)
    co_return promotions.error();
  std::array<uploaded_version, 2> of;
  for (std::size_t i = 0; i < of.size(); ++i) {
    const auto row = std::ranges::find(*rows, versions[i], &uploaded_row::version);
    if (row == rows->end())
      co_return not_found(fmt::format(
          "there is no version '{}' of the model '{}'; its versions are listed by GET /api/v1/models/{}/versions",
          wanted[i], name, name));
    // By value: what is abandoned at a shutdown may still run when this coroutine is gone; the parts outlive the pool.
    const auto work = [p, name, kept = *row] { return read_version(p, name, kept); };
    auto read = co_await p.cpu.run(work);
    if (!read)
      co_return read.error();
    of[i] = std::move(*read);
    for (const auto& one : *promotions)
      if (one.version == versions[i])
        of[i].promotions.push_back(one);
  }
  auto out = compare_uploaded(**state, {p.settings.gate_metric, p.settings.gate_higher_is_better}, of[0], of[1]);
  const bool shadowed = (*state)->shadow_version && (*state)->current_version &&
                        std::ranges::find(versions, *(*state)->shadow_version) != versions.end() &&
                        std::ranges::find(versions, *(*state)->current_version) != versions.end();
  if (shadowed)
    out.answers = co_await ask_shadow(p, s.organization, user, name, versions[0], versions[1]);
  co_return out;
}

answer<model_comparison> compare(comparison_parts p, postgres::scope s, user_id user, compare_in in) {
  const auto& name = in.name.value;
  if (in.left.value == in.right.value)
    co_return invalid_input("choose two versions to compare", {{"right", "must be another version than left"}});
  sides wanted{in.left.value, in.right.value};
  if (name == "price" || name == "part-cost")
    co_return co_await compare_own(p, s, name == "price", std::move(wanted));
  co_return co_await compare_served(p, s, user, name, std::move(wanted));
}

} // namespace

http::route compare_route(comparison_parts p) {
  return http::json_route<compare_in, model_comparison>(
      method::get, "/api/v1/models/{name}/compare",
      {.summary = "Two versions side by side: of the price model (name: price), the part-cost model (part-cost) or an "
                  "uploaded one",
       .permission = "model.read"},
      [p](context& c, compare_in in) {
        return compare(p, {c.organization(), c.deadline()}, c.caller().user, std::move(in));
      });
}

} // namespace pricing::models
