#include "reports/export_routes.hpp"

#include "reports/export_job.hpp"
#include "wire/fields.hpp"

#include <fmt/format.h>

namespace pricing::reports {
namespace {

using http::answer;
using http::context;
using http::method;

constexpr std::int64_t waiting_max = 10; // of one organization

struct new_export {
  wire::text<1, 60> dataset;
  std::optional<file_format> format; // csv when absent; a report is always xlsx
  std::optional<export_filter> filter;
};
BOOST_DESCRIBE_STRUCT(new_export, (), (dataset, format, filter))

struct export_view {
  std::int64_t id = 0;
  std::string dataset;
  std::string format; // csv, xlsx
  boost::json::value filter;
  std::string state; // waiting, ready, failed
  std::int64_t rows = 0;
  std::int64_t bytes = 0;
  std::optional<std::string> error;
  std::optional<std::int64_t> job_id;
  timestamp created_at{};
  std::optional<timestamp> finished_at;
};
BOOST_DESCRIBE_STRUCT(export_view, (),
                      (id, dataset, format, filter, state, rows, bytes, error, job_id, created_at, finished_at))

struct dataset_view {
  std::string name;
  std::string title;
  std::string about;
  bool is_filtered = false;
  std::vector<std::string> columns; // of a report: its sheets
  std::vector<std::string> formats;
};
BOOST_DESCRIBE_STRUCT(dataset_view, (), (name, title, about, is_filtered, columns, formats))

struct dataset_list {
  std::vector<dataset_view> datasets; // the same for everybody
};
BOOST_DESCRIBE_STRUCT(dataset_list, (), (datasets))

struct one_request {
  std::int64_t id = 0;
};
BOOST_DESCRIBE_STRUCT(one_request, (), (id))

struct list_request {
  wire::defaulted<wire::bounded<int, 1, 200>, wire::bounded<int, 1, 200>{50}> limit;
  std::optional<std::int64_t> cursor;
};
BOOST_DESCRIBE_STRUCT(list_request, (), (limit, cursor))

// A job that failed or was stopped for good takes its export with it.
#define COLUMNS                                                                                                        \
  "e.id, e.dataset, e.format, e.filter, case when e.state = 'waiting' and j.state in ('failed', 'revoked') then "      \
  "'failed' else e.state end, e.rows, e.bytes, coalesce(e.error, case when e.state = 'waiting' then j.error end), "    \
  "e.job_id, e.created_at, e.finished_at"
#define SOURCE " from exports e left join jobs j on j.organization_id = e.organization_id and j.id = e.job_id "
constexpr const char* find_page =
    "select " COLUMNS SOURCE "where e.organization_id = $1 and e.id < $2 order by e.id desc limit $3";
constexpr const char* find_one = "select " COLUMNS SOURCE "where e.organization_id = $1 and e.id = $2";
#undef SOURCE
#undef COLUMNS
constexpr const char* count_waiting =
    "select count(*) from exports e join jobs j on j.organization_id = e.organization_id and j.id = e.job_id "
    "where e.organization_id = $1 and e.state = 'waiting' and j.state in ('queued', 'running')";
constexpr const char* insert_one = "insert into exports (organization_id, dataset, format, filter, created_by) values "
                                   "($1, $2, $3, $4, $5) returning id";
constexpr const char* insert_job =
    "with added as (insert into jobs (organization_id, kind, payload) values ($1, $2, jsonb_build_object('export_id', "
    "$3::bigint)) returning id) update exports set job_id = added.id from added where organization_id = $1 and "
    "exports.id = $3 and pg_notify('jobs', $2::text) is not null";
constexpr const char* find_file = "select dataset, format, object_key, created_at::date from exports where "
                                  "organization_id = $1 and id = $2";
constexpr const char* delete_one = "delete from exports where organization_id = $1 and id = $2 returning object_key";

struct file_row {
  std::string dataset;
  std::string format;
  std::optional<std::string> object_key;
  date made{};
};
BOOST_DESCRIBE_STRUCT(file_row, (), (dataset, format, object_key, made))

postgres::scope scope_of(context& c) {
  return {c.organization(), c.deadline()};
}

error no_export(std::int64_t id) {
  return not_found("there is no export " + std::to_string(id));
}

// What is wrong with it, before anything is kept.
result<file_format> checked(const new_export& in) {
  const dataset* what = find_dataset(in.dataset.value);
  if (!what)
    return invalid_input("there is no such dataset", {{"dataset", "must be one of " + dataset_names()}});
  const auto format = in.format.value_or(what->sheets.empty() ? file_format::csv : file_format::xlsx);
  if (!what->sheets.empty() && format == file_format::csv)
    return invalid_input("a report has several sheets", {{"format", "must be xlsx"}});
  const export_filter f = in.filter.value_or(export_filter{});
  if (!what->is_filtered && (f.item_id || f.supplier_id || f.from || f.until))
    return invalid_input("this dataset cannot be narrowed", {{"filter", "must be absent"}});
  if (f.from && f.until && *f.from >= *f.until)
    return invalid_input("the days leave nothing", {{"filter.until", "must be after from"}});
  return format;
}

answer<export_view> ask(postgres::pool& database, postgres::scope s, user_id by, new_export in) {
  const auto format = checked(in);
  if (!format)
    co_return format.error();
  const auto filter = wire::to_value(in.filter.value_or(export_filter{}));
  const std::function body = [s, by, name = in.dataset.value, format = std::string(to_string(*format)),
                              filter](postgres::transaction& t) -> answer<std::int64_t> {
    const auto waiting = co_await t.query_one<std::int64_t>(count_waiting, s.organization);
    if (!waiting)
      co_return waiting.error();
    if (*waiting >= waiting_max)
      co_return conflict(std::to_string(waiting_max) + " exports are being written; wait for one of them");
    const auto id = co_await t.query_one<std::int64_t>(insert_one, s.organization, name, format, filter, by);
    if (!id)
      co_return id.error();
    const auto sent = co_await t.execute(insert_job, s.organization, std::string(export_job_kind), *id);
    if (!sent)
      co_return sent.error();
    co_return *id;
  };
  const auto id = co_await database.in_transaction<std::int64_t>(s, body);
  if (!id)
    co_return id.error();
  co_return co_await database.query_one<export_view>(s, find_one, s.organization, *id);
}

answer<http::page<export_view>> list(postgres::pool& database, postgres::scope s, list_request in) {
  const int limit = in.limit.value.value;
  auto rows = co_await database.query<export_view>(
      s, find_page, s.organization, in.cursor.value_or(std::numeric_limits<std::int64_t>::max()), limit + 1);
  if (!rows)
    co_return rows.error();
  co_return http::page_of(std::move(*rows), limit, [](const export_view& v) { return std::to_string(v.id); });
}

answer<export_view> show(postgres::pool& database, postgres::scope s, std::int64_t id) {
  auto found = co_await database.query_optional<export_view>(s, find_one, s.organization, id);
  if (!found)
    co_return found.error();
  if (!*found)
    co_return no_export(id);
  co_return std::move(**found);
}

answer<http::response> download(postgres::pool& database, storage::object_store& objects, net::cpu_pool& cpu,
                                postgres::scope s, std::int64_t id) {
  auto found = co_await database.query_optional<file_row>(s, find_file, s.organization, id);
  if (!found)
    co_return found.error();
  if (!*found)
    co_return no_export(id);
  const file_row& row = **found;
  if (!row.object_key)
    co_return conflict("the export is not written yet; ask again when its state is ready");
  const auto fetch = [&objects, key = *row.object_key] { return objects.get_file(key); };
  auto file = co_await cpu.run(fetch);
  if (!file)
    co_return file.error();
  const auto format = row.format == "xlsx" ? file_format::xlsx : file_format::csv;
  http::response out;
  out.content_type = media_type_of(format);
  out.body_file = file->path.string();
  out.body_file_kept = std::move(file->kept);
  out.set("Content-Disposition", fmt::format("attachment; filename=\"{}-{}-{}.{}\"", row.dataset,
                                             pricing::to_string(row.made), id, extension_of(format)));
  co_return out;
}

answer<http::nothing> remove(postgres::pool& database, storage::object_store& objects, net::cpu_pool& cpu,
                             postgres::scope s, std::int64_t id) {
  auto keys = co_await database.query<std::optional<std::string>>(s, delete_one, s.organization, id);
  if (!keys)
    co_return keys.error();
  if (keys->empty())
    co_return no_export(id);
  if (keys->front()) {
    const auto forget = [&objects, key = *keys->front()] { return objects.remove(key); };
    if (const auto removed = co_await cpu.run(forget); !removed)
      co_return removed.error();
  }
  co_return http::nothing{};
}

dataset_list all_datasets() {
  dataset_list out;
  for (const auto& d : datasets()) {
    dataset_view v{std::string(d.name), std::string(d.title), std::string(d.about), d.is_filtered, {}, {}};
    for (const auto& c : d.columns)
      v.columns.emplace_back(c.name);
    for (const auto name : d.sheets)
      v.columns.emplace_back(find_dataset(name)->title);
    v.formats = d.sheets.empty() ? std::vector<std::string>{"csv", "xlsx"} : std::vector<std::string>{"xlsx"};
    out.datasets.push_back(std::move(v));
  }
  return out;
}

} // namespace

std::vector<http::route> export_routes(postgres::pool& database, storage::object_store& objects, net::cpu_pool& cpu) {
  std::vector<http::route> out;
  out.push_back(http::json_route<http::nothing, dataset_list>(
      method::get, "/api/v1/exports/datasets", {.summary = "What can be had as a file", .permission = "export.read"},
      [](context&, http::nothing) -> answer<dataset_list> { co_return all_datasets(); }));
  out.push_back(http::json_route<new_export, export_view>(
      method::post, "/api/v1/exports",
      {.summary = "Write a dataset or the report into a file, in the background",
       .permission = "export.create",
       .status = 202},
      [&database](context& c, new_export in) { return ask(database, scope_of(c), c.caller().user, std::move(in)); }));
  out.push_back(http::json_route<list_request, http::page<export_view>>(
      method::get, "/api/v1/exports", {.summary = "Files asked for, newest first", .permission = "export.read"},
      [&database](context& c, list_request in) { return list(database, scope_of(c), in); }));
  out.push_back(http::json_route<one_request, export_view>(
      method::get, "/api/v1/exports/{id}", {.summary = "One of them", .permission = "export.read"},
      [&database](context& c, one_request in) { return show(database, scope_of(c), in.id); }));
  out.push_back(http::json_route<one_request, http::response>(
      method::get, "/api/v1/exports/{id}/file",
      {.summary = "The file: CSV in gzip, or XLSX", .permission = "export.read", .timeout_s = 30},
      [&database, &objects, &cpu](context& c, one_request in) {
        return download(database, objects, cpu, scope_of(c), in.id);
      }));
  out.push_back(http::json_route<one_request, http::nothing>(
      method::delete_, "/api/v1/exports/{id}",
      {.summary = "Delete a file; one that is being written is still written, and goes unlisted",
       .permission = "export.create"},
      [&database, &objects, &cpu](context& c, one_request in) {
        return remove(database, objects, cpu, scope_of(c), in.id);
      }));
  return out;
}

} // namespace pricing::reports
