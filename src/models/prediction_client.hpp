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
  std::string tls_ca_file;          // with https: who signed its certificate; empty: the system's authorities
  std::string tls_server_name;      // that its certificate must have; empty: the URL's host
  std::string tls_certificate_file; // our own, where pricing-ml asks for one
  std::string tls_key_file;
};
BOOST_DESCRIBE_STRUCT(ml_config, (),
                      (url, timeout_ms, failures_max, retry_after_s, tls_ca_file, tls_server_name, tls_certificate_file,
                       tls_key_file))

// How pricing-ml is reached, for whoever asks it: predictions and probes.
http::client_config reach(const ml_config& c);

// One per thread.
class prediction_client {
 public:
  prediction_client(asio::io_context& io, const ml_config& c, identity::token_signer signer);

  // unavailable: pricing-ml is away, too slow, or was a moment ago; the caller goes on with benchmarks.
  // Other errors are pricing-ml's answer to this request.
  asio::awaitable<result<prediction_response>> predict(organization_id organization, user_id user,
                                                       prediction_request request);

  // Any of pricing-ml's JSON routes; not_found, conflict and invalid_input with its fields are pricing-ml's own.
  template <class Out>
  asio::awaitable<result<Out>> post(organization_id organization, user_id user, std::string path, std::string body) {
    const auto text = co_await ask(http::method::post, organization, user, std::move(path), std::move(body));
    if (!text)
      co_return text.error();
    co_return wire::decode_json<Out>(*text);
  }
  template <class Out>
  asio::awaitable<result<Out>> get(organization_id organization, user_id user, std::string path) {
    const auto text = co_await ask(http::method::get, organization, user, std::move(path), {});
    if (!text)
      co_return text.error();
    co_return wire::decode_json<Out>(*text);
  }

 private:
  asio::awaitable<result<std::string>> ask(http::method verb, organization_id organization, user_id user,
                                           std::string path, std::string body);

  ml_config config_;
  http::client client_;
  identity::token_signer signer_;
  int failures_ = 0; // in a row
  std::chrono::steady_clock::time_point closed_until_{};
};

} // namespace pricing::models
