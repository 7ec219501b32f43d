#include "models/prediction_client.hpp"

#include "core/log.hpp"

namespace pricing::models {
namespace {

constexpr std::chrono::minutes token_ttl{1};

struct problem {
  std::string message;
};
BOOST_DESCRIBE_STRUCT(problem, (), (message))

// The problem's own message, so that the user reads what is wrong with the lines and not a status.
error refusal(const http::client_response& r) {
  const auto told = wire::decode_json<problem>(r.body);
  const std::string message = told ? told->message : "HTTP " + std::to_string(r.status);
  return {r.status < 500 ? errc::invalid_input : errc::unavailable, "the price model answered: " + message};
}

} // namespace

http::client_config reach(const ml_config& c) {
  return {.base_url = c.url,
          .tls = {.ca_file = c.tls_ca_file, .certificate_file = c.tls_certificate_file, .key_file = c.tls_key_file},
          .tls_server_name = c.tls_server_name};
}

prediction_client::prediction_client(asio::io_context& io, const ml_config& c, identity::token_signer signer)
    : config_(c), client_(io, reach(c)), signer_(std::move(signer)) {}

asio::awaitable<result<prediction_response>> prediction_client::predict(organization_id organization, user_id user,
                                                                        prediction_request request) {
  const auto now = std::chrono::steady_clock::now();
  if (now < closed_until_)
    co_return error{errc::unavailable, "the price model does not answer", {}, config_.retry_after_s};

  const auto expires = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now() + token_ttl);
  const std::string token = signer_.sign({organization, user, identity::role::analyst, expires});
  http::client_request call{.verb = http::method::post,
                            .target = "/api/v1/predictions/batch",
                            .headers = {{"Authorization", "Bearer " + token}},
                            .body = wire::encode(request)};
  const auto answered = co_await client_.send(std::move(call), now + std::chrono::milliseconds(config_.timeout_ms));
  if (answered && answered->status == 200) {
    failures_ = 0;
    co_return wire::decode_json<prediction_response>(answered->body);
  }
  const error why = answered ? refusal(*answered) : answered.error();
  if (why.code == errc::invalid_input) // it answers, so it lives
    co_return why;
  if (++failures_ >= config_.failures_max)
    closed_until_ = std::chrono::steady_clock::now() + std::chrono::seconds(config_.retry_after_s);
  log::warning("no prediction", {{"reason", why.message.c_str()}, {"failures", failures_}});
  co_return error{errc::unavailable, why.message, {}, config_.retry_after_s};
}

} // namespace pricing::models
