// The table of jobs and the workers that run them, on a real PostgreSQL and Redis: claims, leases, retries, doubling,
// stopping.
#include "celery/producer.hpp"
#include "celery/worker.hpp"
#include "jobs/job_tasks.hpp"
#include "jobs/jobs_routes.hpp"
#include "support/api_call.hpp"
#include "support/postgres_server.hpp"
#include "support/redis_server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>

#include <boost/json.hpp>
#include <gtest/gtest.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <sys/wait.h>

#include <atomic>
#include <csignal>
#include <future>
#include <mutex>
#include <set>
#include <thread>

using namespace pricing;
using namespace pricing::jobs;
using namespace std::chrono_literals;
namespace json = boost::json;

namespace {

struct test_in {
  pricing::organization_id organization_id;
  std::optional<std::int64_t> n;
  std::optional<std::string> how;
};
BOOST_DESCRIBE_STRUCT(test_in, (), (organization_id, n, how))
using handler_function = std::function<result<std::int64_t>(const test_in&, const progress_function&)>;

redis::config test_redis() {
  redis::config out;
  out.socket = test::redis_server::instance().socket();
  return out;
}

// A worker as pricing-worker has it, with one task on a queue of its own.
class runner {
 public:
  runner(const std::string& kind, session_factory connect, handler_function handler,
         job_options options = {.poll = 100ms}, int threads = 1)
      : name_(task_name(kind)),
        work_(options, std::move(connect), registry),
        worker_(io_, settings(threads), test_redis(), table_with(std::move(handler))) {
    loop_ = std::thread([this] {
      boost::asio::co_spawn(io_, worker_.run(), [this](std::exception_ptr, celery::ended) { io_.stop(); });
      io_.run();
    });
    work_.start([this](const std::vector<errand>& errands) {
      auto batch = tasks_.make_batch();
      for (const auto& e : errands)
        batch.add(e.task, {}, e.kwargs, {.id = e.task_id, .queue = e.queue});
      auto sent = boost::asio::co_spawn(io_, tasks_.send(std::move(batch)), boost::asio::use_future);
      return sent.wait_for(5s) == std::future_status::ready && sent.get().has_value();
    });
  }
  ~runner() {
    work_.stop(5s);
    boost::asio::post(io_, [this] { worker_.stop(celery::shutdown::warm); });
    loop_.join();
  }
  runner(const runner&) = delete;
  bool stop(std::chrono::milliseconds grace) { return work_.stop(grace); }
  bool healthy() const { return work_.healthy(); }

  prometheus::Registry registry;

 private:
  celery::config settings(int threads) const {
    celery::config out;
    out.queues = name_;
    out.node =
        "test-" + std::to_string(getpid()) + "-" + std::to_string(reinterpret_cast<std::uintptr_t>(this)) + "@here";
    out.concurrency = threads;
    out.mingle = false;
    return out;
  }
  const celery::task_table& table_with(handler_function handler) {
    work_.add(table_, celery::task<test_in, std::int64_t>{name_, {.queue = name_, .max_retries = 100}},
              std::move(handler));
    return table_;
  }

  const std::string name_;
  celery::task_table table_;
  job_tasks work_;
  boost::asio::io_context io_{1};
  redis::client redis_{io_, test_redis()};
  celery::producer tasks_{io_, redis_, test_redis()};
  celery::worker worker_;
  std::thread loop_;
};

struct stored_job {
  std::string state;
  int attempts = 0;
  std::optional<std::string> error;
  std::optional<json::value> progress;
};
BOOST_DESCRIBE_STRUCT(stored_job, (), (state, attempts, error, progress))

class jobs_test : public testing::Test {
 protected:
  stored_job find(job_id id) {
    database.begin(organization);
    auto found = database.query<stored_job>("select state, attempts, error, progress from jobs where id = $1", id);
    database.commit();
    return found.at(0);
  }
  bool becomes(job_id id, const std::string& state) {
    for (int i = 0; i < 200; ++i, std::this_thread::sleep_for(50ms))
      if (find(id).state == state)
        return true;
    return false;
  }
  void make_due(job_id id) {
    database.begin(organization);
    database.execute("update jobs set run_after = now() where id = $1", id);
    database.commit();
  }
  session_factory connect() const {
    return [url = server.app_url()] { return std::make_unique<postgres::session>(url); };
  }
  auto get(organization_id caller, const std::string& path, std::vector<http::name_value> query = {}) const {
    return test::get(server.app_url(), jobs_routes, "job.read", caller, path, std::move(query));
  }
  auto post(organization_id caller, job_id id, const std::string& what) const {
    return test::call(server.app_url(), jobs_routes, "job.manage", caller,
                      {http::method::post, "/api/v1/jobs/" + std::to_string(id.value) + "/" + what, {}, "{}"});
  }
  // The oldest job that can be claimed, as if its message had come.
  std::optional<job> claim(const std::string& worker, std::chrono::seconds lease) {
    database.begin(organization);
    const auto tasks = database.query<std::string>("select task_id from jobs where kind = $1 order by id", kind);
    database.commit();
    for (const auto& task : tasks)
      if (auto claimed = queue.claim_task(task, worker, lease))
        return claimed;
    return std::nullopt;
  }
  static result<std::int64_t> nothing(const test_in&, const progress_function&) { return 0; }

  test::postgres_server& server = test::postgres_server::instance();
  const organization_id organization = server.new_organization();
  const std::string kind = "test " + std::to_string(organization.value); // of this test alone
  const std::string kind_name = task_name(kind);
  const std::vector<std::string> kinds = {kind};
  postgres::session database{server.app_url()};
  job_queue queue{database};
};

TEST_F(jobs_test, claims_the_oldest_due_job_once_and_ends_it) {
  const auto first = queue.enqueue(organization, kind, {{"n", 1}});
  const auto second = queue.enqueue(organization, kind, {{"n", 2}});
  ASSERT_TRUE(queue.enqueue(organization, kind, {{"n", 3}}, unless::never, 1h));
  const auto a = claim("a", 30s);
  const auto b = claim("b", 30s);
  ASSERT_TRUE(a && b);
  EXPECT_EQ(a->id, *first);
  EXPECT_EQ(a->organization, organization);
  EXPECT_EQ(a->payload.at("n"), 1);
  EXPECT_EQ(b->id, *second);
  EXPECT_FALSE(claim("c", 30s)) << "the third is not due";
  EXPECT_EQ(queue.heartbeat(*a, json::value{{"done", 0.5}}, 30s), hold::kept);
  EXPECT_EQ(queue.heartbeat(*a, std::nullopt, 30s), hold::kept);
  EXPECT_EQ(find(*first).progress->at("done"), 0.5);
  EXPECT_TRUE(queue.succeed(*a));
  EXPECT_FALSE(queue.succeed(*a));
  EXPECT_EQ(find(*first).state, "succeeded");
}

TEST_F(jobs_test, gives_a_job_to_another_once_its_lease_has_run_out) {
  const auto id = queue.enqueue(organization, kind, json::object());
  const auto dead = claim("dead", 1s);
  ASSERT_TRUE(dead);
  EXPECT_FALSE(claim("heir", 30s));
  std::this_thread::sleep_for(1100ms);
  const auto heir = claim("heir", 30s);
  ASSERT_TRUE(heir);
  EXPECT_EQ(heir->attempts, 2);
  EXPECT_EQ(queue.heartbeat(*dead, std::nullopt, 30s), hold::lost);
  EXPECT_FALSE(queue.succeed(*dead));
  EXPECT_FALSE(queue.fail(*dead, "late", true, 0s));
  EXPECT_FALSE(queue.put_back(*dead));
  EXPECT_EQ(find(*id).state, "running");
  EXPECT_TRUE(queue.succeed(*heir));
}

TEST_F(jobs_test, retries_later_until_the_attempts_are_spent) {
  const auto id = *queue.enqueue(organization, kind, json::object());
  for (int attempt = 1; attempt <= 5; ++attempt) {
    const auto j = claim("w", 30s);
    ASSERT_TRUE(j) << attempt;
    EXPECT_EQ(j->attempts, attempt);
    EXPECT_TRUE(queue.fail(*j, "no luck", true, 60s));
    EXPECT_EQ(find(id).state, attempt < 5 ? "queued" : "failed");
    EXPECT_FALSE(claim("w", 30s)) << "not before its time";
    make_due(id);
  }
  EXPECT_EQ(find(id).error, "no luck");
  EXPECT_EQ(retry_delay(1), 5s);
  EXPECT_EQ(retry_delay(3), 80s);
  EXPECT_EQ(retry_delay(100), 900s);
}

TEST_F(jobs_test, puts_a_job_back_as_if_it_had_not_been_claimed) {
  const auto id = *queue.enqueue(organization, kind, json::object());
  const auto j = claim("w", 30s);
  ASSERT_TRUE(j && queue.put_back(*j));
  EXPECT_EQ(find(id).attempts, 0);
  EXPECT_TRUE(claim("v", 30s));
}

TEST_F(jobs_test, enqueues_no_double_when_asked) {
  const json::value payload = {{"for", "2026-11-23"}}, other = {{"for", "2026-11-24"}};
  EXPECT_TRUE(queue.enqueue(organization, kind, payload, unless::queued));
  EXPECT_FALSE(queue.enqueue(organization, kind, payload, unless::queued));
  EXPECT_TRUE(queue.enqueue(organization, kind, other, unless::queued));
  const auto j = claim("w", 30s);
  EXPECT_TRUE(queue.enqueue(organization, kind, payload, unless::queued)) << "the first one runs and sees no new rows";
  queue.succeed(*j);
  EXPECT_FALSE(queue.enqueue(organization, kind, payload, unless::ever_queued));
  EXPECT_TRUE(queue.enqueue(server.new_organization(), kind, payload, unless::ever_queued));
}

TEST_F(jobs_test, enqueues_once_when_many_try_at_the_same_time) {
  std::atomic<int> added = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      const auto session = connect()();
      for (int n = 0; n < 20; ++n)
        added += job_queue(*session).enqueue(organization, kind, {{"n", n}}, unless::ever_queued).has_value();
    });
  for (auto& t : threads)
    t.join();
  EXPECT_EQ(added, 20);
}

TEST_F(jobs_test, two_runners_share_the_work_without_doubling) {
  std::mutex mutex;
  std::multiset<std::int64_t> seen;
  const handler_function handler = [&](const test_in& in, const progress_function&) {
    std::this_thread::sleep_for(2ms);
    const std::lock_guard lock(mutex);
    seen.insert(in.n.value());
    return 0;
  };
  runner a(kind, connect(), handler, {.poll = 100ms}, 2);
  runner b(kind, connect(), handler, {.poll = 100ms}, 2);
  std::optional<job_id> last;
  for (int i = 0; i < 200; ++i)
    last = queue.enqueue(organization, kind, {{"n", i}});
  for (int i = 0; i < 200; ++i, std::this_thread::sleep_for(50ms)) {
    const std::lock_guard lock(mutex);
    if (seen.size() >= 200)
      break;
  }
  EXPECT_TRUE(becomes(*last, "succeeded"));
  EXPECT_EQ(seen.size(), 200U);
  EXPECT_EQ(std::set<std::int64_t>(seen.begin(), seen.end()).size(), 200U);
  EXPECT_TRUE(a.healthy());
  EXPECT_TRUE(a.stop(5s));
  EXPECT_TRUE(b.stop(5s));
  const auto text = prometheus::TextSerializer().Serialize(a.registry.Collect());
  EXPECT_NE(text.find("pricing_jobs_ended_total{kind=\"" + kind + "\",outcome=\"succeeded\"}"), std::string::npos);
}

TEST_F(jobs_test, a_runner_notices_a_new_job_at_once) {
  const runner one(kind, connect(), nothing, {.poll = 60s});
  std::this_thread::sleep_for(500ms); // it waits for the notification now
  EXPECT_TRUE(becomes(*queue.enqueue(organization, kind, json::object()), "succeeded"));
}

TEST_F(jobs_test, a_runner_fails_wrong_input_for_good_and_retries_the_rest) {
  const runner one(kind, connect(), [](const test_in& in, const progress_function&) -> result<std::int64_t> {
    if (in.how == "wrong")
      return invalid_input("no such upload");
    throw std::runtime_error("the disk is full");
  });
  const auto wrong = *queue.enqueue(organization, kind, {{"how", "wrong"}});
  const auto thrown = *queue.enqueue(organization, kind, {{"how", "thrown"}});
  EXPECT_TRUE(becomes(wrong, "failed"));
  EXPECT_EQ(find(wrong).error, "no such upload");
  for (int i = 0; i < 100 && !find(thrown).error; ++i)
    std::this_thread::sleep_for(50ms);
  EXPECT_EQ(find(thrown).state, "queued");
  EXPECT_EQ(find(thrown).error, "the disk is full");
}

TEST_F(jobs_test, renews_the_lease_of_a_long_job) {
  std::atomic<int> runs = 0;
  const handler_function handler = [&](const test_in&, const progress_function& progress) {
    ++runs;
    for (int i = 0; i < 30; ++i, std::this_thread::sleep_for(100ms))
      progress({{"step", i}});
    return 0;
  };
  const runner a(kind, connect(), handler, {.lease = 1s, .poll = 100ms});
  const runner b(kind, connect(), handler, {.lease = 1s, .poll = 100ms});
  const auto id = *queue.enqueue(organization, kind, json::object());
  EXPECT_TRUE(becomes(id, "succeeded"));
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(find(id).progress->at("step"), 29);
}

TEST_F(jobs_test, a_stop_puts_running_jobs_back) {
  std::atomic<bool> running = false;
  const handler_function polite = [&](const test_in&, const progress_function& progress) -> std::int64_t {
    for (running = true;; std::this_thread::sleep_for(20ms))
      progress({{"share", 0.1}});
  };
  const auto id = *queue.enqueue(organization, kind, json::object());
  runner one(kind, connect(), polite);
  while (!running)
    std::this_thread::sleep_for(10ms);
  EXPECT_TRUE(one.stop(5s));
  EXPECT_EQ(find(id).state, "queued");
  EXPECT_EQ(find(id).attempts, 0);
}

TEST_F(jobs_test, a_stop_puts_back_also_what_does_not_end_in_time) {
  std::atomic<bool> running = false, end = false;
  const handler_function deaf = [&](const test_in&, const progress_function&) {
    for (running = true; !end;)
      std::this_thread::sleep_for(10ms);
    return 0;
  };
  const auto id = *queue.enqueue(organization, kind, json::object());
  runner one(kind, connect(), deaf);
  while (!running)
    std::this_thread::sleep_for(10ms);
  EXPECT_FALSE(one.stop(200ms));
  EXPECT_EQ(find(id).state, "queued");
  end = true;
}

TEST_F(jobs_test, takes_over_from_a_worker_killed_with_9) {
  const auto id = *queue.enqueue(organization, kind, json::object());
  test::redis_server::instance(); // the parent's
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const handler_function endless = [](const test_in&, const progress_function&) -> std::int64_t {
      for (;;)
        pause();
    };
    const runner one(kind, connect(), endless, {.lease = 1s, .poll = 100ms});
    for (;;)
      pause();
  }
  EXPECT_TRUE(becomes(id, "running"));
  std::this_thread::sleep_for(1500ms);
  EXPECT_FALSE(claim("thief", 30s)) << "its lease is renewed while it lives";
  kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  const runner heir(kind, connect(), nothing, {.lease = 1s, .poll = 100ms});
  EXPECT_TRUE(becomes(id, "succeeded"));
  EXPECT_EQ(find(id).attempts, 2);
}

TEST_F(jobs_test, a_waiting_job_is_revoked_at_once_and_can_be_run_again) {
  const auto id = *queue.enqueue(organization, kind, {});
  const auto [status, revoked] = post(organization, id, "revoke");
  ASSERT_EQ(status, 202) << json::serialize(revoked);
  EXPECT_EQ(revoked.at("state"), "revoked");
  EXPECT_FALSE(revoked.at("finished_at").is_null());
  EXPECT_FALSE(claim("a", 30s));
  EXPECT_EQ(post(organization, id, "revoke").first, 409);
  EXPECT_EQ(post(server.new_organization(), id, "retry").first, 404);
  const auto again = post(organization, id, "retry").second;
  EXPECT_EQ(again.at("state"), "queued");
  EXPECT_EQ(again.at("attempts"), 0);
  EXPECT_TRUE(claim("a", 30s));
  EXPECT_EQ(post(organization, id, "retry").first, 409);
}

TEST_F(jobs_test, a_running_job_is_revoked_at_its_next_step) {
  std::atomic<int> steps = 0;
  const handler_function endless = [&](const test_in&, const progress_function& progress) -> std::int64_t {
    for (;; std::this_thread::sleep_for(5ms), ++steps)
      progress({{"step", steps.load()}});
  };
  const runner one(kind, connect(), endless, {.lease = 1s});
  const auto id = *queue.enqueue(organization, kind, {});
  ASSERT_TRUE(becomes(id, "running"));
  const auto revoked = post(organization, id, "revoke").second;
  EXPECT_EQ(revoked.at("state"), "running");
  EXPECT_EQ(revoked.at("stopping"), true);
  EXPECT_TRUE(becomes(id, "revoked"));
  EXPECT_GT(steps, 0);
}

TEST_F(jobs_test, a_running_job_is_revoked_by_a_celery_client_too) {
  const handler_function endless = [](const test_in&, const progress_function& progress) -> std::int64_t {
    for (;; std::this_thread::sleep_for(5ms))
      progress({{"share", 0.5}});
  };
  const runner one(kind, connect(), endless);
  const auto id = *queue.enqueue(organization, kind, {});
  ASSERT_TRUE(becomes(id, "running"));
  database.begin(organization);
  const auto task = database.query<std::string>("select task_id from jobs where id = $1", id).at(0);
  database.commit();
  boost::asio::io_context io(1);
  redis::client redis(io, test_redis());
  celery::producer tasks(io, redis, test_redis());
  auto sent = boost::asio::co_spawn(io, tasks.revoke({task}, true), boost::asio::use_future);
  while (sent.wait_for(0s) != std::future_status::ready)
    io.run_one();
  EXPECT_TRUE(sent.get());
  EXPECT_TRUE(becomes(id, "revoked"));
}

TEST_F(jobs_test, messages_are_due_once_and_again_when_they_seem_lost) {
  const auto id = *queue.enqueue(organization, kind, {});
  const auto later = *queue.enqueue(organization, kind, {}, unless::never, 1h);
  const auto mine = [&](int lost_after_s) {
    std::vector<std::int64_t> out;
    for (const auto& m : queue.take_unsent(kinds, 1'000, std::chrono::seconds(lost_after_s)))
      if (m.organization == organization)
        out.push_back(m.id.value);
    return out;
  };
  EXPECT_EQ(mine(60), std::vector{id.value});
  EXPECT_TRUE(mine(60).empty());
  std::this_thread::sleep_for(1100ms);
  EXPECT_EQ(mine(1), std::vector{id.value}) << "nobody has claimed it";
  queue.untake({id});
  EXPECT_EQ(mine(60), std::vector{id.value});
  make_due(later);
  EXPECT_EQ(mine(60), std::vector{later.value});
}

TEST_F(jobs_test, a_task_is_claimed_once_and_again_after_its_lease) {
  queue.enqueue(organization, kind, {{"n", 1}});
  std::string task;
  for (const auto& m : queue.take_unsent(kinds, 1'000, 60s))
    if (m.organization == organization)
      task = m.task_id;
  const auto first = queue.claim_task(task, "a", 1s);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->payload.at("n"), 1);
  EXPECT_FALSE(queue.claim_task(task, "b", 1s));
  std::this_thread::sleep_for(1100ms);
  const auto second = queue.claim_task(task, "b", 30s);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->attempts, 2);
  EXPECT_FALSE(queue.succeed(*first));
  EXPECT_TRUE(queue.succeed(*second, json::value{{"done", 3}}));
  EXPECT_FALSE(queue.claim_task(task, "c", 1s));
  const auto seen = get(organization, "/api/v1/jobs/" + std::to_string(second->id.value)).second;
  EXPECT_EQ(seen.at("result").at("done"), 3);
  EXPECT_EQ(seen.at("task_id").as_string(), task);
  EXPECT_FALSE(queue.claim_task("00000000-0000-0000-0000-000000000000", "c", 1s));
}

TEST_F(jobs_test, a_job_whose_workers_keep_ending_fails) {
  const auto id = *queue.enqueue(organization, kind, {});
  database.begin(organization);
  database.execute("update jobs set attempts = attempts_max, state = 'running', lease_until = now() - interval '1 s'");
  const auto task = database.query<std::string>("select task_id from jobs where id = $1", id).at(0);
  database.commit();
  EXPECT_FALSE(queue.claim_task(task, "a", 1s));
  EXPECT_EQ(find(id).state, "failed");
  EXPECT_EQ(find(id).error, "its workers kept ending");
}

TEST_F(jobs_test, a_task_called_by_name_becomes_a_job) {
  const runner one(kind, connect(), [](const test_in& in, const progress_function&) { return in.n.value() + 1; });
  const auto call = [&](organization_id who) {
    boost::asio::io_context io(1);
    redis::client redis(io, test_redis());
    celery::producer tasks(io, redis, test_redis());
    const celery::task<test_in, std::int64_t> task{kind_name, {.queue = kind_name}};
    auto answer = boost::asio::co_spawn(io, tasks.call(task, {who, 41, {}}, 10s), boost::asio::use_future);
    while (answer.wait_for(0s) != std::future_status::ready)
      io.run_one();
    return answer.get();
  };
  EXPECT_EQ(call(organization).value(), 42);
  database.begin(organization);
  const auto stored = database.query<std::int64_t>("select (result)::bigint from jobs where kind = $1", kind);
  database.commit();
  EXPECT_EQ(stored, std::vector<std::int64_t>{42});
  const auto stranger = call(organization_id{organization.value + 1'000'000});
  ASSERT_FALSE(stranger);
  EXPECT_NE(stranger.error().message.find("there is no organization"), std::string::npos) << stranger.error().message;
}

TEST_F(jobs_test, shows_jobs_to_their_organization_only) {
  const auto id = *queue.enqueue(organization, kind, {{"upload_id", 7}});
  const auto second = *queue.enqueue(organization, kind, {{"upload_id", 8}});
  const auto path = "/api/v1/jobs/" + std::to_string(id.value);
  const auto [status, body] = get(organization, path);
  EXPECT_EQ(status, 200);
  EXPECT_EQ(body.at("state"), "queued");
  EXPECT_EQ(body.at("payload").at("upload_id"), 7);
  EXPECT_TRUE(body.at("progress").is_null());
  EXPECT_EQ(get(server.new_organization(), path).first, 404);
  const auto first_page = get(organization, "/api/v1/jobs", {{"limit", "1"}}).second;
  ASSERT_EQ(first_page.at("data").as_array().size(), 1U);
  EXPECT_EQ(first_page.at("data").at(0).at("id"), second.value);
  const std::string cursor(first_page.at("next_cursor").as_string());
  const auto next = get(organization, "/api/v1/jobs", {{"limit", "1"}, {"cursor", cursor}}).second;
  EXPECT_EQ(next.at("data").at(0).at("id"), id.value);
  EXPECT_TRUE(next.at("next_cursor").is_null());
  EXPECT_EQ(get(organization, "/api/v1/jobs", {{"state", "failed"}}).second.at("data"), json::array());
  EXPECT_EQ(get(organization, "/api/v1/jobs", {{"state", "lost"}}).first, 422);
}

} // namespace
