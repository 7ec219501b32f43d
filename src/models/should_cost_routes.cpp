#include "models/should_cost_routes.hpp"

#include "jobs/job_request.hpp"
#include "models/model_tasks.hpp"
#include "models/part_form.hpp"

#include <fstream>
#include <iterator>
#include <limits>

namespace pricing::models {
namespace {

using http::answer;
using http::context;
using http::method;

constexpr std::uint64_t table_bytes_max = 64 << 20;

struct table_in {
  wire::text<1, 200> name;
  std::optional<wire::text<3, 3>> currency; // default: the organization's
};
BOOST_DESCRIBE_STRUCT(table_in, (), (name, currency))

struct table_view {
  std::int64_t id = 0;
  std::string name;
  std::string sha256;
  std::string currency;
  std::int64_t quotes = 0;
  std::int64_t parts = 0;
  std::int64_t suppliers = 0;
  std::int64_t left_out = 0;                 // rows that could not be read
  std::vector<std::string> measures, labels; // columns with numbers, with words
  timestamp created_at;
};
BOOST_DESCRIBE_STRUCT(table_view, (),
                      (id, name, sha256, currency, quotes, parts, suppliers, left_out, measures, labels, created_at))

struct one_table_in {
  wire::bounded<std::int64_t, 1, std::numeric_limits<std::int64_t>::max()> id;
};
BOOST_DESCRIBE_STRUCT(one_table_in, (), (id))

struct table_row : table_view {
  std::optional<boost::json::value> terms;
  std::optional<std::vector<std::string>> left_out_rows;
};
BOOST_DESCRIBE_STRUCT(table_row, (table_view), (terms, left_out_rows))

// null of tables that were taken before this was kept.
struct table_reading {
  table_view table;
  std::optional<std::vector<named_column>> terms;        // columns that are no facts about a part
  std::optional<std::vector<std::string>> left_out_rows; // the first of them, with the reason
};
BOOST_DESCRIBE_STRUCT(table_reading, (), (table, terms, left_out_rows))

struct taken_table {
  table_view table;
  std::vector<named_column> terms;        // columns that are no facts about a part
  std::vector<std::string> left_out_rows; // the first of them, with the reason
  std::int64_t job_id = 0;                // of the training
};
BOOST_DESCRIBE_STRUCT(taken_table, (), (table, terms, left_out_rows, job_id))

struct part_cost_model_view {
  std::string version;
  std::string state; // promoted, retired, rejected
  std::int64_t table_id = 0;
  boost::json::value metrics; // without its form
  timestamp created_at;
};
BOOST_DESCRIBE_STRUCT(part_cost_model_view, (), (version, state, table_id, metrics, created_at))

struct should_cost_state {
  std::optional<table_view> table;            // of the model in use; without one the newest
  std::optional<part_cost_model_view> model;  // in use
  std::vector<part_cost_model_view> versions; // newest first
  std::optional<part_form> form;              // what can be said about a part to the model in use
};
BOOST_DESCRIBE_STRUCT(should_cost_state, (), (table, model, versions, form))

struct training_view {
  std::int64_t job_id = 0;
};
BOOST_DESCRIBE_STRUCT(training_view, (), (job_id))

struct model_in_use {
  std::string version;
  std::string object_key;
  std::string snapshot;
  std::string currency;
};
BOOST_DESCRIBE_STRUCT(model_in_use, (), (version, object_key, snapshot, currency))

constexpr const char* find_in_use =
    "select m.version, m.object_key, t.sha256, t.currency::text from part_cost_models m join part_tables t on "
    "t.organization_id = m.organization_id and t.id = m.table_id where m.organization_id = $1 and m.state = 'promoted'";
constexpr const char* insert_table =
    "insert into part_tables (organization_id, name, object_key, sha256, currency, quotes, parts, suppliers, left_out, "
    "measures, labels, created_by, terms, left_out_rows) select $1, $2, $3, $4, upper(coalesce($5, o.currency::text)), "
    "$6, $7, $8, $9, $10, $11, $12, $13, $14 from organizations o where o.id = $1 returning id, name, sha256, "
    "currency::text, quotes, parts, suppliers, left_out, measures, labels, created_at";
constexpr const char* find_table =
    "select t.id, t.name, t.sha256, t.currency::text, t.quotes, t.parts, t.suppliers, t.left_out, t.measures, "
    "t.labels, t.created_at from part_tables t left join part_cost_models m on m.organization_id = t.organization_id "
    "and m.table_id = t.id and m.state = 'promoted' where t.organization_id = $1 order by m.id is null, t.id desc "
    "limit 1";
constexpr const char* find_one_table =
    "select id, name, sha256, currency::text, quotes, parts, suppliers, left_out, measures, labels, created_at, terms, "
    "left_out_rows from part_tables where organization_id = $1 and id = $2";
constexpr const char* find_versions =
    "select version, state, table_id, metrics - 'form', created_at from part_cost_models where organization_id = $1 "
    "order by id desc limit 50";
constexpr const char* find_form = "select coalesce(metrics->'form', 'null') from part_cost_models where "
                                  "organization_id = $1 and state = 'promoted'";

struct kept_table {
  part_table read; // without its rows
  std::size_t quotes = 0, parts = 0;
  std::string object_key;
};

result<kept_table> keep(storage::object_store& objects, const std::string& path) {
  if (path.empty())
    return invalid_input("the request has no body; send the table's bytes");
  std::ifstream file(path, std::ios::binary);
  auto bytes =
      std::make_shared<const std::string>(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  auto table = read_part_table({{}, bytes});
  if (!table)
    return table.error();
  kept_table out;
  out.object_key = storage::content_key("part-tables", *bytes);
  if (const auto stored = objects.put(out.object_key, *bytes); !stored)
    return stored.error();
  out.quotes = table->quotes.size();
  out.parts = table->catalog.parts.size();
  table->quotes.clear();
  table->catalog = {};
  out.read = std::move(*table);
  return out;
}

answer<taken_table> take_table(postgres::pool& database, storage::object_store& objects, net::cpu_pool& cpu,
                               postgres::scope s, table_in in, std::string path, std::int64_t user) {
  const auto work = [&objects, path] { return keep(objects, path); };
  const auto kept = co_await cpu.run(work);
  if (!kept)
    co_return kept.error();
  const auto currency = in.currency ? std::optional(in.currency->value) : std::nullopt;
  const std::string& key = kept->object_key;
  auto row = co_await database.query_one<table_view>(
      s, insert_table, s.organization, in.name.value, key, key.substr(key.rfind('/') + 1), currency,
      static_cast<std::int64_t>(kept->quotes), static_cast<std::int64_t>(kept->parts),
      static_cast<std::int64_t>(kept->read.suppliers), static_cast<std::int64_t>(kept->read.left_out),
      kept->read.measures, kept->read.labels, user, wire::to_value(kept->read.terms), kept->read.left_out_rows);
  if (!row)
    co_return row.error();
  const auto job = co_await jobs::request_job(database, s, train_part_costs_job_kind);
  if (!job)
    co_return job.error();
  co_return taken_table{std::move(*row), kept->read.terms, kept->read.left_out_rows, job->value};
}

answer<table_reading> show_table(postgres::pool& database, postgres::scope s, std::int64_t id) {
  auto row = co_await database.query_optional<table_row>(s, find_one_table, s.organization, id);
  if (!row)
    co_return row.error();
  if (!*row)
    co_return not_found("there is no part table " + std::to_string(id));
  const table_row& kept = **row;
  table_reading out{kept, std::nullopt, kept.left_out_rows};
  if (kept.terms) {
    auto terms = wire::decode<std::vector<named_column>>(*kept.terms);
    if (!terms)
      co_return error{errc::internal, "part table " + std::to_string(id) + ": " + terms.error().message};
    out.terms = std::move(*terms);
  }
  co_return out;
}

answer<should_cost_state> show(postgres::pool& database, postgres::scope s) {
  auto table = co_await database.query_optional<table_view>(s, find_table, s.organization);
  if (!table)
    co_return table.error();
  auto versions = co_await database.query<part_cost_model_view>(s, find_versions, s.organization);
  if (!versions)
    co_return versions.error();
  const auto form = co_await database.query_optional<boost::json::value>(s, find_form, s.organization);
  if (!form)
    co_return form.error();
  should_cost_state out;
  if (*form && (*form)->is_object()) // models of older versions of the product have none
    if (auto known = wire::decode<part_form>(**form))
      out.form = std::move(*known);
  out.table = std::move(*table);
  for (const auto& v : *versions)
    if (v.state == "promoted")
      out.model = v;
  out.versions = std::move(*versions);
  co_return out;
}

answer<training_view> start_training(postgres::pool& database, postgres::scope s) {
  const auto job = co_await jobs::request_job(database, s, train_part_costs_job_kind);
  if (!job)
    co_return job.error();
  co_return training_view{job->value};
}

// The version is asked for with every request, so that what answers is in use now.
answer<should_cost_response> estimate(postgres::pool& database, part_cost_cache& models, net::cpu_pool& cpu,
                                      postgres::scope s, should_cost_request in, date today) {
  const auto used = co_await database.query_optional<model_in_use>(s, find_in_use, s.organization);
  if (!used)
    co_return used.error();
  if (!*used)
    co_return not_found("no part-cost model is in use yet; upload a table of part quotes");
  const auto asked = std::make_shared<const should_cost_request>(std::move(in));
  const auto work = [&models, asked, today, key = (*used)->object_key]() -> result<should_cost_response> {
    const auto model = models.get(key);
    if (!model)
      return model.error();
    return should_cost(**model, *asked, today);
  };
  auto out = co_await cpu.run(work);
  if (!out)
    co_return out.error();
  out->model_version = (*used)->version;
  out->snapshot = (*used)->snapshot;
  out->currency = (*used)->currency;
  co_return std::move(*out);
}

postgres::scope scope_of(const context& c) {
  return {c.organization(), c.deadline()};
}

} // namespace

result<std::shared_ptr<const loaded_part_cost>> part_cost_cache::get(const std::string& object_key) {
  const auto find = [&]() -> std::shared_ptr<const loaded_part_cost> {
    const std::lock_guard lock(mutex_);
    for (auto at = models_.begin(); at != models_.end(); ++at)
      if (at->first == object_key) {
        models_.splice(models_.begin(), models_, at);
        return at->second;
      }
    return nullptr;
  };
  if (auto known = find())
    return known;
  const auto bytes = objects_.get(object_key);
  if (!bytes)
    return bytes.error();
  auto model = learn::part_cost_model::load(*bytes);
  if (!model)
    return model.error();
  auto built = std::make_shared<const loaded_part_cost>(std::move(*model));
  std::list<entry> leaving; // freed without the lock
  const std::lock_guard lock(mutex_);
  models_.emplace_front(object_key, built);
  if (models_.size() > models_max)
    leaving.splice(leaving.begin(), models_, std::prev(models_.end()));
  return built;
}

http::route should_cost_route(postgres::pool& database, part_cost_cache& models, net::cpu_pool& cpu, const clock& now) {
  return http::json_route<should_cost_request, should_cost_response>(
      method::post, "/api/v1/should-cost",
      {.summary = "What a part should cost at some quantities, with an interval and what makes it",
       .permission = "prediction.read",
       .rate_class = "ml"},
      [&database, &models, &cpu, &now](context& c, should_cost_request in) {
        return estimate(database, models, cpu, scope_of(c), std::move(in), now.today());
      });
}

std::vector<http::route> part_table_routes(postgres::pool& database, storage::object_store& objects,
                                           net::cpu_pool& cpu) {
  std::vector<http::route> routes;
  routes.push_back(http::json_route<http::nothing, should_cost_state>(
      method::get, "/api/v1/should-cost",
      {.summary = "The part-cost model in use, the table it learned from, and its versions",
       .permission = "model.read"},
      [&database](context& c, http::nothing) { return show(database, scope_of(c)); }));
  routes.push_back(http::json_route<table_in, taken_table>(
      method::post, "/api/v1/should-cost/tables",
      {.summary = "Take the table of part quotes in the body (CSV, gzip, XLSX) and learn from it in the background",
       .permission = "model.manage",
       .rate_class = "bulk",
       .status = 201,
       .body_max = table_bytes_max,
       .body_to_file = true,
       .timeout_s = 120},
      [&database, &objects, &cpu](context& c, table_in in) {
        return take_table(database, objects, cpu, scope_of(c), std::move(in), c.request.body_file,
                          c.caller().user.value);
      }));
  routes.push_back(http::json_route<one_table_in, table_reading>(
      method::get, "/api/v1/should-cost/tables/{id}",
      {.summary = "A table of part quotes, how its columns were understood, and which rows were left out",
       .permission = "model.read"},
      [&database](context& c, one_table_in in) { return show_table(database, scope_of(c), in.id); }));
  routes.push_back(http::json_route<http::nothing, training_view>(
      method::post, "/api/v1/should-cost/train",
      {.summary = "Learn from the newest table again, in the background", .permission = "model.manage", .status = 202},
      [&database](context& c, http::nothing) { return start_training(database, scope_of(c)); }));
  return routes;
}

} // namespace pricing::models
