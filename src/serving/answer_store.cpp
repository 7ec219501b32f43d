#include "serving/answer_store.hpp"

#include "core/log.hpp"
#include "storage/object_store.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <prometheus/counter.h>
#include <prometheus/registry.h>

namespace pricing::serving {
namespace {

using steady = std::chrono::steady_clock;

prometheus::Counter& counter(prometheus::Registry& r, const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(r).Add({});
}

redis::config patient_for(redis::config where, int timeout_ms) {
  where.timeout_ms = timeout_ms;
  return where;
}

} // namespace

answers_series::answers_series(prometheus::Registry& r)
    : hits(counter(r, "pricing_ml_answer_cache_hits_total", "Answers found in Redis")),
      misses(counter(r, "pricing_ml_answer_cache_misses_total", "Answers looked for in Redis and not found")),
      unavailable(counter(r, "pricing_ml_answer_cache_unavailable_total", "Answers not looked for: Redis is away")),
      kept(counter(r, "pricing_ml_answer_cache_kept_total", "Answers written to Redis")),
      not_kept(counter(r, "pricing_ml_answer_cache_not_kept_total", "Answers too large, or too many on their way")) {}

answer_store::answer_store(asio::io_context& io, redis::config where, const answers_config& c, answers_series& counted)
    : io_(io), settings_(c), counted_(counted), redis_(io, patient_for(std::move(where), c.timeout_ms)) {
  if (is_on())
    look_for_redis();
}

std::string answer_store::key_of(std::initializer_list<std::string_view> parts) {
  std::string all;
  for (const auto part : parts) {
    all += std::to_string(part.size()) + ':';
    all += part;
  }
  const std::string key = storage::content_key("answers", all);
  return "ml:answer:" + key.substr(key.rfind('/') + 1);
}

asio::awaitable<std::optional<std::string>> answer_store::find(std::string key) {
  if (!is_on())
    co_return std::nullopt;
  if (!there_) {
    counted_.unavailable.Increment();
    look_for_redis();
    co_return std::nullopt;
  }
  auto found = co_await redis_.get(std::move(key));
  if (!found) {
    counted_.unavailable.Increment();
    away();
    co_return std::nullopt;
  }
  (*found ? counted_.hits : counted_.misses).Increment();
  co_return std::move(*found);
}

void answer_store::keep(std::string key, std::string answer) {
  if (!is_on() || !there_)
    return;
  if (answer.size() > settings_.answer_bytes_max || keeping_bytes_ + answer.size() > settings_.keeping_bytes_max) {
    counted_.not_kept.Increment();
    return;
  }
  keeping_bytes_ += answer.size();
  asio::co_spawn(io_, put(*this, std::move(key), std::move(answer)), asio::detached);
}

asio::awaitable<void> answer_store::put(answer_store& self, std::string key, std::string answer) {
  const std::size_t bytes = answer.size();
  const auto done =
      co_await self.redis_.set(std::move(key), std::move(answer), std::chrono::seconds(self.settings_.ttl_s));
  self.keeping_bytes_ -= bytes;
  if (done)
    self.counted_.kept.Increment();
  else
    self.away();
}

void answer_store::away() {
  if (there_)
    log::warning("Redis is away: answers are not kept", {});
  there_ = false;
  probe_at_ = steady::now() + std::chrono::milliseconds(settings_.retry_ms);
}

void answer_store::look_for_redis() {
  if (probing_ || steady::now() < probe_at_)
    return;
  probing_ = true;
  asio::co_spawn(io_, probe(*this), asio::detached);
}

asio::awaitable<void> answer_store::probe(answer_store& self) {
  const std::vector<std::string> ping{"PING"};
  const auto answered = co_await self.redis_.command(ping, std::chrono::milliseconds(1'000));
  self.probing_ = false;
  if (answered)
    self.there_ = true;
  else
    self.away();
}

namespace {

asio::awaitable<result<http::response>>
find_or_make(http::handler inner, answer_store& store,
             std::function<std::optional<dependence>(const http::context&)> depends_on, http::context& c) {
  const auto before = store.is_on() && c.request.body.size() <= store.settings().request_bytes_max
                          ? depends_on(c)
                          : std::optional<dependence>();
  if (!before)
    co_return co_await inner(c);
  const std::string key =
      answer_store::key_of({std::to_string(c.organization().value), c.request.target, before->name, c.request.body});
  if (auto found = co_await store.find(key)) {
    auto answer = http::response::json(std::move(*found));
    answer.etag_from_content = false;
    co_return answer;
  }
  auto made = co_await inner(c);
  if (made && made->status == 200 && !made->body.empty()) {
    const auto after = depends_on(c);
    if (after && after->of == before->of && after->name == before->name)
      store.keep(key, made->body);
  }
  co_return made;
}

} // namespace

http::route kept(http::route r, answer_store& store,
                 std::function<std::optional<dependence>(const http::context&)> depends_on) {
  r.handle = [inner = std::move(r.handle), &store, depends_on = std::move(depends_on)](http::context& c) {
    return find_or_make(inner, store, depends_on, c);
  };
  return r;
}

} // namespace pricing::serving
