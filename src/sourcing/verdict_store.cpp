#include "sourcing/verdict_store.hpp"

#include "wire/cursor.hpp"

namespace pricing::sourcing {
namespace {

struct list_end {
  std::int64_t id = 0;
};
BOOST_DESCRIBE_STRUCT(list_end, (), (id))

constexpr const char* insert_verdict =
    "insert into verdicts (organization_id, name, occurred_on, request, result, total_excess, created_by) values ($1, "
    "$2, $3, $4::text::jsonb, $5::text::jsonb, $6, $7) returning id";
constexpr const char* find_verdict = "select result::text from verdicts where organization_id = $1 and id = $2";
constexpr const char* list_verdicts =
    "select id, name, occurred_on, coalesce((request->>'lines')::bigint, 0), total_excess, coalesce(request->>'worst', "
    "''), created_at from verdicts where organization_id = $1 and ($2::bigint is null or id < $2) order by id desc "
    "limit $3";

} // namespace

asio::awaitable<result<std::int64_t>> verdict_store::insert(postgres::scope s, user_id by, verdict_summary summary,
                                                            verdict_request request, std::string result_json) {
  const std::string asked = wire::encode(request);
  const std::optional<std::int64_t> who = by ? std::optional(by.value) : std::nullopt;
  co_return co_await database_.query_one<std::int64_t>(s, insert_verdict, s.organization, summary.name, summary.on,
                                                       asked, result_json, summary.total_excess, who);
}

asio::awaitable<result<std::string>> verdict_store::find(postgres::scope s, std::int64_t id) {
  auto found = co_await database_.query_optional<std::string>(s, find_verdict, s.organization, id);
  if (!found)
    co_return found.error();
  if (!*found)
    co_return not_found("there is no verdict " + std::to_string(id));
  co_return std::move(**found);
}

asio::awaitable<result<http::page<verdict_summary>>> verdict_store::list(postgres::scope s, int limit,
                                                                         std::optional<std::string> cursor) {
  const auto after = wire::decode_cursor<list_end>(cursor);
  if (!after)
    co_return after.error();
  const std::optional<std::int64_t> below = *after ? std::optional((*after)->id) : std::nullopt;
  auto rows = co_await database_.query<verdict_summary>(s, list_verdicts, s.organization, below, limit + 1);
  if (!rows)
    co_return rows.error();
  co_return http::page_of(std::move(*rows), limit,
                          [](const verdict_summary& last) { return wire::encode_cursor(list_end{last.id}); });
}

} // namespace pricing::sourcing
