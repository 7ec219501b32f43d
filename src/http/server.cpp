#include "http/server.hpp"

#include "core/log.hpp"
#include "http/problem.hpp"
#include "http/session.hpp"
#include "http/text.hpp"
#include "wire/json.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/serialize.hpp>
#include <prometheus/counter.h>
#include <sys/socket.h>
#include <unistd.h>

namespace pricing::http {
namespace {

using error_code = boost::system::error_code;
using namespace std::chrono_literals;
constexpr auto as_tuple = asio::as_tuple(asio::use_awaitable);
constexpr auto sweep_every = 100ms;
// A request that follows its connection at once: a connection taken at the very end is not closed as idle before it.
constexpr auto last_arrivals = 20ms;
// Anybody may ask; the dependencies hear of it this often at most.
constexpr auto components_every = 1s;
// Up to here the kernel writes a line to a pipe in one piece, so threads do not mix their lines.
constexpr std::size_t log_flush_bytes = 3500;

response health(bool good, std::string_view status, std::string_view why = {}) {
  std::string body = "{\"status\":";
  wire::detail::write_string(body, status);
  if (!why.empty()) {
    body += ",\"message\":";
    wire::detail::write_string(body, why);
  }
  auto out = response::json(body + '}', good ? 200 : 503);
  out.etag_from_content = false;
  out.set("Cache-Control", "no-store");
  return out;
}

struct component_answer {
  std::string name, status, message;
  double duration_ms = 0;
};
BOOST_DESCRIBE_STRUCT(component_answer, (), (name, status, message, duration_ms))

struct components_answer {
  std::string status, service, version;
  std::vector<component_answer> components;
};
BOOST_DESCRIBE_STRUCT(components_answer, (), (status, service, version, components))

} // namespace

server::state::state(net::io_thread& t, site::state& s, router r)
    : thread(t),
      shared(s),
      routes(std::move(r)),
      plain{tcp_acceptor(t.io().get_executor()), false},
      encrypted{tcp_acceptor(t.io().get_executor()), true},
      sweep_timer(t.io()) {
  for (const auto& one : routes.routes())
    route_series.push_back({std::string(to_string(one.verb)), one.path, {}, nullptr});
}

void server::state::listen() {
  const std::lock_guard lock(shared.port_mutex);
  listen(plain, shared.settings.port, shared.port);
  if (shared.tls)
    listen(encrypted, shared.settings.tls_port, shared.tls_port);
}

// With SO_REUSEPORT two processes of one user would share a port unnoticed; a plain bind beforehand finds the other.
void server::state::listen(listener& at, int configured, int& bound) const {
  using reuse_port = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;
  const auto& settings = shared.settings;
  auto& acceptor = at.acceptor;
  const bool first = bound == 0;
  const auto port = static_cast<std::uint16_t>(first ? configured : bound);
  error_code not_an_address;
  const tcp::endpoint endpoint(asio::ip::make_address(settings.address, not_an_address), port);
  if (not_an_address)
    throw std::runtime_error("http.address '" + settings.address + "' is not an IP address; write 0.0.0.0 for all");
  if (first && port != 0) {
    tcp_acceptor probe(thread.io().get_executor());
    probe.open(endpoint.protocol());
    probe.set_option(tcp_acceptor::reuse_address(true));
    probe.bind(endpoint);
    probe.listen();
  }
  acceptor.open(endpoint.protocol());
  acceptor.set_option(tcp_acceptor::reuse_address(true));
  acceptor.set_option(reuse_port(true));
  acceptor.bind(endpoint);
  acceptor.listen(1024);
  bound = acceptor.local_endpoint().port();
  if (first)
    log::info("listening", {{"address", settings.address.c_str()}, {"port", bound}, {"tls", at.encrypted}});
}

asio::awaitable<void> server::state::accept(listener& at) {
  const auto self = shared_from_this();
  while (at.acceptor.is_open()) {
    auto [ec, socket] = co_await at.acceptor.async_accept(as_tuple);
    if (!ec)
      take(std::move(socket), at.encrypted);
    else if (at.acceptor.is_open()) // out of descriptors, most likely: let some go first
      co_await net::sleep_for(50ms);
  }
}

void server::state::take(tcp_socket socket, bool is_encrypted) {
  error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  if (++shared.connections > shared.settings.connections_max) {
    --shared.connections;
    shared.measured.refused_connections().Increment();
    static constexpr std::string_view full = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n"
                                             "Content-Length: 0\r\nConnection: close\r\n\r\n";
    socket.non_blocking(true, ignored);
    if (!is_encrypted)
      socket.write_some(asio::buffer(full), ignored);
    socket.shutdown(tcp::socket::shutdown_both, ignored);
    return;
  }
  auto one = std::make_shared<session>(shared_from_this(), std::move(socket), is_encrypted);
  asio::co_spawn(thread.io(), one->run(), [](std::exception_ptr e) {
    if (!e)
      return;
    try {
      std::rethrow_exception(e);
    } catch (const std::exception& x) {
      log::error("a connection failed", {{"error", x.what()}});
    }
  });
}

asio::awaitable<void> server::state::sweep() {
  const auto self = shared_from_this();
  for (;;) {
    sweep_timer.expires_after(sweep_every);
    auto [ec] = co_await sweep_timer.async_wait(as_tuple);
    if (ec)
      co_return;
    const auto now = steady::now();
    for (auto at = sessions.begin(); at != sessions.end();)
      (*at++)->tick(now);
    flush_log();
  }
}

// What the kernel has accepted for us would be reset with the listening socket, its requests unanswered.
void server::state::take_pending(listener& at) {
  error_code ec;
  at.acceptor.non_blocking(true, ec);
  while (!ec) {
    tcp_socket socket(thread.io().get_executor());
    at.acceptor.accept(socket, ec);
    if (!ec)
      take(std::move(socket), at.encrypted);
  }
  at.acceptor.close(ec);
}

asio::awaitable<void> server::state::stop() {
  const auto self = shared_from_this();
  shared.stopping = true;
  if (shared.settings.shutdown_delay_s > 0)
    co_await net::sleep_for(std::chrono::seconds(shared.settings.shutdown_delay_s));
  take_pending(plain);
  if (encrypted.acceptor.is_open())
    take_pending(encrypted);
  co_await net::sleep_for(last_arrivals);
  closing = true;
  for (auto* one : sessions) {
    if (one->is_idle() && !one->has_received())
      one->close();
    one->hurry();
  }
  const auto until = steady::now() + std::chrono::seconds(shared.settings.drain_timeout_s);
  while (!sessions.empty() && steady::now() < until)
    co_await net::sleep_for(10ms);
  if (!sessions.empty())
    log::warning("requests were still running at the end of the drain", {{"connections", sessions.size()}});
  for (auto* one : sessions)
    one->close();
  sweep_timer.cancel();
  flush_log();
}

asio::awaitable<response> server::state::ready(const request&) {
  if (shared.stopping)
    co_return health(false, "stopping");
  if (!shared.started)
    co_return health(false, "starting");
  if (!shared.checks.ready)
    co_return health(true, "ready");
  std::string why;
  try {
    const auto good = co_await shared.checks.ready();
    if (good)
      co_return health(true, "ready");
    why = good.error().message;
  } catch (const std::exception& e) {
    why = e.what();
  }
  co_return health(false, "not ready", why);
}

asio::awaitable<response> server::state::components() {
  // One question at a time for each thread; whoever asks meanwhile gets the answer before.
  if (!asking_components && steady::now() - components_at >= components_every && shared.checks.components) {
    asking_components = true;
    try {
      last_components = co_await shared.checks.components();
    } catch (const std::exception& e) {
      last_components = {{.name = "components", .healthy = false, .message = e.what()}};
    }
    components_at = steady::now();
    asking_components = false;
  }
  bool healthy =
      !shared.stopping && shared.started && (!shared.checks.components || components_at != steady::time_point{});
  for (const auto& c : last_components)
    healthy = healthy && c.healthy;
  components_answer out{healthy ? "healthy" : "unhealthy", shared.settings.service, shared.settings.version, {}};
  for (const auto& c : last_components)
    out.components.push_back({c.name, c.healthy ? "healthy" : "unhealthy", c.message, c.duration_ms});
  auto answer = response::json(wire::encode(out), healthy ? 200 : 503);
  answer.etag_from_content = false;
  answer.set("Cache-Control", "no-store");
  co_return answer;
}

asio::awaitable<response> server::state::built_in(request& r, const router::match& m, metrics::series*& measured) {
  const auto as = [&](const char* name) { measured = &series_of(std::string(to_string(r.verb)), name); };
  const bool is_read = r.verb == method::get || r.verb == method::head;
  if (m.what == router::outcome::wrong_method) {
    as("wrong_method");
    auto out = problem(405, "method_not_allowed", "allowed here: " + m.allow, r.request_id);
    out.set("Allow", m.allow);
    co_return out;
  }
  if (is_read && r.path.starts_with("/health/")) {
    as(r.path == "/health/ready" ? "/health/ready" : "/health");
    if (r.path == "/health/live")
      co_return health(true, "alive");
    if (r.path == "/health/ready")
      co_return co_await ready(r);
    if (r.path == "/health/components")
      co_return co_await components();
    if (r.path == "/health/startup")
      co_return health(shared.started, shared.started ? "started" : "starting");
  }
  if (is_read && r.path == "/metrics") {
    as("/metrics");
    if (shared.tls)
      shared.measured.set_certificate_end(shared.tls->expires_at());
    auto out = response::text(shared.measured.scrape());
    out.content_type = "text/plain; version=0.0.4; charset=utf-8";
    out.etag_from_content = false;
    co_return out;
  }
  if (is_read && r.path == "/api/v1/openapi.json") {
    as("/api/v1/openapi.json");
    auto out = response::json({});
    out.shared_body = shared.openapi(routes);
    co_return out;
  }
  as("static");
  co_return static_answer(r);
}

response server::state::static_answer(const request& r) {
  const bool is_read = r.verb == method::get || r.verb == method::head;
  const bool is_docs = r.path == "/api/docs" || r.path.starts_with("/api/docs/");
  const bool is_api = r.path == "/api" || r.path.starts_with("/api/") || r.path.starts_with("/health/");
  if (r.path == "/api/docs" && is_read) {
    response out = response::empty(308);
    out.set("Location", "/api/docs/");
    return out;
  }
  if (!is_api || is_docs) {
    const bool packed = accepts(r.header("Accept-Encoding"), "gzip");
    std::string path = is_docs ? "/api-docs" + r.path.substr(9) : r.path;
    if (path.ends_with('/'))
      path += "index.html";
    if (auto found = shared.files.find(path, packed)) {
      if (is_read)
        return std::move(*found);
      auto out = problem(405, "method_not_allowed", "allowed here: GET, HEAD", r.request_id);
      out.set("Allow", "GET, HEAD");
      return out;
    }
  }
  return problem(not_found("there is nothing at " + r.path), r.request_id);
}

metrics::series& server::state::series_of(const std::string& method, const std::string& name) {
  const auto key = method + ' ' + name;
  const auto found = other_series.find(key);
  return found != other_series.end()
             ? found->second
             : other_series.emplace(key, metrics::series{method, name, {}, nullptr}).first->second;
}

void server::state::log_access(const request& r, const std::string& route, const principal& caller, int status,
                               std::size_t bytes, std::chrono::nanoseconds took) {
  // Probes come every few seconds and say nothing while they succeed.
  if (status < 400 && (route.starts_with("/health") || route == "/metrics"))
    return;
  using namespace wire::detail;
  auto& out = log_text;
  out += "{\"time\":\"";
  out += pricing::to_string(pricing::system_clock{}.now());
  out += "\",\"level\":\"info\",\"service\":";
  write_string(out, shared.settings.service);
  out += ",\"message\":\"request\",\"request_id\":";
  write_string(out, r.request_id);
  out += ",\"method\":\"";
  out += to_string(r.verb);
  out += "\",\"path\":";
  write_string(out, std::string_view(r.path).substr(0, 500));
  out += ",\"route\":";
  write_string(out, route);
  out += ",\"status\":";
  write_int(out, status);
  out += ",\"duration_ms\":";
  write_double(out, static_cast<double>(std::chrono::duration_cast<std::chrono::microseconds>(took).count()) / 1000.0);
  out += ",\"bytes\":";
  write_uint(out, bytes);
  out += ",\"address\":";
  write_string(out, r.remote_address);
  if (caller.organization) {
    out += ",\"organization\":";
    write_int(out, caller.organization.value);
    out += ",\"user\":";
    write_int(out, caller.user.value);
  }
  if (!r.traceparent.empty()) {
    out += ",\"trace_id\":";
    write_string(out, std::string_view(r.traceparent).substr(3, 32));
  }
  out += "}\n";
  if (out.size() > log_flush_bytes)
    flush_log();
}

void server::state::flush_log() {
  if (log_text.empty())
    return;
  // Nothing can be done about a log that cannot be written.
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, log_text.data(), log_text.size());
  log_text.clear();
}

const std::string& server::state::date() {
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  if (now != date_at) {
    date_at = now;
    date_text = http_date(now);
  }
  return date_text;
}

server::server(net::io_thread& thread, site& s, router r)
    : state_(std::make_shared<state>(thread, s.get(), std::move(r))) {
  state_->listen();
  asio::co_spawn(thread.io(), state_->accept(state_->plain), asio::detached);
  if (s.get().tls)
    asio::co_spawn(thread.io(), state_->accept(state_->encrypted), asio::detached);
  asio::co_spawn(thread.io(), state_->sweep(), asio::detached);
  thread.on_stop([kept = state_]() -> asio::awaitable<void> { return kept->stop(); });
  s.set_started();
}

server::~server() = default;

int server::port() const {
  return state_->shared.port;
}

int server::tls_port() const {
  return state_->shared.tls_port;
}

asio::awaitable<void> server::stop() {
  return state_->stop();
}

} // namespace pricing::http
