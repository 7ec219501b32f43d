#include "postgres/pool.hpp"

#include "core/log.hpp"
#include "postgres/link.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <algorithm>
#include <list>
#include <random>

namespace pricing::postgres {
namespace {

using namespace std::chrono_literals;
constexpr auto backoff_min = 50ms;
constexpr auto backoff_max = 5'000ms;
constexpr auto grace = 2'000ms; // after the server's own statement timeout, the line is given up
constexpr const char* enter = "select set_config('app.organization_id', $1, true), "
                              "set_config('statement_timeout', $2, true)";

error busy() {
  return {errc::unavailable, "too many database requests wait; try again in a moment", {}, 1};
}
error away() {
  return {errc::unavailable, "the database is not reachable; try again in a moment", {}, 1};
}
error too_late() {
  return {errc::timeout, "the time for this request has passed"};
}

std::chrono::milliseconds jittered(std::chrono::milliseconds d) {
  static thread_local std::minstd_rand random{std::random_device{}()};
  return d / 2 + std::chrono::milliseconds(random() % static_cast<unsigned>(d.count() + 1));
}

struct pool_metrics {
  explicit pool_metrics(prometheus::Registry& r)
      : statements(prometheus::BuildCounter()
                       .Name("pricing_postgres_statements_total")
                       .Help("Statements and transactions, by outcome")
                       .Register(r)),
        good(statements.Add({{"outcome", "ok"}})),
        bad(statements.Add({{"outcome", "error"}})),
        seconds(prometheus::BuildHistogram()
                    .Name("pricing_postgres_statement_seconds")
                    .Help("From asking to the answer of single statements")
                    .Register(r)
                    .Add({}, prometheus::Histogram::BucketBoundaries{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                                     0.1, 0.25, 1, 5})),
        waiting(prometheus::BuildGauge()
                    .Name("pricing_postgres_waiting")
                    .Help("Statements that wait or run")
                    .Register(r)
                    .Add({})),
        connects(prometheus::BuildCounter()
                     .Name("pricing_postgres_connects_total")
                     .Help("Connections opened")
                     .Register(r)
                     .Add({})) {}
  prometheus::Family<prometheus::Counter>& statements;
  prometheus::Counter& good;
  prometheus::Counter& bad;
  prometheus::Histogram& seconds;
  prometheus::Gauge& waiting;
  prometheus::Counter& connects;
};

} // namespace

namespace detail {

// A shared connection and what is on its way over it.
struct lane {
  std::shared_ptr<link> over;
  int running = 0;
  bool unreachable = false;
};

// A statement that waits for its turn.
struct waiter {
  waiter(asio::io_context& io, net::deadline until) : turn(io, until) {}
  asio::steady_timer turn;
  bool woken = false;
};

class pool_state : public std::enable_shared_from_this<pool_state> {
 public:
  pool_state(asio::io_context& i, config c, prometheus::Registry* r)
      : io(i),
        settings(std::move(c)),
        lanes(static_cast<std::size_t>(std::max(1, settings.shared_connections))),
        lease_changed(i, never) {
    if (r)
      metrics.emplace(*r);
  }

  // The time a statement may take: the setting or what is left until the deadline.
  std::optional<std::chrono::milliseconds> time_for(const scope& s) const {
    auto most = std::chrono::milliseconds(settings.statement_timeout_ms);
    if (s.until != net::deadline::max())
      most = std::min(most, std::chrono::ceil<std::chrono::milliseconds>(s.until - std::chrono::steady_clock::now()));
    if (most.count() <= 0)
      return std::nullopt;
    return most;
  }

  static statement entering(const scope& s, std::chrono::milliseconds time) {
    const auto organization = s.organization ? std::to_string(s.organization.value) : std::string();
    return {enter, parameters::of(organization, std::to_string(time.count()))};
  }

  asio::awaitable<std::shared_ptr<link>> connect(std::string& why) {
    const auto l = std::make_shared<link>(io);
    why = co_await l->connect(settings.url, std::chrono::milliseconds(settings.connect_timeout_ms));
    if (!why.empty())
      co_return nullptr;
    if (metrics)
      metrics->connects.Increment();
    co_return l;
  }

  asio::awaitable<void> pause(std::chrono::milliseconds d) {
    asio::steady_timer nap(io, d);
    naps.push_back(&nap);
    boost::system::error_code ec;
    co_await nap.async_wait(asio::redirect_error(asio::use_awaitable, ec));
    std::erase(naps, &nap);
  }

  // Keeps one shared connection open.
  static asio::awaitable<void> keep(std::shared_ptr<pool_state> self, lane& mine) {
    auto backoff = backoff_min;
    while (!self->stopping) {
      std::string why;
      const auto l = co_await self->connect(why);
      if (self->stopping)
        break;
      mine.unreachable = !l;
      mine.over = l;
      self->wake_all();
      if (l) {
        backoff = backoff_min;
        co_await l->closed();
        mine.over = nullptr;
        if (!self->stopping)
          log::warning("postgres: the connection was lost");
      } else {
        log::warning("postgres: cannot connect", {{"why", why.c_str()}, {"retry_ms", backoff.count()}});
        co_await self->pause(jittered(backoff));
        backoff = std::min<std::chrono::milliseconds>(backoff * 2, backoff_max);
      }
    }
  }

  static asio::awaitable<void> keep_listening(std::shared_ptr<pool_state> self, std::vector<std::string> channels,
                                              std::function<void(std::string_view)> on_notify) {
    auto backoff = backoff_min;
    while (!self->stopping) {
      std::string why;
      const auto l = co_await self->connect(why);
      if (self->stopping)
        break;
      if (l) {
        self->listening.push_back(l);
        l->on_notify = [&on_notify](std::string_view, std::string_view payload) { on_notify(payload); };
        std::vector<statement> listen;
        for (const auto& channel : channels)
          listen.push_back({"listen \"" + channel + "\"", {}});
        auto heard = co_await l->run(std::move(listen), grace);
        if (heard) {
          backoff = backoff_min;
          on_notify("");
          co_await l->closed();
        }
        std::erase(self->listening, l);
        l->on_notify = nullptr;
      }
      if (self->stopping)
        break;
      co_await self->pause(jittered(backoff));
      backoff = std::min<std::chrono::milliseconds>(backoff * 2, backoff_max);
    }
  }

  bool is_away() const {
    return stopping || std::ranges::all_of(lanes, [](const lane& l) { return l.unreachable; });
  }
  // The least busy of the open connections that has room.
  lane* free_lane() {
    lane* best = nullptr;
    for (auto& l : lanes)
      if (l.over && l.running < settings.pipeline_max && (!best || l.running < best->running))
        best = &l;
    return best;
  }
  void wake_all() {
    for (auto* w : waiters)
      w->turn.cancel();
  }
  void wake_first() {
    const auto first = std::ranges::find(waiters, false, &waiter::woken);
    if (first == waiters.end())
      return;
    (*first)->woken = true;
    (*first)->turn.cancel();
  }

  // A connection with room: at once, or when it is the caller's turn. Waits while one is being opened, not while the
  // server is known to be away.
  static asio::awaitable<result<lane*>> take_turn(std::shared_ptr<pool_state> self, net::deadline until) {
    if (self->waiters.empty())
      if (auto* const l = self->free_lane())
        co_return l;
    waiter w(self->io,
             std::min(until, std::chrono::steady_clock::now() + std::chrono::milliseconds(self->settings.wait_ms)));
    const auto place = self->waiters.insert(self->waiters.end(), &w);
    const std::shared_ptr<void> leave(nullptr, [&](void*) { self->waiters.erase(place); });
    for (;;) {
      if (self->is_away())
        co_return away();
      if (place == self->waiters.begin() || w.woken)
        if (auto* const l = self->free_lane())
          co_return l;
      w.woken = false;
      boost::system::error_code ec;
      co_await w.turn.async_wait(asio::redirect_error(asio::use_awaitable, ec));
      if (!ec && !w.woken)
        co_return busy();
    }
  }

  static asio::awaitable<result<result_ptr>> send(std::shared_ptr<pool_state> self, scope s, std::string sql,
                                                  parameters p) {
    if (self->pending >= static_cast<std::size_t>(self->settings.queue_max))
      co_return busy();
    const counted one(*self);
    const auto started = std::chrono::steady_clock::now();
    auto turn = co_await take_turn(self, s.until);
    const auto time = self->time_for(s);
    if (!time)
      co_return too_late();
    if (!turn)
      co_return turn.error();
    lane& taken = **turn;
    const auto over = taken.over;
    const on_its_way busy_with_it(*self, taken);
    std::vector<statement> both;
    both.push_back(entering(s, *time));
    both.push_back({std::move(sql), std::move(p)});
    auto answer = co_await over->run(std::move(both), *time + grace);
    if (self->metrics) {
      (answer ? self->metrics->good : self->metrics->bad).Increment();
      self->metrics->seconds.Observe(std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count());
    }
    co_return answer;
  }

  static asio::awaitable<result<std::shared_ptr<link>>> lease(std::shared_ptr<pool_state> self) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(self->settings.wait_ms);
    while (self->leased >= self->settings.leased_max && !self->stopping) {
      if (std::chrono::steady_clock::now() >= until || self->leases_wanted >= self->settings.queue_max)
        co_return busy();
      ++self->leases_wanted;
      asio::steady_timer limit(self->io, until);
      limit.async_wait([self](boost::system::error_code ec) {
        if (!ec)
          self->lease_changed.cancel();
      });
      boost::system::error_code ec;
      co_await self->lease_changed.async_wait(asio::redirect_error(asio::use_awaitable, ec));
      --self->leases_wanted;
    }
    if (self->stopping)
      co_return away();
    ++self->leased;
    std::shared_ptr<link> l;
    while (!self->idle.empty() && !l) {
      l = std::move(self->idle.back());
      self->idle.pop_back();
      if (!l->is_open())
        l = nullptr;
    }
    const std::shared_ptr<void> slot(nullptr, [self](void*) {
      --self->leased;
      self->lease_changed.cancel();
    });
    std::string why;
    if (!l)
      l = co_await self->connect(why);
    if (!l)
      co_return away();
    // Given back when the last user is gone; a connection left inside a transaction is closed.
    co_return std::shared_ptr<link>(l.get(), [self, l, slot](link*) {
      if (l->is_idle() && !self->stopping)
        self->idle.push_back(l);
      else
        l->close();
    });
  }

  void stop() {
    stopping = true;
    for (auto& l : idle)
      l->close();
    idle.clear();
    for (auto& l : std::vector(listening))
      l->close();
    for (auto& l : lanes)
      if (const auto over = l.over)
        over->close();
    wake_all();
    lease_changed.cancel();
    for (auto* nap : naps)
      nap->cancel();
  }

  static constexpr auto never = asio::steady_timer::time_point::max();
  struct counted {
    explicit counted(pool_state& s) : state(s) {
      ++state.pending;
      if (state.metrics)
        state.metrics->waiting.Increment();
    }
    ~counted() {
      --state.pending;
      if (state.metrics)
        state.metrics->waiting.Decrement();
    }
    counted(const counted&) = delete;
    pool_state& state;
  };

  struct on_its_way {
    on_its_way(pool_state& s, lane& l) : state(s), taken(l) { ++taken.running; }
    ~on_its_way() {
      --taken.running;
      state.wake_first();
    }
    on_its_way(const on_its_way&) = delete;
    pool_state& state;
    lane& taken;
  };

  asio::io_context& io;
  config settings;
  std::optional<pool_metrics> metrics;
  std::vector<lane> lanes;
  std::list<waiter*> waiters; // first come, first served
  std::vector<std::shared_ptr<link>> idle, listening;
  std::vector<asio::steady_timer*> naps;
  asio::steady_timer lease_changed;
  std::size_t pending = 0;
  int leased = 0, leases_wanted = 0;
  bool stopping = false;
};

} // namespace detail

pool::pool(asio::io_context& io, config c, prometheus::Registry* metrics)
    : state_(std::make_shared<detail::pool_state>(io, std::move(c), metrics)) {
  for (auto& lane : state_->lanes)
    asio::co_spawn(io, detail::pool_state::keep(state_, lane), asio::detached);
}
pool::~pool() {
  state_->stop();
}

bool pool::connected() const {
  return std::ranges::any_of(state_->lanes, [](const detail::lane& l) { return l.over != nullptr; });
}
int pool::timeout_ms() const {
  return state_->settings.statement_timeout_ms;
}

void pool::listen(std::vector<std::string> channels, std::function<void(std::string_view)> on_notify) {
  asio::co_spawn(state_->io, detail::pool_state::keep_listening(state_, std::move(channels), std::move(on_notify)),
                 asio::detached);
}

asio::awaitable<result<result_ptr>> pool::send(scope s, std::string sql, parameters p) {
  return detail::pool_state::send(state_, s, std::move(sql), std::move(p));
}

asio::awaitable<result<std::shared_ptr<detail::link>>> pool::begin(scope s) {
  const auto time = state_->time_for(s);
  if (!time)
    co_return too_late();
  auto leased = co_await detail::pool_state::lease(state_);
  if (!leased)
    co_return leased.error();
  std::vector<detail::statement> opening;
  opening.push_back({"begin", {}});
  opening.push_back(detail::pool_state::entering(s, *time));
  const auto over = *leased;
  auto opened = co_await over->run(std::move(opening), *time + grace);
  if (!opened)
    co_return opened.error();
  co_return over;
}

asio::awaitable<result<void>> pool::end(std::shared_ptr<detail::link> leased, bool commit) {
  std::vector<detail::statement> closing;
  closing.push_back({commit ? "commit" : "rollback", {}});
  auto done = co_await leased->run(std::move(closing), std::chrono::milliseconds(timeout_ms()) + grace);
  if (!done)
    co_return done.error();
  if (commit && std::string_view(PQcmdStatus(done->get())) != "COMMIT")
    co_return conflict("the transaction had failed and was rolled back");
  co_return result<void>();
}

asio::awaitable<result<result_ptr>> transaction::send(std::string sql, parameters p) {
  std::vector<detail::statement> one;
  one.push_back({std::move(sql), std::move(p)});
  return link_->run(std::move(one), std::chrono::milliseconds(timeout_ms_) + grace);
}

} // namespace pricing::postgres
