#include "http/answer_cache.hpp"

#include "http/compress.hpp"
#include "http/text.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <charconv>

namespace pricing::http {
namespace {

constexpr std::size_t entry_overhead = 400; // bytes besides key and content

std::string key_of(organization_id organization, const std::string& target) {
  return std::to_string(organization.value) + target;
}

// An answer that is being made: those who wait for it are told, also when it is given up.
class making_one {
 public:
  making_one(std::shared_ptr<answer_cache::making_map> all, std::string key, const asio::any_io_executor& executor)
      : all_(std::move(all)), key_(std::move(key)), made_(std::make_shared<answer_cache::making>(executor)) {
    all_->insert_or_assign(key_, made_);
  }
  ~making_one() {
    if (const auto at = all_->find(key_); at != all_->end() && at->second == made_)
      all_->erase(at);
    made_->done.cancel();
  }
  making_one(const making_one&) = delete;
  void tell(const result<response>& outcome) { made_->outcome.emplace(outcome); }

 private:
  std::shared_ptr<answer_cache::making_map> all_; // it may outlive the cache
  std::string key_;
  std::shared_ptr<answer_cache::making> made_;
};

// Of those who ask for the same at the same time, the first makes the answer for all of them: after a start or a change
// of prices a crowd would otherwise ask the database as often as it has heads.
asio::awaitable<result<response>> find_or_make(const handler& inner, answer_cache& cache,
                                               std::optional<std::chrono::seconds> age_max, context& c) {
  const organization_id organization = c.organization();
  if (const response* kept = cache.find(organization, c.request.target))
    co_return *kept;
  const auto generation = cache.generation(organization);
  const std::string key = key_of(organization, c.request.target) + '@' + std::to_string(generation);
  const auto running = cache.makings();
  if (const auto found = running->find(key); found != running->end()) {
    const auto other = found->second;
    boost::system::error_code ec;
    co_await other->done.async_wait(asio::redirect_error(asio::use_awaitable, ec));
    if (other->outcome)
      co_return *other->outcome;
  }
  const auto executor = co_await asio::this_coro::executor;
  making_one mine(running, key, executor);
  auto made = co_await inner(c);
  if (made && made->status == 200)
    cache.keep(organization, c.request.target, generation, *made,
               age_max ? answer_cache::steady::now() + *age_max : answer_cache::steady::time_point::max());
  mine.tell(made);
  co_return made;
}

} // namespace

const response* answer_cache::find(organization_id organization, const std::string& target) {
  const auto at = by_key_.find(key_of(organization, target));
  if (at == by_key_.end())
    return nullptr;
  if (at->second->expires_at < steady::now()) {
    drop(at->second);
    return nullptr;
  }
  entries_.splice(entries_.begin(), entries_, at->second);
  return &at->second->answer;
}

std::uint64_t answer_cache::generation(organization_id organization) const {
  const auto at = generations_.find(organization.value);
  return everything_ + (at == generations_.end() ? 0 : at->second);
}

void answer_cache::keep(organization_id organization, const std::string& target, std::uint64_t made_in,
                        response& answer, steady::time_point expires_at) {
  if (made_in != generation(organization))
    return;
  if (answer.etag.empty())
    answer.etag = content_etag(answer.content());
  // Packed once, and so more of them fit.
  if (is_worth_gzip(answer)) {
    answer.unpacked_bytes = answer.content().size();
    answer.shared_body = std::make_shared<const std::string>(gzip(answer.content(), 1));
    answer.body.clear();
  }
  std::string key = key_of(organization, target);
  const std::size_t bytes = answer.content().size() + 2 * key.size() + entry_overhead;
  if (bytes > bytes_max_ / 4)
    return;
  if (const auto old = by_key_.find(key); old != by_key_.end())
    drop(old->second);
  while (bytes_ + bytes > bytes_max_)
    drop(std::prev(entries_.end()));
  if (!answer.shared_body)
    answer.shared_body = std::make_shared<const std::string>(std::move(answer.body));
  entries_.push_front({key, organization.value, answer, bytes, expires_at});
  by_key_.emplace(std::move(key), entries_.begin());
  bytes_ += bytes;
}

void answer_cache::forget(std::string_view payload) {
  std::int64_t id = 0;
  const auto [end, wrong] = std::from_chars(payload.data(), payload.data() + payload.size(), id);
  const bool all = wrong != std::errc() || end != payload.data() + payload.size();
  all ? ++everything_ : ++generations_[id];
  for (auto e = entries_.begin(); e != entries_.end();) {
    const auto next = std::next(e);
    if (all || e->organization == id)
      drop(e);
    e = next;
  }
}

void answer_cache::drop(entries::iterator e) {
  bytes_ -= e->bytes;
  by_key_.erase(e->key);
  entries_.erase(e);
}

route cached(route r, answer_cache& cache, std::optional<std::chrono::seconds> age_max) {
  r.handle = [inner = std::move(r.handle), &cache, age_max](context& c) {
    return find_or_make(inner, cache, age_max, c);
  };
  return r;
}

} // namespace pricing::http
