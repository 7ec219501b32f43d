#pragma once
// A task as a typed constant: a described struct in, one out. Callable from C++ without strings, and from any Celery
// client by name: keyword arguments are the members of In, positional arguments the members in their order.
//
//   struct sum_in { int x; int y; };                  BOOST_DESCRIBE_STRUCT(sum_in, (), (x, y))
//   inline constexpr celery::task<sum_in, int> add{"pricing.add", {.queue = "default", .max_retries = 3}};
//   producer.send(add, {1, 2});   table.cpu(add, [](const sum_in& in, task_context&) -> result<int> {…});
#include "celery/signature.hpp"
#include "celery/task_result.hpp"
#include "wire/json.hpp"

#include <boost/asio/awaitable.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <string_view>

namespace pricing::celery {

namespace asio = boost::asio;

struct task_options {
  std::string_view queue = "celery";
  int priority = 0; // 0 is consumed first, as in Celery over Redis
  int max_retries = 3;
  // Pause before a retry: backoff * 2^retries seconds, at most backoff_max, with full jitter.
  int retry_backoff_s = 1;
  int retry_backoff_max_s = 600;
  // 0: none. A message's own limits take precedence. See task_context for what they do.
  double soft_limit_s = 0;
  double hard_limit_s = 0;
  std::string_view rate_limit{}; // "10/s", "10/m", "10/h" per worker
  bool acks_late = true;         // acknowledged with the result; false: when it starts, so at most once
  bool track_started = false;    // stores STARTED
  bool ignore_result = false;
};

template <class In, class Out>
struct task {
  std::string_view name;
  task_options options{};

  // With these arguments, for chain, group and chord.
  signature s(const In& in) const {
    signature out{.task = std::string(name), .kwargs = wire::to_value(in).get_object()};
    out.options["queue"] = options.queue;
    if (options.priority != 0)
      out.options["priority"] = options.priority;
    return out;
  }
  // Without, for a step that takes its argument from the one before.
  signature s() const {
    signature out{.task = std::string(name)};
    out.options["queue"] = options.queue;
    return out;
  }
};

// Arguments of a task that takes none; result of one that gives none.
struct nothing {};
BOOST_DESCRIBE_STRUCT(nothing, (), ())

// What a running task knows and may ask for. Used by its handler only, on whichever thread that runs.
//
// Soft limit: past_soft_limit() turns true; an I/O handler is cancelled (operation_aborted at its next await).
// Hard limit: FAILURE TimeLimitExceeded is stored and cancelled() turns true. A thread cannot be killed: a CPU handler
// that goes on keeps its slot, and after a grace time the process ends so that its supervisor starts a new one.
class task_context {
 public:
  explicit task_context(const message& m) : message_(m) {}

  std::string_view id() const { return message_.id; }
  const celery::message& request() const { return message_; }
  int retries() const { return message_.retries; }
  bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }
  // Cancelled because somebody revoked the task.
  bool revoked() const { return revoked_.load(std::memory_order_relaxed); }
  bool past_soft_limit() const {
    return soft_.time_since_epoch().count() != 0 && std::chrono::steady_clock::now() >= soft_;
  }
  std::chrono::steady_clock::time_point soft_deadline() const { return soft_; } // zero: none

  // Stored under the state PROGRESS for whoever looks; at most a few a second are written.
  void progress(const json::value& v) {
    if (on_progress_)
      on_progress_(v);
  }
  // Goes out together with the result, or not at all.
  void send(signature s) { children_.push_back(std::move(s)); }
  // Return what this gives: the task is tried again in so many seconds, while retries are left.
  error retry_in(double seconds, error why) {
    retry_in_s_ = seconds;
    return why;
  }
  // Return what this gives: the message is acknowledged and nothing else happens, as if it had not come.
  error ignore(error why) {
    ignored_ = true;
    return why;
  }
  // Fails with an exception of this name and module instead of the one that the error stands for.
  error raise(exception_info e) {
    error out{errc::internal, repr(e)};
    exception_ = std::move(e);
    return out;
  }

 private:
  friend class job_access;
  const celery::message& message_;
  std::atomic<bool> cancelled_ = false, revoked_ = false;
  std::chrono::steady_clock::time_point soft_{};
  std::vector<signature> children_;
  std::optional<double> retry_in_s_;
  bool ignored_ = false;
  std::optional<exception_info> exception_;
  std::function<void(const json::value&)> on_progress_;
};

// Result as JSON text, or why not.
using handler_result = result<std::string>;
using cpu_handler = std::function<handler_result(const message&, task_context&)>;
using io_handler = std::function<asio::awaitable<handler_result>(const message&, task_context&)>;

// Arguments of a message as In; invalid_input names every wrong one.
template <class In>
result<In> decode_arguments(const json::array& args, const json::object& kwargs) {
  constexpr auto members = boost::mp11::mp_size<wire::members_of<In>>::value;
  wire::decode_options strict;
  strict.reject_unknown = true;
  if (args.empty()) {
    // The usual case, read in place without making one value of both.
    wire::decoder d(strict);
    In out{};
    const wire::json_path root{};
    std::size_t met = 0;
    boost::mp11::mp_for_each<wire::members_of<In>>([&](auto m) {
      using M = std::remove_cvref_t<decltype(out.*m.pointer)>;
      const auto name = wire::wire_name(m.name);
      const wire::json_path here{&root, name};
      if (const auto* v = kwargs.if_contains(name))
        ++met, wire::decode_into(d, here, *v, out.*m.pointer);
      else if constexpr (!wire::may_be_absent<M>)
        d.fail(here, "is required");
    });
    if (met < kwargs.size())
      for (const auto& argument : kwargs) {
        const std::string_view name = argument.key();
        bool known = false;
        boost::mp11::mp_for_each<wire::members_of<In>>(
            [&](auto m) { known = known || wire::wire_name(m.name) == name; });
        if (!known)
          d.fail(wire::json_path{&root, name}, "is no argument of this task");
      }
    if (d.failed())
      return d.take_error();
    return out;
  }
  if (args.size() > members)
    return invalid_input("the task takes " + std::to_string(members) + " arguments, not " +
                         std::to_string(args.size()));
  json::object all = kwargs;
  std::size_t i = 0;
  std::string twice;
  boost::mp11::mp_for_each<wire::members_of<In>>([&](auto m) {
    if (i < args.size() && !all.emplace(wire::wire_name(m.name), args[i]).second)
      twice = wire::wire_name(m.name);
    ++i;
  });
  if (!twice.empty())
    return invalid_input("the argument " + twice + " is given twice", {{twice, "is given twice"}});
  return wire::decode<In>(json::value(std::move(all)), strict);
}

template <class Out>
handler_result encode_result(result<Out> r) {
  if (!r)
    return r.error();
  if constexpr (std::is_void_v<Out>)
    return std::string("null");
  else
    return wire::encode(*r);
}

} // namespace pricing::celery
