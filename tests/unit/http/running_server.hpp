#pragma once
// A real server on a free port and raw sockets to talk to it, for the tests of this folder.
#include "http/server.hpp"

#include <arpa/inet.h>
#include <future>
#include <memory>
#include <netinet/in.h>
#include <poll.h>
#include <prometheus/registry.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace pricing::http::test {

class running_server {
 public:
  using make_routes = std::function<std::vector<route>(net::io_thread&)>;
  running_server(config c, make_routes routes, hooks h = {}, probes p = {}) {
    c.port = 0;
    c.access_log = false;
    std::promise<int> port;
    auto ready = port.get_future();
    thread_ = std::thread([this, c, routes, h, p, &port]() mutable {
      site s(c, registry_, p);
      io_ = std::make_unique<net::io_thread>(0);
      server one(*io_, s, router::create(routes(*io_), h).value());
      port.set_value(one.port());
      io_->run();
    });
    port_ = ready.get();
  }
  ~running_server() { stop(); }
  int port() const { return port_; }
  void request_stop() { io_->request_stop(); }
  void stop() {
    if (!thread_.joinable())
      return;
    io_->request_stop();
    thread_.join();
  }

 private:
  prometheus::Registry registry_;
  std::unique_ptr<net::io_thread> io_;
  std::thread thread_;
  int port_ = 0;
};

struct answer_text {
  int status = 0;
  std::string head; // with the status line
  std::string body;
  // Value of a header, "" when absent.
  std::string header(std::string_view name) const {
    const auto at = head.find("\r\n" + std::string(name) + ": ");
    if (at == std::string::npos)
      return {};
    const auto from = at + name.size() + 4;
    return head.substr(from, head.find("\r\n", from) - from);
  }
};

class raw_socket {
 public:
  explicit raw_socket(int port) : descriptor_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(descriptor_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
      throw std::runtime_error("cannot connect");
  }
  ~raw_socket() { ::close(descriptor_); }
  raw_socket(const raw_socket&) = delete;
  raw_socket& operator=(const raw_socket&) = delete;

  bool send(std::string_view text) {
    while (!text.empty()) {
      const auto n = ::send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL);
      if (n <= 0)
        return false;
      text.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
  // The next response; status 0 when the peer closed or nothing came within the time.
  answer_text receive(bool has_body = true, int timeout_ms = 5000) {
    answer_text out;
    std::size_t end = 0;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos)
      if (!fill(timeout_ms))
        return out;
    out.head = buffer_.substr(0, end + 2);
    buffer_.erase(0, end + 4);
    out.status = std::stoi(out.head.substr(9, 3));
    const auto length = out.header("Content-Length");
    if (!has_body || length.empty())
      return out;
    while (buffer_.size() < std::stoul(length))
      if (!fill(timeout_ms))
        break;
    out.body = buffer_.substr(0, std::stoul(length));
    buffer_.erase(0, std::stoul(length));
    return out;
  }
  answer_text ask(std::string_view text, bool has_body = true) {
    send(text);
    return receive(has_body);
  }
  // True when the peer has closed (or reset) within the time.
  bool is_closed(int timeout_ms = 5000) {
    while (fill(timeout_ms)) {
    }
    return closed_;
  }

 private:
  bool fill(int timeout_ms) {
    pollfd p{descriptor_, POLLIN, 0};
    if (::poll(&p, 1, timeout_ms) <= 0)
      return false;
    char piece[65536];
    const auto n = ::recv(descriptor_, piece, sizeof piece, 0);
    if (n <= 0) {
      closed_ = true;
      return false;
    }
    buffer_.append(piece, static_cast<std::size_t>(n));
    return true;
  }

  int descriptor_;
  bool closed_ = false;
  std::string buffer_;
};

inline std::string get(std::string_view target, std::string_view headers = "") {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: x\r\n" + std::string(headers) + "\r\n";
}

inline std::string post(std::string_view target, std::string_view body,
                        std::string_view headers = "Content-Type: application/json\r\n") {
  return "POST " + std::string(target) + " HTTP/1.1\r\nHost: x\r\n" + std::string(headers) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

} // namespace pricing::http::test
