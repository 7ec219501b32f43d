#pragma once
// A proposal in, a stored verdict out. Judges by the price model, and by the market's benchmarks where it is away or
// says nothing: a verdict always comes back, its `notice` says what it stands on. One call of the model per proposal;
// the number of statements does not depend on its size.
#include "sourcing/item_finder.hpp"
#include "sourcing/proposal_reader.hpp"
#include "sourcing/verdict_store.hpp"

#include <functional>

namespace pricing::sourcing {

// The price model, in the caller's name; models::prediction_client::predict in pricing-web.
using predict_function = std::function<asio::awaitable<result<models::prediction_response>>(
    organization_id, user_id, models::prediction_request)>;

// Who asks, for whom, until when.
struct asker {
  postgres::scope scope;
  user_id user;
};

// One per thread, like the pool.
class verdict_service {
 public:
  verdict_service(postgres::pool& database, net::cpu_pool& cpu, predict_function predict);

  // Fail with invalid_input that names lines and fields or rows and columns; too_large; unsupported_media.
  asio::awaitable<result<verdict>> judge(asker who, proposal p);
  asio::awaitable<result<verdict>> judge_file(asker who, std::string bytes, std::string file_name,
                                              std::optional<date> on);
  asio::awaitable<result<verdict>> judge_text(asker who, std::string text, std::optional<std::string> name,
                                              std::optional<date> on);

  asio::awaitable<result<verdict>> find(postgres::scope s, std::int64_t id);
  asio::awaitable<result<http::page<verdict_summary>>> list(postgres::scope s, int limit,
                                                            std::optional<std::string> cursor);

 private:
  struct asked;
  using reader = std::function<result<read_proposal>(const reading_options&)>;
  // `name` stands above the proposal's own, `usual_name` below it.
  asio::awaitable<result<verdict>> judge_read(asker who, reader read, std::optional<date> on, std::string usual_name,
                                              std::optional<std::string> name, verdict_request request);
  asio::awaitable<result<verdict>> judge(asker who, std::shared_ptr<asked> a);
  asio::awaitable<result<std::string>> currency_of(postgres::scope s);
  asio::awaitable<result<void>> predict(asker who, asked& a);
  asio::awaitable<result<void>> add_benchmarks(postgres::scope s, asked& a);
  asio::awaitable<result<void>> store(asker who, asked& a);

  postgres::pool& database_;
  net::cpu_pool& cpu_;
  predict_function predict_;
  verdict_store store_;
};

} // namespace pricing::sourcing
