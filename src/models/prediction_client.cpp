#include "models/prediction_client.hpp"

#include "core/log.hpp"

namespace pricing::models {
namespace {

constexpr std::chrono::minutes token_ttl{1};

struct wrong_field {
  std::string path;
  std::string message;
};
BOOST_DESCRIBE_STRUCT(wrong_field, (), (path, message))

struct problem {
  std::string message;
  std::optional<std::vector<wrong_field>> details;
};
BOOST_DESCRIBE_STRUCT(problem, (), (message, details))

errc code_of(int status) {
  switch (status) {
  case 404:
    return errc::not_found;
  case 409:
    return errc::conflict;
  case 413:
    return errc::too_large;
  default:
    return status < 500 && status != 429 ? errc::invalid_input : errc::unavailable;
  }
}

// The problem's own words, so that the user reads what is wrong with the lines and not a status.
error refusal(const http::client_response& r) {
  error out{code_of(r.status), "HTTP " + std::to_string(r.status)};
  if (auto told = wire::decode_json<problem>(r.body)) {
    out.message = std::move(told->message);
    for (auto& d : told->details.value_or(std::vector<wrong_field>()))
      out.details.push_back({std::move(d.path), std::move(d.message)});
  }
  return out;
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
  auto answered =
      co_await post<prediction_response>(organization, user, "/api/v1/predictions/batch", wire::encode(request));
  if (!answered && answered.error().code != errc::unavailable)
    co_return invalid_input("the price model answered: " + answered.error().message);
  co_return std::move(answered);
}

asio::awaitable<result<std::string>> prediction_client::ask(http::method verb, organization_id organization,
                                                            user_id user, std::string path, std::string body) {
  const auto now = std::chrono::steady_clock::now();
  if (now < closed_until_)
    co_return error{errc::unavailable, "the price model does not answer", {}, config_.retry_after_s};

  const auto expires = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now() + token_ttl);
  const std::string token = signer_.sign({organization, user, identity::role::analyst, expires});
  http::client_request call{.verb = verb,
                            .target = std::move(path),
                            .headers = {{"Authorization", "Bearer " + token}},
                            .body = std::move(body)};
  auto answered = co_await client_.send(std::move(call), now + std::chrono::milliseconds(config_.timeout_ms));
  if (answered && answered->status == 200) {
    failures_ = 0;
    co_return std::move(answered->body);
  }
  const error why = answered ? refusal(*answered) : answered.error();
  if (answered && why.code != errc::unavailable) // it answers, so it lives
    co_return why;
  if (++failures_ >= config_.failures_max)
    closed_until_ = std::chrono::steady_clock::now() + std::chrono::seconds(config_.retry_after_s);
  log::warning("no prediction", {{"reason", why.message.c_str()}, {"failures", failures_}});
  co_return error{errc::unavailable, why.message, {}, config_.retry_after_s};
}

} // namespace pricing::models
