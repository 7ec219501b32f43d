#include "http/answer_cache.hpp"

#include "http/text.hpp"

#include <charconv>

namespace pricing::http {
namespace {

constexpr std::size_t entry_overhead = 400; // bytes besides key and content

std::string key_of(organization_id organization, const std::string& target) {
  return std::to_string(organization.value) + target;
}

asio::awaitable<result<response>> find_or_make(const handler& inner, answer_cache& cache,
                                               std::optional<std::chrono::seconds> age_max, context& c) {
  const organization_id organization = c.organization();
  if (const response* kept = cache.find(organization, c.request.target))
    co_return *kept;
  const auto generation = cache.generation(organization);
  auto made = co_await inner(c);
  if (made && made->status == 200)
    cache.keep(organization, c.request.target, generation, *made,
               age_max ? answer_cache::steady::now() + *age_max : answer_cache::steady::time_point::max());
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
  std::string key = key_of(organization, target);
  const std::size_t bytes = answer.content().size() + 2 * key.size() + entry_overhead;
  if (made_in != generation(organization) || bytes > bytes_max_ / 4)
    return;
  if (const auto old = by_key_.find(key); old != by_key_.end())
    drop(old->second);
  while (bytes_ + bytes > bytes_max_)
    drop(std::prev(entries_.end()));
  if (answer.etag.empty())
    answer.etag = content_etag(answer.content());
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
