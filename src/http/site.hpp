#pragma once
// What the threads of one process share; used by server.cpp only.
#include "http/metrics.hpp"
#include "http/server.hpp"
#include "http/static_files.hpp"
#include "net/tls.hpp"

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

namespace pricing::http {

struct site::state {
  state(config c, prometheus::Registry& registry, probes p);

  // Path of a file for a streamed body; the name is unique in the process.
  std::string temp_file_name();
  std::shared_ptr<const std::string> openapi(const router& r);
  // Security headers, ready to send: of pages, and of everything else.
  const std::string page_headers;
  const std::string data_headers;

  const config settings;
  const probes checks;
  http::metrics measured;
  static_files files;
  std::atomic<bool> started = false;
  std::atomic<bool> stopping = false;
  std::atomic<unsigned> connections = 0;
  std::mutex port_mutex;
  int port = 0, tls_port = 0;                  // once bound
  const std::unique_ptr<net::tls_context> tls; // with settings.tls_certificate_file

 private:
  std::mutex openapi_mutex_;
  std::shared_ptr<const std::string> openapi_;
  std::atomic<unsigned> temp_files_ = 0;
};

} // namespace pricing::http
