// Many signed-in users on one machine: every user has a keep-alive connection and a session of its own; requests leave
// at a fixed rate whatever the answers take (an open loop: a slow answer delays no later request, and each latency
// counts from the moment its request was due, so waiting in line is part of it).
//
//   ten_thousand_users PORT SESSIONS REQUESTS RATE SECONDS [PID...]
//
//   SESSIONS   file, a line a user: session token, CSRF token
//   REQUESTS   file, a line a request, tabs between: kind, weight, method, path, content type, body. "{n}" in path and
//              body becomes a number that is used once, "\n" in a body a line break
//   PID...     whose resident memory is summed each second
//
// One process, one thread, epoll. Prints a line a kind; 1 when a limit is missed or anything failed. See
// ten_thousand_users.sh, which makes both files and gives the limits their meaning.
#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <netinet/tcp.h>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace {

using steady = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr double ramp_s = 10;
constexpr double p95_ms_max = 200;
constexpr std::uint64_t memory_mb_max = 500;

struct request_template {
  std::string kind;
  double weight = 0;
  std::string method, path, content_type, body;
};

struct user {
  std::string session, csrf;
  int descriptor = -1;
  bool busy = false;
  std::size_t kind = 0;
  steady::time_point due;
  std::string out; // what of the request is not sent yet
  std::string in;  // the head of the answer, until it is complete
  int status = 0;
  std::size_t body_left = 0;
  std::string body_start; // of an answer that is an error, to be shown
};

struct measured {
  std::string name;
  std::vector<float> latency_ms;
  std::uint64_t errors = 0;
};

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size())
    text.replace(at, what.size(), with);
  return text;
}

std::vector<request_template> read_requests(const char* file) {
  std::vector<request_template> out;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    std::vector<std::string> parts;
    std::stringstream fields(line);
    for (std::string one; std::getline(fields, one, '\t');)
      parts.push_back(one);
    if (parts.size() < 4)
      throw std::runtime_error("a request needs kind, weight, method and path: " + line);
    parts.resize(6);
    out.push_back({parts[0], std::stod(parts[1]), parts[2], parts[3], parts[4], replaced(parts[5], "\\n", "\n")});
  }
  if (out.empty())
    throw std::runtime_error(std::string(file) + " holds no request");
  return out;
}

std::vector<user> read_users(const char* file) {
  std::vector<user> out;
  std::ifstream in(file);
  for (user one; in >> one.session >> one.csrf;)
    out.push_back(one);
  if (out.empty())
    throw std::runtime_error(std::string(file) + " holds no session");
  return out;
}

// Resident kilobytes of the processes; one that ended counts nothing.
std::uint64_t resident_kb(const std::vector<std::string>& pids) {
  std::uint64_t sum = 0;
  for (const auto& pid : pids) {
    std::ifstream status("/proc/" + pid + "/status");
    for (std::string word; status >> word;)
      if (std::uint64_t kb = 0; word == "VmRSS:" && status >> kb)
        sum += kb;
  }
  return sum;
}

class crowd {
 public:
  crowd(int port, std::vector<user> users, std::vector<request_template> requests)
      : port_(port), users_(std::move(users)), requests_(std::move(requests)), poll_(epoll_create1(EPOLL_CLOEXEC)) {
    std::vector<double> weights;
    for (const auto& r : requests_) {
      weights.push_back(r.weight);
      const auto known = std::ranges::find(results_, r.kind, &measured::name);
      kind_of_.push_back(static_cast<std::size_t>(known - results_.begin()));
      if (known == results_.end())
        results_.push_back({r.kind, {}, 0});
    }
    warming_kind_ = results_.size();
    results_.push_back({"warming up", {}, 0});
    results_.push_back({"sign-in check", {}, 0});
    choice_ = std::discrete_distribution<std::size_t>(weights.begin(), weights.end());
  }

  // Everybody connects and is asked who he is, at most `together` at a time.
  void arrive(std::size_t together) {
    const request_template who{"", 1, "GET", "/api/v1/auth/me", "", ""};
    std::size_t next = 0;
    const auto until = steady::now() + 180s;
    while ((next < users_.size() || busy_ > 0) && steady::now() < until) {
      for (; next < users_.size() && busy_ < together; ++next)
        ask(users_[next], who, results_.size() - 1, steady::now());
      poll(10);
    }
    if (busy_ > 0 || next < users_.size())
      throw std::runtime_error("not everybody arrived in three minutes");
  }

  // RATE requests a second, each of the user whose turn it is, after `ramp_s` seconds in which the rate grows evenly: a
  // crowd does not come in one moment. What goes wrong then counts as an error, what it took is told apart.
  void work(double rate, double ramp_s, std::chrono::seconds duration, const std::vector<std::string>& pids) {
    const auto begin = steady::now();
    const auto warming = static_cast<std::uint64_t>(rate * ramp_s / 2);
    const auto due = [&](std::uint64_t n) {
      const double at = n < warming ? std::sqrt(2 * static_cast<double>(n) * ramp_s / rate)
                                    : ramp_s + static_cast<double>(n - warming) / rate;
      return begin + std::chrono::duration_cast<steady::duration>(std::chrono::duration<double>(at));
    };
    const auto count = warming + static_cast<std::uint64_t>(rate * static_cast<double>(duration.count()));
    auto look = begin;
    for (std::uint64_t n = 0; n < count;) {
      const auto now = steady::now();
      for (; n < count && due(n) <= now; ++n)
        if (user* free = next_free()) {
          const std::size_t which = choice_(random_);
          ask(*free, requests_[which], n < warming ? warming_kind_ : kind_of_[which], due(n));
        } else {
          ++without_user_;
        }
      if (now >= look) {
        memory_kb_ = std::max(memory_kb_, resident_kb(pids));
        look = now + 1s;
      }
      poll(1);
    }
    const auto until = steady::now() + 40s;
    while (busy_ > 0 && steady::now() < until)
      poll(10);
    unanswered_ = busy_;
    took_s_ = std::chrono::duration<double>(steady::now() - begin).count() - ramp_s;
  }

  bool report(bool with_memory) {
    std::size_t connected = 0;
    for (const auto& u : users_)
      connected += u.descriptor >= 0;
    std::printf("%-18s %9s %9s %9s %9s %9s %8s\n", "kind", "answers", "p50 ms", "p95 ms", "p99 ms", "most ms",
                "errors");
    std::vector<float> all;
    std::uint64_t errors = unanswered_ + without_user_;
    for (auto& r : results_) {
      line(r);
      errors += r.errors;
      if (&r - results_.data() < static_cast<std::ptrdiff_t>(warming_kind_))
        all.insert(all.end(), r.latency_ms.begin(), r.latency_ms.end());
    }
    measured whole{"all requests", std::move(all), errors};
    const double p95 = line(whole);
    std::printf("%zu of %zu connections still open; %.0f requests/s; %zu unanswered, %llu without a free user\n",
                connected, users_.size(), static_cast<double>(whole.latency_ms.size()) / took_s_, unanswered_,
                static_cast<unsigned long long>(without_user_));
    for (const auto& [what, times] : failures_)
      std::printf("%6d × %s\n", times, what.c_str());
    const auto mb = memory_kb_ / 1024;
    bool good = verdict("p95 of all requests", p95, "ms", p95_ms_max);
    good = verdict("errors", static_cast<double>(errors), "", 0) && good;
    good = verdict("users without a connection", static_cast<double>(users_.size() - connected), "", 0) && good;
    if (with_memory)
      good = verdict("resident memory, all processes", static_cast<double>(mb), "MB", memory_mb_max) && good;
    return good;
  }

 private:
  static bool verdict(const char* what, double value, const char* unit, double most) {
    const bool good = value <= most;
    std::printf("%-44s %10.1f %s   must <= %.0f   %s\n", what, value, unit, most, good ? "ok" : "MISSED");
    return good;
  }

  // Prints one; its 95th percentile.
  static double line(measured& r) {
    std::ranges::sort(r.latency_ms);
    const auto at = [&](double share) {
      return r.latency_ms.empty()
                 ? 0.0
                 : r.latency_ms[static_cast<std::size_t>(static_cast<double>(r.latency_ms.size() - 1) * share)];
    };
    std::printf("%-18s %9zu %9.1f %9.1f %9.1f %9.1f %8llu\n", r.name.c_str(), r.latency_ms.size(), at(0.5), at(0.95),
                at(0.99), at(1), static_cast<unsigned long long>(r.errors));
    return at(0.95);
  }

  user* next_free() {
    for (std::size_t tried = 0; tried < users_.size(); ++tried) {
      user& u = users_[turn_++ % users_.size()];
      if (!u.busy)
        return &u;
    }
    return nullptr;
  }

  void ask(user& u, const request_template& r, std::size_t kind, steady::time_point due) {
    u.busy = true;
    ++busy_;
    u.kind = kind;
    u.due = due;
    u.in.clear(), u.body_start.clear();
    u.status = 0, u.body_left = 0;
    const auto number = std::to_string(serial_++);
    const auto body = replaced(r.body, "{n}", number);
    u.out = r.method + ' ' + replaced(r.path, "{n}", number) +
            " HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: gzip\r\nCookie: pricing_session=" + u.session + "\r\n";
    if (r.method != "GET")
      u.out += "X-CSRF-Token: " + u.csrf + "\r\nContent-Type: " + r.content_type +
               "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
    u.out += "\r\n" + body;
    if (u.descriptor < 0)
      connect(u);
    else
      send(u);
  }

  void connect(user& u) {
    u.descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (u.descriptor < 0)
      return finish(u, std::string("socket: ") + std::strerror(errno));
    const int on = 1;
    setsockopt(u.descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(port_));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    watch(u, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT);
    if (::connect(u.descriptor, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0 && errno != EINPROGRESS)
      finish(u, std::string("connect: ") + std::strerror(errno));
  }

  void watch(user& u, int how, std::uint32_t events) const {
    epoll_event e{.events = events, .data = {.ptr = &u}};
    epoll_ctl(poll_, how, u.descriptor, &e);
  }

  void send(user& u) {
    while (!u.out.empty()) {
      const auto n = ::send(u.descriptor, u.out.data(), u.out.size(), MSG_NOSIGNAL);
      if (n < 0 && errno == EAGAIN)
        return watch(u, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
      if (n < 0)
        return finish(u, std::string("send: ") + std::strerror(errno));
      u.out.erase(0, static_cast<std::size_t>(n));
    }
  }

  void poll(int wait_ms) {
    std::array<epoll_event, 512> events{};
    const int n = epoll_wait(poll_, events.data(), static_cast<int>(events.size()), wait_ms);
    for (int i = 0; i < n; ++i) {
      user& u = *static_cast<user*>(events[static_cast<std::size_t>(i)].data.ptr);
      const auto what = events[static_cast<std::size_t>(i)].events;
      if (u.descriptor >= 0 && (what & EPOLLOUT) != 0) {
        watch(u, EPOLL_CTL_MOD, EPOLLIN);
        send(u);
      }
      if (u.descriptor >= 0 && (what & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0)
        receive(u);
    }
  }

  void receive(user& u) {
    for (;;) {
      const auto n = recv(u.descriptor, buffer_.data(), buffer_.size(), 0);
      if (n < 0 && errno == EAGAIN)
        return;
      if (n <= 0)
        return finish(u, n == 0 ? "closed by the server" : std::string("recv: ") + std::strerror(errno));
      if (take(u, {buffer_.data(), static_cast<std::size_t>(n)}))
        return;
    }
  }

  // True when the answer is complete.
  bool take(user& u, std::string_view bytes) {
    if (u.status == 0) {
      u.in.append(bytes);
      const auto end = u.in.find("\r\n\r\n");
      if (end == std::string::npos)
        return false;
      read_head(u, std::string_view(u.in).substr(0, end + 2));
      bytes = std::string_view(u.in).substr(end + 4);
    }
    if (u.status >= 400)
      u.body_start.append(bytes.substr(0, 200 - std::min<std::size_t>(200, u.body_start.size())));
    u.body_left -= std::min(u.body_left, bytes.size());
    if (u.body_left > 0) {
      u.in.clear();
      return false;
    }
    finish(u, u.status < 400 ? std::string() : std::to_string(u.status) + ' ' + u.body_start);
    return true;
  }

  static void read_head(user& u, std::string_view head) {
    const auto number = [](std::string_view text, auto& out) {
      std::from_chars(text.data(), text.data() + text.size(), out);
    };
    u.status = 999; // what is no status line is an error
    if (head.size() > 12)
      number(head.substr(9, 3), u.status);
    std::string lower(head);
    std::ranges::transform(lower, lower.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    constexpr std::string_view name = "\r\ncontent-length: ";
    if (const auto at = lower.find(name); at != std::string::npos)
      number(std::string_view(lower).substr(at + name.size()), u.body_left);
    else if (u.status != 204)
      u.status = 998; // every answer that we ask for has a length
  }

  void finish(user& u, const std::string& failure) {
    auto& r = results_[u.kind];
    const bool is_closed = failure.find("closed") == 0 || u.status == 0;
    if (u.busy) {
      u.busy = false;
      --busy_;
      r.latency_ms.push_back(std::chrono::duration<float, std::milli>(steady::now() - u.due).count());
      if (!failure.empty()) {
        ++r.errors;
        ++failures_[r.name + ": " + failure.substr(0, failure.find("\"details\""))]; // ids in it differ each time
      }
    }
    // Closed between requests: that user has no connection any more, which the report counts.
    if (is_closed && u.descriptor >= 0) {
      close(u.descriptor);
      u.descriptor = -1;
    }
  }

  int port_;
  std::vector<user> users_;
  std::vector<request_template> requests_;
  std::vector<std::size_t> kind_of_;
  std::vector<measured> results_; // the kinds of requests, then warming up and sign-in check
  std::size_t warming_kind_ = 0;
  std::map<std::string, int> failures_;
  std::discrete_distribution<std::size_t> choice_;
  std::mt19937_64 random_{1};
  int poll_;
  std::size_t busy_ = 0, turn_ = 0, unanswered_ = 0;
  std::uint64_t serial_ = static_cast<std::uint64_t>(std::time(nullptr)) * 1'000'000, without_user_ = 0, memory_kb_ = 0;
  double took_s_ = 1;
  std::array<char, 256 * 1024> buffer_{};
};

} // namespace

int main(int argc, char** argv) {
  if (argc < 6) {
    std::cerr << "ten_thousand_users PORT SESSIONS REQUESTS RATE SECONDS [PID...]\n";
    return 2;
  }
  try {
    auto users = read_users(argv[2]);
    rlimit files{};
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_max < users.size() + 50)
      throw std::runtime_error("the limit of open files (ulimit -Hn) is below the number of users");
    const auto everybody = std::make_unique<crowd>(std::stoi(argv[1]), std::move(users), read_requests(argv[3]));
    everybody->arrive(50);
    everybody->work(std::stod(argv[4]), ramp_s, std::chrono::seconds(std::stoi(argv[5])), {argv + 6, argv + argc});
    return everybody->report(argc > 6) ? 0 : 1;
  } catch (const std::exception& e) {
    std::cerr << "ten_thousand_users: " << e.what() << '\n';
    return 2;
  }
}
