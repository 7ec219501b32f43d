#pragma once
// Answers that depend on nothing but the caller's organization and the address, kept until something that they were
// made from changes. One per thread, like what it stands before. Callers were authenticated, admitted and counted
// before; a kept answer is sent whole, with its tag.
//
//   http::answer_cache cache(32 << 20);
//   database.listen({"prices"}, [&](std::string_view payload) { cache.forget(payload); });
//   routes.push_back(http::cached(list_prices_route, cache));
//
// An answer is as old as the last notice on its way: milliseconds. After a lost connection to the database everything
// is forgotten as soon as it is back.
#include "http/route.hpp"

#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>

namespace pricing::http {

class answer_cache {
 public:
  using steady = std::chrono::steady_clock;
  explicit answer_cache(std::size_t bytes_max) : bytes_max_(bytes_max) {}
  answer_cache(const answer_cache&) = delete;

  // Null when there is none.
  const response* find(organization_id organization, const std::string& target);
  // Of an answer to keep: what generation() said before it was made, so that one made from old prices is not kept.
  std::uint64_t generation(organization_id organization) const;
  // After `expires_at` it is not found any more.
  void keep(organization_id organization, const std::string& target, std::uint64_t made_in, response& answer,
            steady::time_point expires_at = steady::time_point::max());
  // An organization's number as text: a notice's payload; anything else forgets everything.
  void forget(std::string_view payload);

  std::size_t bytes() const { return bytes_; }

  // An answer that somebody makes at this moment; `done` is cancelled when he ends, without an outcome when he failed
  // to.
  struct making {
    explicit making(const boost::asio::any_io_executor& executor) : done(executor, steady::time_point::max()) {}
    boost::asio::steady_timer done;
    std::optional<result<response>> outcome;
  };
  using making_map = std::unordered_map<std::string, std::shared_ptr<making>>;
  const std::shared_ptr<making_map>& makings() const { return makings_; }

 private:
  struct entry {
    std::string key;
    std::int64_t organization = 0;
    response answer;
    std::size_t bytes = 0;
    steady::time_point expires_at;
  };
  using entries = std::list<entry>; // the one used last in front
  void drop(entries::iterator e);

  const std::size_t bytes_max_;
  std::size_t bytes_ = 0;
  entries entries_;
  std::unordered_map<std::string, entries::iterator> by_key_;
  std::shared_ptr<making_map> makings_ = std::make_shared<making_map>();
  std::unordered_map<std::int64_t, std::uint64_t> generations_;
  std::uint64_t everything_ = 0; // times that all was forgotten
};

// The route answered from the cache where it can be; only successful answers are kept. Those who ask for the same at
// the same time share one answer. The cache must outlive it. `age_max` is for what also depends on the day.
route cached(route r, answer_cache& cache, std::optional<std::chrono::seconds> age_max = std::nullopt);

} // namespace pricing::http
