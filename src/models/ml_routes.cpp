#include "models/ml_routes.hpp"

#include "models/explanation.hpp"
#include "models/should_cost.hpp"

namespace pricing::models {
namespace {

constexpr std::uint64_t batch_bytes_max = 4 << 20; // larger batches go to pricing-ml itself

template <class In, class Out>
http::route passed_on(prediction_client& model, std::string path, std::string summary, std::uint64_t body_max = 0) {
  return http::json_route<In, Out>(
      http::method::post, path,
      {.summary = std::move(summary), .permission = "prediction.read", .rate_class = "ml", .body_max = body_max},
      [&model, path](http::context& c, In in) {
        return model.post<Out>(c.organization(), c.caller().user, path, wire::encode(in));
      });
}

} // namespace

std::vector<http::route> ml_routes(prediction_client& model) {
  std::vector<http::route> routes;
  routes.push_back(
      passed_on<price_request, price_response>(model, "/api/v1/predictions/price", "Expected price of one line"));
  routes.push_back(passed_on<prediction_request, prediction_response>(
      model, "/api/v1/predictions/batch", "Expected prices of the lines of one event", batch_bytes_max));
  routes.push_back(passed_on<explanation_request, explanation_response>(
      model, "/api/v1/explanations",
      "Why a line should cost that: reasons in money, similar past bids, and the data behind it"));
  routes.push_back(passed_on<should_cost_request, should_cost_response>(
      model, "/api/v1/should-cost", "What a part should cost at some quantities, with an interval and what makes it"));
  return routes;
}

} // namespace pricing::models
