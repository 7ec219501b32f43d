#include "models/prediction_routes.hpp"

#include "models/explanation.hpp"
#include "serving/callers.hpp"

namespace pricing::models {

namespace asio = boost::asio;

namespace {

using http::answer;
using http::context;
using http::method;

constexpr std::uint64_t batch_bytes_max = 16 << 20; // 10,000 lines with descriptions and prices

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

answer<explanation_response> answer_why(snapshot_cache& snapshots, net::cpu_pool& cpu, const clock& now,
                                        organization_id organization, explanation_request in) {
  const auto shared = std::make_shared<const explanation_request>(std::move(in));
  const date today = now.today();
  const auto work = [&snapshots, organization, shared, today]() -> result<explanation_response> {
    const auto known = snapshots.find(organization);
    if (const snapshot_ptr s = known ? *known : snapshots.load(organization))
      return explain(*s, *shared, today);
    return not_found("no price model is in use yet; load prices of at least two years and train one");
  };
  co_return co_await cpu.run(work);
}

// What a prediction is made from; none while that is not in memory or there is no model.
std::optional<serving::dependence> dependence_of(snapshot_cache& snapshots, const context& c, date today) {
  const auto known = snapshots.find(c.organization());
  if (!known || !*known)
    return std::nullopt;
  const snapshot_ptr& s = *known;
  return serving::dependence{s->version + ' ' + s->model_sha256 + ' ' + s->loaded.snapshot + ' ' + to_string(today), s};
}

} // namespace

http::hooks token_hooks(const identity::token_signer& signer, const clock& now) {
  return serving::token_hooks(std::make_shared<serving::callers>(signer, now));
}

std::vector<http::route> prediction_routes(snapshot_cache& snapshots, net::cpu_pool& cpu, const clock& now,
                                           serving::answer_store* answers) {
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
  if (answers) {
    // Few lines are priced about as soon as Redis is asked.
    const auto depends_on = [&snapshots, &now, answers](const context& c) {
      return c.request.body.size() < answers->settings().lines_bytes_min ? std::nullopt
                                                                         : dependence_of(snapshots, c, now.today());
    };
    routes.back() = serving::kept(std::move(routes.back()), *answers, depends_on);
  }
  routes.push_back(http::json_route<price_request, price_response>(
      method::post, "/api/v1/predictions/price",
      {.summary = "Expected price of one line", .permission = "prediction.read", .rate_class = "ml"},
      [&snapshots, &cpu, &now](context& c, price_request in) {
        return answer_price(snapshots, cpu, now, c.organization(), std::move(in));
      }));
  routes.push_back(http::json_route<explanation_request, explanation_response>(
      method::post, "/api/v1/explanations",
      {.summary = "Why a line should cost that: reasons in money, similar past bids, and the data behind it",
       .permission = "prediction.read",
       .rate_class = "ml"},
      [&snapshots, &cpu, &now](context& c, explanation_request in) {
        return answer_why(snapshots, cpu, now, c.organization(), std::move(in));
      }));
  if (answers) {
    const auto depends_on = [&snapshots, &now](const context& c) {
      return c.request.body.find("\"item_id\"") != std::string::npos ? std::nullopt
                                                                     : dependence_of(snapshots, c, now.today());
    };
    routes.back() = serving::kept(std::move(routes.back()), *answers, depends_on);
  }
  return routes;
}

} // namespace pricing::models
