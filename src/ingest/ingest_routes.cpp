#include "ingest/ingest_routes.hpp"

#include <limits>

namespace pricing::ingest {
namespace {

using http::answer;
using http::context;
using http::method;

struct receive_request {
  wire::text<1, 200> file_name;
};
BOOST_DESCRIBE_STRUCT(receive_request, (), (file_name))

struct list_request {
  wire::defaulted<wire::bounded<int, 1, 200>, wire::bounded<int, 1, 200>{50}> limit;
  std::optional<std::int64_t> cursor;
};
BOOST_DESCRIBE_STRUCT(list_request, (), (limit, cursor))

struct upload_request {
  std::int64_t id = 0;
};
BOOST_DESCRIBE_STRUCT(upload_request, (), (id))

// A mapping as people send it: what they leave out has its default.
struct mapping_input {
  std::optional<std::string> name;
  std::map<std::string, std::string> columns;
  std::optional<std::map<std::string, std::string>> constants;
  std::optional<std::string> date_format, decimal_mark, kind;
  std::optional<std::vector<std::string>> estimate_suppliers, unpriced_units;
};
BOOST_DESCRIBE_STRUCT(mapping_input, (),
                      (name, columns, constants, date_format, decimal_mark, kind, estimate_suppliers, unpriced_units))

mapping complete(const mapping_input& in) {
  mapping out;
  out.name = in.name;
  out.columns = in.columns;
  out.constants = in.constants.value_or(out.constants);
  out.date_format = in.date_format.value_or(out.date_format);
  out.decimal_mark = in.decimal_mark.value_or(out.decimal_mark);
  out.kind = in.kind.value_or(out.kind);
  out.estimate_suppliers = in.estimate_suppliers.value_or(out.estimate_suppliers);
  out.unpriced_units = in.unpriced_units.value_or(out.unpriced_units);
  return out;
}

struct mapping_request {
  std::int64_t id = 0;
  mapping_input body;
};
BOOST_DESCRIBE_STRUCT(mapping_request, (), (id, body))

struct quarantine_request {
  std::int64_t id = 0;
  wire::defaulted<wire::bounded<int, 1, 200>, wire::bounded<int, 1, 200>{50}> limit;
  std::optional<std::int64_t> cursor;
};
BOOST_DESCRIBE_STRUCT(quarantine_request, (), (id, limit, cursor))

struct fix_request {
  std::int64_t id = 0;
  std::int64_t row_number = 0;
  wire::list<std::string, 1'000> cells;
};
BOOST_DESCRIBE_STRUCT(fix_request, (), (id, row_number, cells))

struct row_request {
  std::int64_t id = 0;
  std::int64_t row_number = 0;
};
BOOST_DESCRIBE_STRUCT(row_request, (), (id, row_number))

struct matches_request {
  std::optional<std::string> state;
  std::optional<std::string> kind;
  wire::defaulted<wire::bounded<int, 1, 200>, wire::bounded<int, 1, 200>{50}> limit;
  std::optional<std::int64_t> cursor;
};
BOOST_DESCRIBE_STRUCT(matches_request, (), (state, kind, limit, cursor))

struct decision_request {
  std::int64_t id = 0;
  wire::text<1, 20> choice; // "candidate" or "new"
  std::optional<std::int64_t> chosen_id;
};
BOOST_DESCRIBE_STRUCT(decision_request, (), (id, choice, chosen_id))

// A page of at most `limit` elements; the cursor is the id (or row) of its last one.
template <class T, class IdOf>
http::page<T> page_of(std::vector<T> rows, int limit, IdOf id_of) {
  http::page<T> out;
  if (static_cast<int>(rows.size()) > limit) {
    rows.resize(static_cast<std::size_t>(limit));
    out.next_cursor = std::to_string(id_of(rows.back()));
  }
  out.data = std::move(rows);
  return out;
}

std::optional<std::int64_t> user_of(const context& c) {
  return c.caller().user ? std::optional(c.caller().user.value) : std::nullopt;
}

class route_list {
 public:
  route_list(ingest_service& service, net::cpu_pool& pool) : service_(service), pool_(pool) {}
  std::vector<http::route> routes;

  // A route whose use case is `call(service, organization, user, input)`, run on the pool.
  template <class Input, class Output, class Call>
  void add(method verb, const char* path, http::route_options options, Call call) {
    auto* service = &service_;
    auto* pool = &pool_;
    routes.push_back(http::json_route<Input, Output>(
        verb, path, std::move(options), [service, pool, call](context& c, Input in) -> answer<Output> {
          const auto organization = c.organization();
          const auto user = user_of(c);
          const auto work = [service, call, organization, user, in = std::move(in)]() -> result<Output> {
            return call(*service, organization, user, in);
          };
          co_return co_await pool->run(work);
        }));
  }

 private:
  ingest_service& service_;
  net::cpu_pool& pool_;
};

using user = std::optional<std::int64_t>;

void add_upload_routes(route_list& list) {
  list.add<list_request, http::page<upload_view>>(
      method::get, "/api/v1/uploads", {.summary = "Uploads, newest first", .permission = "upload.read"},
      [](ingest_service& s, organization_id o, user, const list_request& in) -> result<http::page<upload_view>> {
        auto rows = s.uploads(o, in.cursor.value_or(std::numeric_limits<std::int64_t>::max()), in.limit.value + 1);
        if (!rows)
          return rows.error();
        return page_of(std::move(*rows), in.limit.value, [](const auto& u) { return u.id; });
      });
  list.add<upload_request, upload_view>(
      method::get, "/api/v1/uploads/{id}", {.summary = "One upload with its progress", .permission = "upload.read"},
      [](ingest_service& s, organization_id o, user, const upload_request& in) { return s.upload(o, in.id); });
  list.add<upload_request, preview_view>(
      method::get, "/api/v1/uploads/{id}/preview",
      {.summary = "First rows and the proposed mapping", .permission = "upload.read"},
      [](ingest_service& s, organization_id o, user, const upload_request& in) { return s.preview(o, in.id); });
  list.add<mapping_request, upload_view>(method::put, "/api/v1/uploads/{id}/mapping",
                                         {.summary = "Confirm the mapping", .permission = "upload.create"},
                                         [](ingest_service& s, organization_id o, user, const mapping_request& in) {
                                           return s.set_mapping(o, in.id, complete(in.body));
                                         });
  list.add<upload_request, upload_view>(
      method::post, "/api/v1/uploads/{id}/start",
      {.summary = "Start the import", .permission = "upload.create", .status = 202},
      [](ingest_service& s, organization_id o, user, const upload_request& in) { return s.start(o, in.id, true); });
  list.add<upload_request, quality_report>(
      method::get, "/api/v1/uploads/{id}/quality", {.summary = "The quality report", .permission = "upload.read"},
      [](ingest_service& s, organization_id o, user, const upload_request& in) -> result<quality_report> {
        auto found = s.upload(o, in.id);
        if (!found)
          return found.error();
        if (!found->quality)
          return not_found("upload " + std::to_string(in.id) + " has no quality report yet; it is " + found->state);
        return std::move(*found->quality);
      });
}

void add_quarantine_routes(route_list& list) {
  list.add<quarantine_request, http::page<quarantine_view>>(
      method::get, "/api/v1/uploads/{id}/quarantine",
      {.summary = "Rows that could not be loaded, with column and reason", .permission = "upload.read"},
      [](ingest_service& s, organization_id o, user,
         const quarantine_request& in) -> result<http::page<quarantine_view>> {
        auto rows = s.quarantine(o, in.id, in.cursor.value_or(0), in.limit.value + 1);
        if (!rows)
          return rows.error();
        return page_of(std::move(*rows), in.limit.value, [](const auto& r) { return r.row_number; });
      });
  list.add<fix_request, upload_view>(
      method::post, "/api/v1/uploads/{id}/quarantine/{row_number}/fix",
      {.summary = "Correct the cells of a row and load it", .permission = "upload.create"},
      [](ingest_service& s, organization_id o, user, const fix_request& in) {
        return s.fix(o, in.id, in.row_number, in.cells);
      });
  list.add<row_request, upload_view>(method::post, "/api/v1/uploads/{id}/quarantine/{row_number}/dismiss",
                                     {.summary = "Leave a row out for good", .permission = "upload.create"},
                                     [](ingest_service& s, organization_id o, user, const row_request& in) {
                                       return s.dismiss(o, in.id, in.row_number);
                                     });
}

void add_match_routes(route_list& list) {
  list.add<matches_request, http::page<match_view>>(
      method::get, "/api/v1/matches",
      {.summary = "Texts that may be a known item or supplier", .permission = "match.read"},
      [](ingest_service& s, organization_id o, user, const matches_request& in) -> result<http::page<match_view>> {
        auto rows =
            s.matches(o, in.state.value_or(""), in.kind.value_or(""), in.cursor.value_or(0), in.limit.value + 1);
        if (!rows)
          return rows.error();
        return page_of(std::move(*rows), in.limit.value, [](const auto& m) { return m.id; });
      });
  list.add<decision_request, match_view>(
      method::post, "/api/v1/matches/{id}/decision",
      {.summary = "Say which one it is, or that it is new; applies to every row that asked",
       .permission = "match.decide"},
      [](ingest_service& s, organization_id o, user who, const decision_request& in) -> result<match_view> {
        const bool is_new = in.choice.value == "new";
        if (!is_new && in.choice.value != "candidate")
          return invalid_input("choice must be candidate or new", {{"choice", "must be candidate or new"}});
        if (!is_new && !in.chosen_id)
          return invalid_input("chosen_id is required with the choice candidate", {{"chosen_id", "is required"}});
        return s.decide(o, who, in.id, is_new ? std::nullopt : in.chosen_id);
      });
  list.add<upload_request, match_view>(
      method::post, "/api/v1/matches/{id}/undo", {.summary = "Take a decision back", .permission = "match.decide"},
      [](ingest_service& s, organization_id o, user, const upload_request& in) { return s.undo(o, in.id); });
  list.add<list_request, http::page<mapping_view>>(
      method::get, "/api/v1/mappings", {.summary = "Kept mappings", .permission = "upload.read"},
      [](ingest_service& s, organization_id o, user, const list_request&) -> result<http::page<mapping_view>> {
        auto rows = s.mappings(o);
        if (!rows)
          return rows.error();
        return http::page<mapping_view>{std::move(*rows), std::nullopt};
      });
}

http::route receive_route(ingest_service& service, net::cpu_pool& pool, const route_limits& limits) {
  auto* use = &service;
  auto* on = &pool;
  return http::json_route<receive_request, upload_view>(
      method::post, "/api/v1/uploads",
      {.summary = "Upload a CSV, gzip CSV or XLSX file",
       .permission = "upload.create",
       .rate_class = "bulk",
       .status = 201,
       .body_max = limits.upload_bytes_max,
       .body_to_file = true,
       .timeout_s = limits.upload_timeout_s},
      [use, on](context& c, receive_request in) -> answer<upload_view> {
        const auto work = [use, organization = c.organization(), who = user_of(c), name = in.file_name.value,
                           file = c.request.body_file]() -> result<upload_view> {
          if (file.empty())
            return invalid_input("the request has no body; send the file's bytes");
          return use->receive(organization, who, name, file);
        };
        co_return co_await on->run(work);
      });
}

} // namespace

std::vector<http::route> ingest_routes(ingest_service& service, net::cpu_pool& pool, const route_limits& limits) {
  route_list list(service, pool);
  list.routes.push_back(receive_route(service, pool, limits));
  add_upload_routes(list);
  add_quarantine_routes(list);
  add_match_routes(list);
  return std::move(list.routes);
}

} // namespace pricing::ingest
