#include "models/prediction_routes.hpp"

#include "serving/callers.hpp"

namespace pricing::models {

namespace asio = boost::asio;

namespace {

using http::answer;
using http::context;
using http::method;

constexpr std::uint64_t batch_bytes_max = 16 << 20; // 10,000 lines with descriptions and prices

struct price_request {
  std::optional<date> on;
  std::optional<wire::text<0, 100>> place;
  prediction_line line;
};
BOOST_DESCRIBE_STRUCT(price_request, (), (on, place, line))

struct price_response {
  std::optional<std::string> model_version;
  std::string snapshot;
  std::optional<date> trained_until;
  predicted_line line;
};
BOOST_DESCRIBE_STRUCT(price_response, (), (model_version, snapshot, trained_until, line))

answer<prediction_response> answer_batch(snapshot_cache& snapshots, net::cpu_pool& cpu, const clock& now,
                                         organization_id organization, prediction_request request) {
  const auto shared = std::make_shared<const prediction_request>(std::move(request));
  const date today = now.today();
  const auto work = [&snapshots, organization, shared, today]() -> result<prediction_response> {
    const auto known = snapshots.find(organization);
    const snapshot_ptr s = known ? *known : snapshots.load(organization);
    if (s)
      return predict(*s, *shared, today);
    prediction_response none; // no model yet: the caller goes on with benchmarks
    none.lines.resize(shared->lines.size());
    return none;
  };
  co_return co_await cpu.run(work);
}

answer<price_response> answer_price(snapshot_cache& snapshots, net::cpu_pool& cpu, const clock& now,
                                    organization_id organization, price_request in) {
  prediction_request request{.on = in.on, .place = std::move(in.place)};
  request.lines.push_back(std::move(in.line));
  auto answered = co_await answer_batch(snapshots, cpu, now, organization, std::move(request));
  if (!answered)
    co_return answered.error();
  co_return price_response{std::move(answered->model_version), std::move(answered->snapshot), answered->trained_until,
                           std::move(answered->lines.front())};
}

} // namespace

http::hooks token_hooks(const identity::token_signer& signer, const clock& now) {
  return serving::token_hooks(std::make_shared<serving::callers>(signer, now));
}

std::vector<http::route> prediction_routes(snapshot_cache& snapshots, net::cpu_pool& cpu, const clock& now) {
  std::vector<http::route> routes;
  routes.push_back(http::json_route<prediction_request, prediction_response>(
      method::post, "/api/v1/predictions/batch",
      {.summary = "Expected prices of the lines of one event",
       .permission = "prediction.read",
       .rate_class = "ml",
       .body_max = batch_bytes_max},
      [&snapshots, &cpu, &now](context& c, prediction_request in) {
        return answer_batch(snapshots, cpu, now, c.organization(), std::move(in));
      }));
  routes.push_back(http::json_route<price_request, price_response>(
      method::post, "/api/v1/predictions/price",
      {.summary = "Expected price of one line", .permission = "prediction.read", .rate_class = "ml"},
      [&snapshots, &cpu, &now](context& c, price_request in) {
        return answer_price(snapshots, cpu, now, c.organization(), std::move(in));
      }));
  return routes;
}

} // namespace pricing::models
