#include "sourcing/verdict_routes.hpp"

namespace pricing::sourcing {
namespace {

using http::answer;
using http::context;
using http::method;

constexpr std::uint64_t json_bytes_max = 10u << 20; // as many lines and bidders as there may be

struct file_request {
  wire::text<1, 200> file_name;
  std::optional<date> on; // the day the prices are for; default: that of the file, else today
};
BOOST_DESCRIBE_STRUCT(file_request, (), (file_name, on))

struct text_request {
  wire::text<1, paste_bytes_max> text; // lines of description, unit, quantity, price
  std::optional<wire::text<0, 200>> name;
  std::optional<date> on;
};
BOOST_DESCRIBE_STRUCT(text_request, (), (text, name, on))

struct list_request {
  wire::defaulted<wire::bounded<int, 1, 200>, wire::bounded<int, 1, 200>{50}> limit;
  std::optional<std::string> cursor;
};
BOOST_DESCRIBE_STRUCT(list_request, (), (limit, cursor))

struct verdict_by_id {
  std::int64_t id = 0;
};
BOOST_DESCRIBE_STRUCT(verdict_by_id, (), (id))

postgres::scope scope_of(const context& c) {
  return {c.organization(), c.deadline()};
}

asker asker_of(const context& c) {
  return {scope_of(c), c.caller().user};
}

http::route_options judging(std::string summary, std::uint64_t body_max) {
  return {.summary = std::move(summary), .permission = "verdict.create", .status = 201, .body_max = body_max};
}

http::route judge_file(verdict_service* service) {
  auto options = judging("Judge a proposal in a file: CSV, gzip or XLSX, one row per line and bidder", file_bytes_max);
  options.raw_body = true;
  return http::json_route<file_request, verdict>(method::post, "/api/v1/verdicts/file", std::move(options),
                                                 [service](context& c, file_request in) -> answer<verdict> {
                                                   return service->judge_file(asker_of(c), std::move(c.request.body),
                                                                              in.file_name.value, in.on);
                                                 });
}

http::route judge_text(verdict_service* service) {
  return http::json_route<text_request, verdict>(
      method::post, "/api/v1/verdicts/text", judging("Judge pasted lines", 2 * paste_bytes_max),
      [service](context& c, text_request in) -> answer<verdict> {
        std::optional<std::string> name;
        if (in.name)
          name = std::move(in.name->value);
        return service->judge_text(asker_of(c), std::move(in.text.value), std::move(name), in.on);
      });
}

} // namespace

std::vector<http::route> verdict_routes(verdict_service& s) {
  verdict_service* service = &s;
  std::vector<http::route> out;
  out.push_back(http::json_route<proposal, verdict>(
      method::post, "/api/v1/verdicts", judging("Judge the lines of a proposal", json_bytes_max),
      [service](context& c, proposal in) -> answer<verdict> { return service->judge(asker_of(c), std::move(in)); }));
  out.push_back(judge_file(service));
  out.push_back(judge_text(service));
  out.push_back(http::json_route<list_request, http::page<verdict_summary>>(
      method::get, "/api/v1/verdicts", {.summary = "Earlier verdicts, newest first", .permission = "verdict.read"},
      [service](context& c, list_request in) -> answer<http::page<verdict_summary>> {
        return service->list(scope_of(c), in.limit.value, std::move(in.cursor));
      }));
  out.push_back(http::json_route<verdict_by_id, verdict>(
      method::get, "/api/v1/verdicts/{id}", {.summary = "One verdict", .permission = "verdict.read"},
      [service](context& c, verdict_by_id in) -> answer<verdict> { return service->find(scope_of(c), in.id); }));
  return out;
}

} // namespace pricing::sourcing
