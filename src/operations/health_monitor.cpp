#include "operations/health_monitor.hpp"

#include "core/clock.hpp"
#include "wire/json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace pricing::operations {
namespace {

constexpr int latency_samples = 5;
constexpr double latency_warn_ms = 200, latency_fail_ms = 1'000;
constexpr double certificate_warn_days = 30, certificate_fail_days = 7;

struct component {
  std::string name, status, message;
  std::optional<double> duration_ms;
};
BOOST_DESCRIBE_STRUCT(component, (), (name, status, message, duration_ms))

struct components_page {
  std::string status, version;
  std::vector<component> components;
};
BOOST_DESCRIBE_STRUCT(components_page, (), (status, version, components))

// The page of a live or ready probe; the message says why it is not ready.
struct probe_page {
  std::string status;
  std::optional<std::string> message;
};
BOOST_DESCRIBE_STRUCT(probe_page, (), (status, message))

class monitor {
 public:
  monitor(const health_options& o, const probe_function& ask) : options_(o), ask_(ask) {
    while (options_.url.ends_with('/'))
      options_.url.pop_back();
  }

  std::vector<health_check> run() {
    const auto live = probe_check("live", "alive");
    // A server that cannot be reached is not asked eight times more: each would wait as long.
    reachable_ = live.failure.empty();
    unreachable_ = live.failure;
    probe_check("ready", "ready");
    components();
    certificates(live);
    latency();
    version();
    return std::move(checks_);
  }

 private:
  probe_answer get(const std::string& path) {
    if (!reachable_) {
      probe_answer none;
      none.failure = unreachable_;
      return none;
    }
    return ask_(
        {.url = options_.url + path, .timeout = std::chrono::seconds(options_.timeout_s), .ca_file = options_.ca_file});
  }

  void add(std::string name, std::string status, std::string message, std::optional<double> value = {},
           std::string unit = {}) {
    checks_.push_back({std::move(name), std::move(status), std::move(message), value, std::move(unit)});
  }

  // What is wrong with an answer that should be a page of ours with this status.
  static std::string wrong(const probe_answer& a, std::string_view wanted) {
    if (!a.failure.empty())
      return a.failure;
    const auto page = wire::decode_json<probe_page>(a.body);
    if (!page)
      return fmt::format("HTTP {} and not the answer of a health page", a.status);
    if (a.status != 200 || page->status != wanted)
      return fmt::format("HTTP {}: {}{}{}", a.status, page->status, page->message ? ": " : "",
                         page->message.value_or(""));
    return {};
  }

  probe_answer probe_check(const std::string& name, std::string_view wanted) {
    auto a = get("/health/" + name);
    const auto why = wrong(a, wanted);
    add(name, why.empty() ? "pass" : "fail", why, a.duration_ms, "ms");
    return a;
  }

  void components() {
    const auto a = get("/health/components");
    const auto page = a.failure.empty() ? wire::decode_json<components_page>(a.body) : result<components_page>(error{});
    if (page)
      version_ = page->version;
    for (const std::string name : {"database", "cache", "queue", "ml"}) {
      if (!page) {
        add(name, "fail",
            a.failure.empty() ? fmt::format("HTTP {} and not the page of components", a.status) : a.failure);
        continue;
      }
      const auto found =
          std::find_if(page->components.begin(), page->components.end(), [&](const auto& c) { return c.name == name; });
      if (found == page->components.end())
        add(name, "fail", "the server does not tell");
      else
        add(name, found->status == "healthy" ? "pass" : "fail", found->message, found->duration_ms, "ms");
    }
  }

  void certificates(const probe_answer& live) {
    const auto& url = live.final_url.empty() ? options_.url : live.final_url;
    if (!url.starts_with("https://")) {
      const bool here =
          url.starts_with("http://127.") || url.starts_with("http://localhost") || url.starts_with("http://[::1]");
      return add("certificates", here ? "skip" : "warn", "served without TLS");
    }
    if (!live.certificate_expires)
      return add("certificates", "fail", live.failure.empty() ? "no certificate was shown" : live.failure);
    const std::chrono::duration<double, std::ratio<86'400>> left =
        *live.certificate_expires - std::chrono::system_clock::now();
    const auto status = left.count() < certificate_fail_days   ? "fail"
                        : left.count() < certificate_warn_days ? "warn"
                                                               : "pass";
    add("certificates", live.failure.empty() ? status : "fail",
        live.failure.empty() ? "expires " + to_string(std::chrono::floor<std::chrono::days>(*live.certificate_expires))
                             : live.failure,
        left.count(), "days");
  }

  void latency() {
    std::array<double, latency_samples> took{};
    for (auto& one : took) {
      const auto a = get("/health/live");
      if (!a.failure.empty())
        return add("latency", "fail", a.failure);
      one = a.duration_ms;
    }
    std::sort(took.begin(), took.end());
    const double median = took[latency_samples / 2];
    const auto status = median > latency_fail_ms ? "fail" : median > latency_warn_ms ? "warn" : "pass";
    add("latency", status, fmt::format("median of {} answers", latency_samples), median, "ms");
  }

  void version() {
    if (version_.empty())
      return add("version", "fail", unreachable_.empty() ? "the server does not name its version" : unreachable_);
    add("version", "pass", version_);
  }

  health_options options_;
  const probe_function& ask_;
  std::vector<health_check> checks_;
  bool reachable_ = true;
  std::string unreachable_, version_;
};

} // namespace

health_report check_health(const health_options& options, const probe_function& ask) {
  const auto begin = std::chrono::steady_clock::now();
  health_report out{.environment = options.environment, .url = options.url};
  out.checked_at = to_string(system_clock().now());
  out.checks = monitor(options, ask).run();
  out.verdict = verdict_of(out.checks);
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
  out.duration_ms = took.count();
  return out;
}

} // namespace pricing::operations
