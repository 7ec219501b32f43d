#include "http/answer_cache.hpp"

#include "http/compress.hpp"
#include "http/text.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gtest/gtest.h>

#include <random>

using namespace pricing;
using namespace pricing::http;

namespace {

constexpr organization_id ours{1}, theirs{2};

// Text that no compression makes smaller.
std::string noise(std::size_t bytes) {
  std::minstd_rand random(7);
  std::string out(bytes, ' ');
  for (char& c : out)
    c = static_cast<char>(random() >> 16);
  return out;
}

class answer_cache_test : public testing::Test {
 protected:
  void keep(organization_id whose, const std::string& target, std::string text) {
    auto answer = response::json(std::move(text));
    cache.keep(whose, target, cache.generation(whose), answer);
  }
  bool has(organization_id whose, const std::string& target) { return cache.find(whose, target) != nullptr; }
  answer_cache cache{20'000};
};

TEST_F(answer_cache_test, gives_back_what_was_kept_with_its_tag) {
  keep(ours, "/a", "[1]");
  const response* kept = cache.find(ours, "/a");
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->content(), "[1]");
  EXPECT_EQ(kept->etag.size(), 34u);
  EXPECT_FALSE(has(ours, "/b"));
  EXPECT_FALSE(has(theirs, "/a"));
}

TEST_F(answer_cache_test, keeps_what_is_large_packed) {
  const std::string large(9'000, 'x');
  keep(ours, "/large", large);
  EXPECT_LT(cache.bytes(), 1'500u);
  const response* kept = cache.find(ours, "/large");
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->unpacked_bytes, large.size());
  EXPECT_EQ(gunzip(kept->content(), kept->unpacked_bytes), large);
  EXPECT_EQ(kept->etag, content_etag(large)); // as if it were not packed
}

TEST_F(answer_cache_test, forgets_one_organization_or_all) {
  keep(ours, "/a", "1"), keep(theirs, "/a", "2");
  cache.forget("1");
  EXPECT_FALSE(has(ours, "/a"));
  EXPECT_TRUE(has(theirs, "/a"));
  cache.forget(""); // after a lost connection
  EXPECT_FALSE(has(theirs, "/a"));
  EXPECT_EQ(cache.bytes(), 0u);
}

TEST_F(answer_cache_test, an_answer_of_a_moment_ends_with_it) {
  auto answer = response::json("today");
  const auto now = answer_cache::steady::now();
  cache.keep(ours, "/a", cache.generation(ours), answer, now + std::chrono::hours(1));
  EXPECT_TRUE(has(ours, "/a"));
  cache.keep(ours, "/a", cache.generation(ours), answer, now - std::chrono::milliseconds(1));
  EXPECT_FALSE(has(ours, "/a"));
  EXPECT_EQ(cache.bytes(), 0u);
}

TEST_F(answer_cache_test, keeps_nothing_that_was_made_before_the_change) {
  const auto before = cache.generation(ours);
  cache.forget("1");
  auto old = response::json("old");
  cache.keep(ours, "/a", before, old);
  EXPECT_FALSE(has(ours, "/a"));
  const auto again = cache.generation(ours);
  cache.forget("");
  cache.keep(ours, "/a", again, old);
  EXPECT_FALSE(has(ours, "/a"));
}

TEST_F(answer_cache_test, stays_within_its_bytes_and_drops_what_was_used_longest_ago) {
  for (int i = 0; i < 4; ++i)
    keep(ours, "/" + std::to_string(i), noise(4'000));
  EXPECT_TRUE(has(ours, "/0")); // used: /1 is the oldest now
  keep(ours, "/4", noise(4'000));
  EXPECT_FALSE(has(ours, "/1"));
  EXPECT_TRUE(has(ours, "/0"));
  EXPECT_LE(cache.bytes(), 20'000u);
  keep(ours, "/large", noise(6'000));
  EXPECT_FALSE(has(ours, "/large")); // one answer may not push out all others
}

TEST_F(answer_cache_test, a_route_is_asked_once_until_the_change) {
  int asked = 0;
  route r = cached(raw_route(method::get, "/x", {.any_user = true},
                             [&asked](context&) -> asio::awaitable<result<response>> {
                               ++asked;
                               co_return asked == 1 ? result<response>(not_found("not yet"))
                                                    : response::json(std::to_string(asked));
                             }),
                   cache);
  asio::io_context io;
  request q;
  q.target = "/x?page=1";
  context c{q, r};
  c.who = std::make_shared<principal>(principal{.organization = ours});
  std::vector<std::string> answers;
  const auto ask = [&]() -> asio::awaitable<void> {
    for (int i = 0; i < 4; ++i) {
      auto got = co_await r.handle(c);
      answers.emplace_back(got ? std::string(got->content()) : got.error().message);
      if (i == 2)
        cache.forget("1");
    }
  };
  asio::co_spawn(io, ask(), asio::detached);
  io.run();
  EXPECT_EQ(answers, (std::vector<std::string>{"not yet", "2", "2", "3"})); // a failure is not kept
}

TEST_F(answer_cache_test, those_who_ask_at_once_share_one_answer_and_one_failure) {
  asio::io_context io;
  int asked = 0;
  bool fails = true, throws = false;
  route r = cached(raw_route(method::get, "/x", {.any_user = true},
                             [&](context&) -> asio::awaitable<result<response>> {
                               ++asked;
                               const bool failing = fails;
                               asio::steady_timer gate(io, std::chrono::milliseconds(20));
                               co_await gate.async_wait(asio::use_awaitable);
                               if (throws)
                                 throw std::runtime_error("broken");
                               if (failing)
                                 co_return not_found("not yet");
                               co_return response::json("made");
                             }),
                   cache);
  request q;
  q.target = "/x";
  std::vector<std::string> answers;
  const auto ask = [&](organization_id whose) -> asio::awaitable<void> {
    context c{q, r};
    c.who = std::make_shared<principal>(principal{.organization = whose});
    auto got = co_await r.handle(c);
    answers.emplace_back(got ? std::string(got->content()) : got.error().message);
  };
  const auto crowd = [&](std::vector<organization_id> who) {
    asked = 0, answers.clear();
    for (const auto whose : who)
      asio::co_spawn(io, ask(whose), [](std::exception_ptr) {});
    io.restart();
    io.run();
  };
  crowd({ours, ours, ours});
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(answers, (std::vector<std::string>(3, "not yet")));
  throws = true;
  crowd({ours, ours});
  EXPECT_EQ(asked, 2); // who waited for one that broke tries himself
  throws = fails = false;
  crowd({ours, theirs, ours, ours});
  EXPECT_EQ(asked, 2); // one for each organization
  EXPECT_EQ(answers, (std::vector<std::string>(4, "made")));
  EXPECT_TRUE(cache.makings()->empty());
}

} // namespace
