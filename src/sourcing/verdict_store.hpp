#pragma once
// Table verdicts. `result` is the verdict as answered; `request` is how it was asked for, and what a list shows of it,
// small enough that a list reads no result: {source, file_name, lines, bidders, worst}.
#include "http/route.hpp"
#include "postgres/pool.hpp"
#include "sourcing/proposal.hpp"

namespace pricing::sourcing {

namespace asio = boost::asio;

enum class asked_as { lines, file, text };
BOOST_DESCRIBE_ENUM(asked_as, lines, file, text)

struct verdict_request {
  asked_as source = asked_as::lines;
  std::optional<std::string> file_name;
  std::int64_t lines = 0;
  std::int64_t bidders = 0;
  std::string worst;
};
BOOST_DESCRIBE_STRUCT(verdict_request, (), (source, file_name, lines, bidders, worst))

class verdict_store {
 public:
  explicit verdict_store(postgres::pool& database) : database_(database) {}

  // `result_json` is the encoded verdict, whose id is not yet known. Returns the id.
  asio::awaitable<result<std::int64_t>> insert(postgres::scope s, user_id by, verdict_summary summary,
                                               verdict_request request, std::string result_json);
  // The encoded verdict; its id is that of the row. not_found.
  asio::awaitable<result<std::string>> find(postgres::scope s, std::int64_t id);
  // Newest first.
  asio::awaitable<result<http::page<verdict_summary>>> list(postgres::scope s, int limit,
                                                            std::optional<std::string> cursor);

 private:
  postgres::pool& database_;
};

} // namespace pricing::sourcing
