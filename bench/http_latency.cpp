// Latency at a fixed rate of requests over many open connections, an open loop: a slow answer delays no later request,
// and each latency counts from the moment its request was due, so waiting in line is part of it.
//
//   http_latency PORT CONNECTIONS RATE SECONDS REQUEST
//
//   REQUEST    file, one whole HTTP/1.1 request; the answers must be 200 and carry Content-Length
//
// One thread, which sleeps until the next request is due. The connections are opened before, at most 5,000 a second,
// and each is used once; then two seconds at the rate are not counted. Prints the rate and the latencies in ms; 1 when
// an answer was wrong.
#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fcntl.h>
#include <fstream>
#include <iostream>
#include <netinet/tcp.h>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace {

using steady = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto opening = 200us; // each connection
constexpr auto settling = 2s;
constexpr auto patience = 10s;

struct connection {
  int descriptor = -1;
  steady::time_point due;
  std::string received; // of the answer that is under way
};

class load {
 public:
  load(std::uint16_t port, std::size_t connections, std::string request)
      : port_(port), request_(std::move(request)), connections_(connections) {}

  void open() {
    const auto begin = steady::now();
    for (std::size_t i = 0; i < connections_.size(); ++i) {
      const auto due = begin + i * opening;
      while (steady::now() < due) {
        receive_until(due);
      }
      connect(i);
      send(i, steady::now());
    }
    drain();
    latencies_ms_.clear();
  }

  // Requests at the rate for so long, counted from when they were due.
  void run(double rate, std::chrono::duration<double> length) {
    const auto begin = steady::now();
    const auto count = static_cast<std::size_t>(rate * length.count());
    for (std::size_t sent = 0; sent < count;) {
      const auto due = begin + std::chrono::duration_cast<steady::duration>(
                                   std::chrono::duration<double>(static_cast<double>(sent) / rate));
      if (steady::now() < due || idle_.empty()) {
        receive_until(idle_.empty() ? steady::now() + 1s : due);
        continue;
      }
      const auto i = idle_.front();
      idle_.pop_front();
      send(i, due);
      ++sent;
    }
    drain();
    took_ = steady::now() - begin;
  }
  void forget() { latencies_ms_.clear(); }

  void print() {
    std::sort(latencies_ms_.begin(), latencies_ms_.end());
    const auto at = [&](double share) {
      return latencies_ms_[static_cast<std::size_t>(share * static_cast<double>(latencies_ms_.size() - 1))];
    };
    std::printf("%.0f requests/s over %zu connections: p50 %.3f, p99 %.3f, p99.9 %.3f, longest %.3f ms\n",
                static_cast<double>(latencies_ms_.size()) / took_.count(), connections_.size(), at(0.5), at(0.99),
                at(0.999), latencies_ms_.back());
  }

 private:
  void connect(std::size_t i) {
    const int d = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port_);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (d < 0 || ::connect(d, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
      throw std::runtime_error("cannot connect: " + std::string(std::strerror(errno)));
    }
    const int on = 1;
    setsockopt(d, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(d, F_SETFL, O_NONBLOCK);
    epoll_event wanted{EPOLLIN | EPOLLET, {.u64 = i}};
    epoll_ctl(epoll_, EPOLL_CTL_ADD, d, &wanted);
    connections_[i].descriptor = d;
  }

  void send(std::size_t i, steady::time_point due) {
    connections_[i].due = due;
    const auto n = ::send(connections_[i].descriptor, request_.data(), request_.size(), MSG_NOSIGNAL);
    if (n != static_cast<ssize_t>(request_.size())) {
      throw std::runtime_error("a request could not be sent: " + std::string(std::strerror(errno)));
    }
    ++open_;
  }

  void receive_until(steady::time_point due) {
    epoll_event events[256];
    const auto left = std::max(steady::duration{}, due - steady::now());
    const auto whole = std::chrono::floor<std::chrono::seconds>(left);
    const timespec wait{whole.count(), std::chrono::nanoseconds(left - whole).count()};
    const int n = epoll_pwait2(epoll_, events, 256, &wait, nullptr);
    for (int e = 0; e < n; ++e) {
      receive(events[e].data.u64);
    }
  }

  void receive(std::uint64_t i) {
    auto& c = connections_[i];
    char buffer[16 * 1024];
    for (ssize_t n = sizeof buffer; n == static_cast<ssize_t>(sizeof buffer);) {
      n = recv(c.descriptor, buffer, sizeof buffer, 0);
      if (n == 0) {
        throw std::runtime_error("the server closed a connection");
      }
      c.received.append(buffer, static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    }
    if (!is_whole(c.received)) {
      return;
    }
    latencies_ms_.push_back(std::chrono::duration<double, std::milli>(steady::now() - c.due).count());
    c.received.clear();
    idle_.push_back(i);
    --open_;
  }

  static bool is_whole(std::string_view answer) {
    constexpr std::string_view length = "\r\nContent-Length: ";
    const auto head = answer.find("\r\n\r\n");
    if (head == std::string_view::npos) {
      return false;
    }
    const auto field = answer.find(length);
    std::size_t size = 0;
    if (!answer.starts_with("HTTP/1.1 200") || field > head ||
        std::from_chars(answer.data() + field + length.size(), answer.data() + head, size).ec != std::errc()) {
      throw std::runtime_error("the answer is not a 200 of known length: " + std::string(answer.substr(0, 200)));
    }
    return answer.size() >= head + 4 + size;
  }

  void drain() {
    const auto until = steady::now() + patience;
    while (open_ > 0) {
      receive_until(until);
      if (steady::now() > until) {
        throw std::runtime_error(std::to_string(open_) + " requests were not answered");
      }
    }
  }

  std::uint16_t port_;
  std::string request_;
  std::vector<connection> connections_;
  std::deque<std::size_t> idle_;
  std::size_t open_ = 0;
  std::vector<double> latencies_ms_;
  std::chrono::duration<double> took_{};
  int epoll_ = epoll_create1(EPOLL_CLOEXEC);
};

} // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    std::cerr << "http_latency PORT CONNECTIONS RATE SECONDS REQUEST\n";
    return 2;
  }
  prctl(PR_SET_TIMERSLACK, 1UL); // ns; by default a sleep may last 50 µs longer
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  try {
    std::ostringstream request;
    request << std::ifstream(argv[5], std::ios::binary).rdbuf();
    const double rate = std::atof(argv[3]);
    const double seconds = std::atof(argv[4]);
    const auto connections = static_cast<std::size_t>(std::atoll(argv[2]));
    if (request.str().empty() || !(rate >= 1 && seconds >= 1) || connections < 1) {
      throw std::runtime_error("CONNECTIONS, RATE and SECONDS must be at least 1 and REQUEST a file");
    }
    load l(static_cast<std::uint16_t>(std::atoi(argv[1])), connections, request.str());
    l.open();
    l.run(rate, settling);
    l.forget();
    l.run(rate, std::chrono::duration<double>(seconds));
    l.print();
    return 0;
  } catch (const std::exception& e) {
    std::cerr << "http_latency: " << e.what() << '\n';
    return 1;
  }
}
