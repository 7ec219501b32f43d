#include "identity/guard.hpp"

#include "core/log.hpp"
#include "identity/sealer.hpp"
#include "redis/client.hpp"

#include <boost/json.hpp>

namespace pricing::identity {
namespace {

using http::context;
using ended = result<std::optional<http::response>>;

bool is_write(http::method verb) {
  return verb == http::method::post || verb == http::method::put || verb == http::method::patch ||
         verb == http::method::delete_;
}

// --- CSRF: a write with a session cookie proves that it comes from our page
// -------------------------------------------

asio::awaitable<ended> check_csrf(context& c) {
  if (is_write(c.request.verb) && !c.caller().session.empty() && !c.route.options.no_csrf &&
      !equal_tokens(c.request.header("X-CSRF-Token"), c.caller().csrf_token))
    co_return error{errc::forbidden, "the X-CSRF-Token header is missing or wrong; its value is in /api/v1/auth/me"};
  co_return std::nullopt;
}

// --- rate limits
// -------------------------------------------------------------------------------------------------------

struct rate {
  std::string key;
  int most = 0;
  std::chrono::seconds window{};
};

constexpr std::chrono::hours an_hour{1};
constexpr std::chrono::minutes a_minute{1};

// The class of the route says which limit, the caller whose.
rate rate_of(const config& limits, const context& c) {
  const std::string& name = c.route.options.rate_class;
  const std::string who =
      c.caller() ? "user:" + std::to_string(c.caller().user.value) : "address:" + c.request.remote_address;
  if (name == "login")
    return {"rate:login:" + c.request.remote_address, limits.rate_anonymous_per_hour, an_hour};
  if (name == "ml")
    return {"rate:ml:" + who, limits.rate_ml_per_minute, a_minute};
  if (name == "bulk")
    return {"rate:bulk:" + who, limits.rate_bulk_per_hour, an_hour};
  if (!c.caller())
    return {"rate:" + who, limits.rate_anonymous_per_hour, an_hour};
  if (!c.caller().session.empty())
    return {"rate:session:" + who, limits.rate_session_per_hour, an_hour};
  return {"rate:" + who, limits.rate_user_per_hour, an_hour};
}

asio::awaitable<ended> check_rate(const config& limits, redis::client& cache, context& c) {
  rate r = rate_of(limits, c);
  const auto left = co_await cache.allow(std::move(r.key), r.most, r.window);
  if (!left) {
    log::warning("rate limit not checked",
                 {{"request_id", c.request.request_id.c_str()}, {"reason", left.error().message.c_str()}});
    co_return std::nullopt;
  }
  c.response_headers.emplace_back("RateLimit-Limit", std::to_string(r.most));
  c.response_headers.emplace_back("RateLimit-Remaining", std::to_string(left->remaining));
  c.response_headers.emplace_back("RateLimit-Reset", std::to_string(left->reset_s));
  if (!left->allowed)
    co_return error{errc::rate_limited,
                    "more than " + std::to_string(r.most) + " requests of this kind; try again in " +
                        std::to_string(left->reset_s) + " s",
                    {},
                    left->reset_s};
  co_return std::nullopt;
}

// --- Idempotency-Key
// ---------------------------------------------------------------------------------------------------

constexpr std::string_view key_header = "Idempotency-Key";
constexpr std::size_t kept_body_max = 1 << 20;

// Two people may choose the same key without knowing of each other.
std::string method_path(const context& c) {
  return std::string(to_string(c.request.verb)) + " " + c.request.path + " of user " +
         std::to_string(c.caller().user.value);
}

// A streamed body counts by its size and name: uploads are recognized by their content anyway.
std::string request_hash(const context& c) {
  return token_hash(c.request.target + "\n" + std::to_string(c.request.body_bytes) + "\n" + c.request.body);
}

std::string claimed_key(const context& c) {
  for (const auto& [name, value] : c.response_headers)
    if (name == key_header)
      return value;
  return {};
}

// The first request with a key claims it (and echoes it in its answer); a later one gets the first one's answer.
asio::awaitable<ended> replay(const sealer& seals, identity_store& store, context& c) {
  const std::string key(c.request.header(key_header));
  if (key.empty() || !is_write(c.request.verb) || !c.caller())
    co_return std::nullopt;
  if (key.size() > 200)
    co_return invalid_input("the Idempotency-Key may have at most 200 characters");
  const std::string place = method_path(c);
  const std::string hash = request_hash(c);
  const auto first = co_await store.claim_key(c.organization(), key, place, hash);
  if (!first)
    co_return first.error();
  if (*first) {
    c.response_headers.emplace_back(key_header, key);
    co_return std::nullopt;
  }
  const auto kept = co_await store.answer_of_key(c.organization(), key, place);
  if (!kept)
    co_return kept.error();
  if (!*kept || !(*kept)->status)
    co_return conflict("a request with this Idempotency-Key is still running; ask again in a moment");
  if ((*kept)->request_hash != hash)
    co_return invalid_input("this Idempotency-Key was used for another request; take a new one",
                            {{"Idempotency-Key", "was used for another request"}});
  auto body = seals.open((*kept)->body.value_or(""));
  if (!body)
    co_return conflict("this request was done already, but its answer can no longer be read; look at the result");
  auto answer = body->empty() ? http::response::empty(*(*kept)->status)
                              : http::response::json(std::move(*body), *(*kept)->status);
  answer.set("Idempotency-Replayed", "true");
  co_return answer;
}

// An answer may hold a generated password, so it is kept sealed.
asio::awaitable<void> keep_answer(const sealer& seals, identity_store& store, context& c, http::response& out) {
  const std::string key = claimed_key(c);
  if (key.empty())
    co_return;
  const std::string place = method_path(c);
  // What failed may be tried again with the same key.
  const bool kept = out.status < 400 && out.content().size() <= kept_body_max;
  result<void> stored;
  if (kept)
    stored = co_await store.keep_answer(c.organization(), key, place, out.status, seals.seal(out.content()));
  else
    stored = co_await store.forget_key(c.organization(), key, place);
  if (!stored)
    log::error("idempotent answer not kept",
               {{"request_id", c.request.request_id.c_str()}, {"reason", stored.error().message.c_str()}});
}

// --- audit
// -------------------------------------------------------------------------------------------------------------

// "POST /api/v1/uploads/{id}/start" is the action "post uploads/{id}/start" on an "uploads".
asio::awaitable<void> audit(const key_ring& keys, identity_store& store, context& c, http::response& out) {
  const bool replayed =
      std::ranges::any_of(out.headers, [](const auto& h) { return h.first == "Idempotency-Replayed"; });
  if (!is_write(c.request.verb) || out.status >= 400 || !c.caller() || replayed)
    co_return;
  constexpr std::string_view prefix = "/api/v1/";
  std::string_view path = c.route.path;
  if (path.starts_with(prefix))
    path.remove_prefix(prefix.size());
  new_audit_event event;
  event.organization = c.organization();
  event.user = c.caller().user;
  event.action = std::string(to_string(c.request.verb)) + " " + std::string(path);
  event.subject_type = std::string(path.substr(0, path.find('/')));
  event.after = audit_extract(out.content());
  event.subject_id = std::string(c.request.path_param("id"));
  if (event.subject_id.empty() && event.after && event.after->is_object())
    if (const auto* id = event.after->as_object().if_contains("id"); id && id->is_int64())
      event.subject_id = std::to_string(id->as_int64());
  event.request_id = c.request.request_id;
  event.address = c.request.remote_address;
  const auto complain = [&](const char* what, const error& why) {
    log::error(what, {{"request_id", c.request.request_id.c_str()},
                      {"route", c.route.path.c_str()},
                      {"reason", why.message.c_str()}});
  };
  const auto written = co_await store.audit(std::move(event));
  if (!written) {
    complain("audit event not written", written.error());
    co_return;
  }
  const auto signed_head =
      co_await store.keep_audit_head(c.organization(), *written, sign_audit_head(keys, c.organization(), *written));
  if (!signed_head)
    complain("audit head not signed", signed_head.error());
}

bool is_secret(std::string_view name) {
  return name.find("password") != name.npos || name.find("token") != name.npos || name.find("secret") != name.npos ||
         name.find("recovery") != name.npos;
}

void remove_secrets(boost::json::value& v) {
  if (auto* object = v.if_object()) {
    for (auto it = object->begin(); it != object->end();) {
      if (is_secret(it->key())) {
        it = object->erase(it);
      } else {
        remove_secrets(it->value());
        ++it;
      }
    }
  } else if (auto* list = v.if_array()) {
    for (auto& element : *list)
      remove_secrets(element);
  }
}

// Large answers (a verdict of 2,000 lines) keep only their plain members.
void remove_lists(boost::json::value& v) {
  auto* object = v.if_object();
  if (!object)
    return;
  for (auto it = object->begin(); it != object->end();)
    it = it->value().is_structured() ? object->erase(it) : std::next(it);
}

} // namespace

std::optional<boost::json::value> audit_extract(std::string_view body) {
  constexpr std::size_t bytes_max = 8 * 1024;
  boost::system::error_code failed;
  auto v = boost::json::parse(body, failed);
  if (body.empty() || failed)
    return std::nullopt;
  remove_secrets(v);
  if (body.size() > bytes_max)
    remove_lists(v);
  if (boost::json::serialize(v).size() > bytes_max)
    return std::nullopt;
  return v;
}

http::hooks make_hooks(const config& c, identity_service& service, identity_store& store, redis::client& cache) {
  http::hooks out;
  const auto keys = key_ring::create(c.secret).value();
  const sealer seals(keys);
  out.authenticate = [&service](const http::request& r) { return service.authenticate(r); };
  out.before.emplace_back([](context& x) { return check_csrf(x); });
  out.before.emplace_back([&c, &cache](context& x) { return check_rate(c, cache, x); });
  out.before.emplace_back([&store, seals](context& x) { return replay(seals, store, x); });
  out.after.emplace_back([&store, seals](context& x, http::response& r) { return keep_answer(seals, store, x, r); });
  out.after.emplace_back([&store, keys](context& x, http::response& r) { return audit(keys, store, x, r); });
  return out;
}

} // namespace pricing::identity
