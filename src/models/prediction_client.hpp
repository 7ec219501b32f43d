#pragma once
// pricing-web's way to pricing-ml: one call with a deadline, signed in the caller's name, behind a circuit breaker.
#include "http/client.hpp"
#include "identity/token.hpp"
#include "models/prediction.hpp"

namespace pricing::models {

namespace asio = boost::asio;

struct ml_config {
  std::string url = "http://127.0.0.1:8001"; // of pricing-ml
  int timeout_ms = 3'000;                    // of one prediction
  int failures_max = 5;                      // in a row; then no call is made for retry_after_s
  int retry_after_s = 5;
};
BOOST_DESCRIBE_STRUCT(ml_config, (), (url, timeout_ms, failures_max, retry_after_s))

// One per thread.
class prediction_client {
 public:
  prediction_client(asio::io_context& io, const ml_config& c, identity::token_signer signer);

  // unavailable: pricing-ml is away, too slow, or was a moment ago; the caller goes on with benchmarks.
  // Other errors are pricing-ml's answer to this request.
  asio::awaitable<result<prediction_response>> predict(organization_id organization, user_id user,
                                                       prediction_request request);

 private:
  ml_config config_;
  http::client client_;
  identity::token_signer signer_;
  int failures_ = 0; // in a row
  std::chrono::steady_clock::time_point closed_until_{};
};

} // namespace pricing::models
