#pragma once
// One bounded pool for CPU work that would stall an event loop: password hashes, inference, parsing of uploads.
//
//   const auto work = [password] { return hash_password(password); };   // named first: see run()
//   result<std::string> hash = co_await pool.run(work);
//
// Fails with unavailable (retry after a second) when `queue_max` calls already wait. The coroutine goes on in its own
// thread. fn may return T or result<T>; an exception leaves run() in the caller.
#include "core/error.hpp"

#include <atomic>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <optional>
#include <type_traits>

namespace pricing::net {

namespace asio = boost::asio;

namespace detail {
template <class R>
struct unwrapped {
  using type = R;
};
template <class R>
struct unwrapped<result<R>> {
  using type = R;
};
} // namespace detail

class cpu_pool {
 public:
  cpu_pool(unsigned threads, std::size_t queue_max) : pool_(threads), waiting_max_(threads + queue_max) {}
  // Ends after the running calls; what still waits is dropped.
  ~cpu_pool() { pool_.stop(), pool_.join(); }

  // Calls that run or wait now.
  std::size_t pending() const { return pending_.load(std::memory_order_relaxed); }

  // Copies fn. g++ 12 destroys a closure written inside a co_await expression twice, so one that owns something must
  // have a name.
  template <class F>
  auto run(F&& fn) {
    static_assert(std::is_lvalue_reference_v<F> || std::is_trivially_destructible_v<F>,
                  "name the lambda first: const auto work = [...] {...}; co_await pool.run(work);");
    return admit(std::decay_t<F>(fn));
  }

 private:
  template <class F>
  auto admit(F fn) -> asio::awaitable<result<typename detail::unwrapped<std::invoke_result_t<F&>>::type>> {
    using T = typename detail::unwrapped<std::invoke_result_t<F&>>::type;
    if (pending_.fetch_add(1) >= waiting_max_) {
      --pending_;
      co_return error{errc::unavailable, "all workers are busy; try again in a moment", {}, 1};
    }
    auto outcome = co_await start<T>(std::move(fn));
    if (outcome.thrown)
      std::rethrow_exception(outcome.thrown);
    co_return std::move(*outcome.value);
  }

  template <class T>
  struct outcome_of {
    std::optional<result<T>> value;
    std::exception_ptr thrown;
  };

  template <class T, class F>
  static outcome_of<T> call(F& fn) {
    outcome_of<T> out;
    try {
      if constexpr (std::is_void_v<std::invoke_result_t<F&>>) {
        fn();
        out.value.emplace(boost::system::in_place_value);
      } else {
        out.value.emplace(fn());
      }
    } catch (...) {
      out.thrown = std::current_exception();
    }
    return out;
  }

  template <class T, class F>
  asio::awaitable<outcome_of<T>> start(F fn) {
    return asio::async_initiate<const asio::use_awaitable_t<>, void(outcome_of<T>)>(
        [this](auto handler, F work) {
          auto executor = asio::get_associated_executor(handler);
          asio::post(pool_, [this, executor, handler = std::move(handler), work = std::move(work)]() mutable {
            auto outcome = call<T>(work);
            --pending_;
            asio::post(executor, [handler = std::move(handler), outcome = std::move(outcome)]() mutable {
              std::move(handler)(std::move(outcome));
            });
          });
        },
        asio::use_awaitable, std::move(fn));
  }

  asio::thread_pool pool_;
  std::size_t waiting_max_;
  std::atomic<std::size_t> pending_ = 0;
};

} // namespace pricing::net
