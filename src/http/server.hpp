#pragma once
// HTTP/1.1 server: one `site` per process (limits, metrics, static files, health), one `server` per thread.
//
//   http::site site(config, registry, {.ready = [&]() -> asio::awaitable<result<void>> {...}});
//   net::run_threads(config.threads, [&](net::io_thread& thread) {
//     http::server server(thread, site, http::router::create(routes, hooks).value());
//     thread.run();
//   });
//
// Built in: /health/live, /health/ready, /health/startup, /health/components, /metrics, /api/v1/openapi.json, /api/docs
// and, for other GETs outside /api, the UI bundle with its fallback to index.html.
#include "http/router.hpp"
#include "net/runtime.hpp"

#include <boost/describe.hpp>
#include <functional>
#include <memory>
#include <string>

namespace prometheus {
class Registry;
}

namespace pricing::http {

struct config {
  std::string address = "127.0.0.1";
  int port = 8000; // 0: any free port
  unsigned threads = 1;
  std::uint64_t header_max = 16 * 1024; // bytes of request line and headers
  std::uint64_t body_max = 1024 * 1024;
  unsigned connections_max = 16'384; // of the process, or what its limit of open files leaves; above it: 503 and close
  int idle_timeout_s = 75;           // between requests
  int header_timeout_s = 10;         // from the first byte of a request to the end of its headers
  int body_timeout_s = 30;           // without a byte of a body, or of progress in writing a response
  int request_timeout_s = 30;        // deadline of a handler; then 504
  int drain_timeout_s = 20;          // for requests in flight at shutdown
  int shutdown_delay_s = 0;          // not ready, still serving: the time a load balancer needs to notice
  bool access_log = true;            // a line a request, at level info
  bool trust_forwarded_for = false;  // behind a proxy that sets X-Forwarded-For
  bool hsts = false;                 // behind TLS
  int tls_port = 0;                  // TLS is spoken here; the plain port then only answers probes. 0: none
  std::string tls_certificate_file;  // PEM, with its chain; read again when it changes
  std::string tls_key_file;
  std::string tls_client_ca_file;      // clients must show a certificate of this authority; empty: they need none
  std::string static_root;             // the UI bundle; none when empty
  std::string static_folder;           // only this folder of it, such as api-docs; all when empty
  std::string temp_folder;             // for streamed bodies; default: the system's
  std::string service = "pricing-web"; // in access log lines, as core/log names it
  std::string title = "Pricing Agent";
  std::string version = "0.1.0";
};
BOOST_DESCRIBE_STRUCT(config, (),
                      (address, port, threads, header_max, body_max, connections_max, idle_timeout_s, header_timeout_s,
                       body_timeout_s, request_timeout_s, drain_timeout_s, shutdown_delay_s, access_log,
                       trust_forwarded_for, hsts, tls_port, tls_certificate_file, tls_key_file, tls_client_ca_file,
                       static_root, static_folder, temp_folder, service, title, version))

// Something this process depends on, as it looked when it was asked.
struct component_health {
  std::string name; // "database"
  bool healthy = true;
  std::string message; // what is wrong, or a figure worth knowing
  double duration_ms = 0;
};

struct probes {
  // Can this process do its work now? An error makes /health/ready 503 and its message is shown.
  std::function<asio::awaitable<result<void>>()> ready;
  // Looks at each dependency; /health/components shows them, with 503 when one is not healthy. A probe that load
  // balancers ask must not fail because of a neighbour the process can do without; this one tells a person which it is.
  std::function<asio::awaitable<std::vector<component_health>>()> components;
};

// Shared by the threads; every member is safe to use from any of them.
class site {
 public:
  // Loads the static files; throws std::runtime_error when static_root cannot be read.
  site(config c, prometheus::Registry& registry, probes p = {});
  ~site();
  // /health/startup answers 503 until then. server's constructor calls it.
  void set_started();
  // /health/ready answers 503 from now on and answers ask their connections to close. server's stop calls it; a process
  // with something to wind down before the server stops calls it first.
  void set_stopping();

  struct state;
  state& get() { return *state_; }

 private:
  std::unique_ptr<state> state_;
};

class server {
 public:
  // Listens at once; throws boost::system::system_error when an address is taken. Stops with the thread: not ready and
  // still serving for shutdown_delay_s, each connection closing after its next answer; then no new connections, idle
  // ones close, and requests in flight end within drain_timeout_s.
  server(net::io_thread& thread, site& s, router r);
  ~server();
  int port() const;
  int tls_port() const; // 0: none
  asio::awaitable<void> stop();

  struct state;

 private:
  std::shared_ptr<state> state_;
};

} // namespace pricing::http
