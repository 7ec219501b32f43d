#include "http/session.hpp"

#include "core/log.hpp"
#include "http/compress.hpp"
#include "http/problem.hpp"
#include "http/text.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <iterator>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <sys/stat.h>
#include <unistd.h>

namespace pricing::http {
namespace {

namespace beast_http = boost::beast::http;
using error_code = boost::system::error_code;
using namespace std::chrono_literals;
constexpr auto as_tuple = asio::as_tuple(asio::use_awaitable);

method method_of(beast_http::verb v) {
  switch (v) {
  case beast_http::verb::get:
    return method::get;
  case beast_http::verb::head:
    return method::head;
  case beast_http::verb::post:
    return method::post;
  case beast_http::verb::put:
    return method::put;
  case beast_http::verb::patch:
    return method::patch;
  case beast_http::verb::delete_:
    return method::delete_;
  case beast_http::verb::options:
    return method::options;
  default:
    return method::other;
  }
}

// The steady clock as of the kernel's last tick, a few milliseconds ago at most: a limit of seconds needs no better,
// and a request asks several times.
steady::time_point recently() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
  return steady::time_point(std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec));
}

// A streamed body on disk, removed with this object unless the handler moved it away.
class temporary_file {
 public:
  bool open(std::string name) {
    descriptor_ = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (descriptor_ >= 0)
      name_ = std::move(name);
    return descriptor_ >= 0;
  }
  bool write(std::string_view bytes) const {
    while (!bytes.empty()) {
      const auto n = ::write(descriptor_, bytes.data(), bytes.size());
      if (n < 0 && errno != EINTR)
        return false;
      bytes.remove_prefix(n < 0 ? 0 : static_cast<std::size_t>(n));
    }
    return true;
  }
  void close() {
    if (descriptor_ >= 0)
      ::close(std::exchange(descriptor_, -1));
  }
  bool is_open() const { return descriptor_ >= 0; }
  const std::string& name() const { return name_; }
  ~temporary_file() {
    close();
    if (!name_.empty())
      ::unlink(name_.c_str());
  }
  temporary_file() = default;
  temporary_file(const temporary_file&) = delete;
  temporary_file& operator=(const temporary_file&) = delete;

 private:
  int descriptor_ = -1;
  std::string name_;
};

// An answer on disk. Read in pieces on the loop: a page cache answers faster than a change of threads.
class sent_file {
 public:
  sent_file() = default;
  sent_file(const sent_file&) = delete;
  ~sent_file() {
    if (descriptor_ >= 0)
      ::close(descriptor_);
  }
  bool open(const std::string& name) {
    struct stat facts {};
    descriptor_ = ::open(name.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor_ < 0 || ::fstat(descriptor_, &facts) != 0 || !S_ISREG(facts.st_mode))
      return false;
    size_ = static_cast<std::uint64_t>(facts.st_size);
    return true;
  }
  std::uint64_t size() const { return size_; }
  // The next up to `most` bytes; none when it was cut meanwhile.
  std::string_view next(std::size_t most) {
    piece_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(most, size_ - at_)));
    const auto n = ::pread(descriptor_, piece_.data(), piece_.size(), static_cast<off_t>(at_));
    piece_.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
    at_ += piece_.size();
    return piece_;
  }
  bool is_done() const { return at_ >= size_; }

 private:
  int descriptor_ = -1;
  std::uint64_t size_ = 0, at_ = 0;
  std::string piece_;
};

bool has_header(const response& r, std::string_view name) {
  return std::any_of(r.headers.begin(), r.headers.end(),
                     [&](const auto& h) { return equal_without_case(h.first, name); });
}

// What a load balancer and Prometheus ask where the rest is encrypted.
bool is_probe(std::string_view path) {
  return path.starts_with("/health/") || path == "/metrics";
}

// Handlers may put anything into a header value; a line break in it must not become a header of its own.
void append_clean(std::string& out, std::string_view value) {
  if (std::ranges::none_of(value, [](char c) { return static_cast<unsigned char>(c) < ' '; }))
    out += value;
  else
    std::ranges::remove_copy_if(value, std::back_inserter(out),
                                [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

} // namespace

// Feeds a request from the wire: headers into the request's one buffer, the body where its route wants it.
class session::parser final : public beast_http::basic_parser<true> {
 public:
  explicit parser(request& r) : request_(r) {}

  enum class failure { none, too_large, disk };
  failure failed = failure::none;
  std::uint64_t limit = 0;
  bool keep = true; // false: read and forget
  temporary_file file;
  bool has_host = false;
  int http_version = 11;

 private:
  void on_request_impl(beast_http::verb verb, boost::beast::string_view, boost::beast::string_view target, int version,
                       error_code&) override {
    http_version = version;
    request_.verb = method_of(verb);
    request_.target.assign(target.data(), target.size());
  }
  void on_response_impl(int, boost::beast::string_view, int, error_code&) override {}
  void on_field_impl(beast_http::field name, boost::beast::string_view text, boost::beast::string_view value,
                     error_code&) override {
    has_host = has_host || name == beast_http::field::host;
    request_.add_header({text.data(), text.size()}, {value.data(), value.size()});
  }
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>& length, error_code&) override {
    if (keep && !file.is_open() && length)
      request_.body.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(*length, 1 << 20)));
  }
  std::size_t on_body_impl(boost::beast::string_view bytes, error_code& ec) override { return take(bytes, ec); }
  void on_chunk_header_impl(std::uint64_t, boost::beast::string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, boost::beast::string_view bytes, error_code& ec) override {
    return take(bytes, ec);
  }
  void on_finish_impl(error_code&) override { file.close(); }

  std::size_t take(boost::beast::string_view bytes, error_code& ec) {
    const std::string_view piece(bytes.data(), bytes.size());
    request_.body_bytes += piece.size();
    if (request_.body_bytes > limit) {
      failed = failure::too_large;
      ec = beast_http::error::body_limit;
    } else if (file.is_open()) {
      if (!file.write(piece)) {
        failed = failure::disk;
        ec = beast_http::error::body_limit;
      }
    } else if (keep) {
      request_.body.append(piece);
    }
    return piece.size();
  }

  request& request_;
};

session::session(std::shared_ptr<server::state> owner, tcp_socket socket, bool encrypted)
    : owner_(std::move(owner)), socket_(std::move(socket)) {
  if (encrypted)
    socket_.encrypt(owner_->shared.tls->current());
  place_ = owner_->sessions.insert(owner_->sessions.end(), this);
  error_code ec;
  const auto peer = socket_.plain().remote_endpoint(ec);
  peer_ = ec ? std::string() : peer.address().to_string();
  owner_->shared.measured.connections().Increment();
}

session::~session() {
  owner_->sessions.erase(place_);
  --owner_->shared.connections;
  owner_->shared.measured.connections().Decrement();
}

void session::enter(phase p, steady::duration limit) {
  phase_ = p;
  expires_at_ = recently() + limit;
}

void session::close() {
  error_code ignored;
  socket_.plain().close(ignored);
}

void session::hurry() {
  if (phase_ == phase::handshake)
    expires_at_ = std::min(expires_at_, steady::now() + 1s);
}

void session::tick(steady::time_point now) {
  if (now < expires_at_ || gave_up_)
    return;
  switch (phase_) {
  case phase::handling:
    return give_up();
  case phase::head:
  case phase::body: {
    timed_out_ = true;
    error_code ignored;
    socket_.plain().cancel(ignored);
    expires_at_ = now + 1s; // for the 408
    return;
  }
  default:
    close();
  }
}

// The handler is not interrupted: whatever it waits for has the same deadline. The caller gets its answer now.
void session::give_up() {
  gave_up_ = true;
  auto late = problem({errc::timeout, "the request took too long"}, request_.request_id);
  head_of(late, late.content().size(), false);
  out_ += late.body;
  owner_->log_access(request_, "timeout", {}, late.status, out_.size(), steady::now() - request_.received_at);
  asio::async_write(socket_, asio::buffer(out_), [self = shared_from_this()](const error_code&, std::size_t) {
    error_code ignored;
    self->socket_.plain().shutdown(tcp::socket::shutdown_send, ignored);
  });
}

asio::mutable_buffer session::room(std::size_t bytes) {
  if (begin_ == end_)
    begin_ = end_ = 0;
  if (buffer_.size() - end_ < bytes && begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (buffer_.size() - end_ < bytes)
    buffer_.resize(end_ + bytes);
  return asio::buffer(buffer_.data() + end_, buffer_.size() - end_);
}

bool session::has_received() {
  error_code ec;
  return socket_.plain().available(ec) > 0 && !ec;
}

asio::awaitable<bool> session::shake_hands() {
  enter(phase::handshake, std::chrono::seconds(owner_->shared.settings.header_timeout_s));
  auto [ec] = co_await socket_.async_handshake(net::ssl::stream_base::server, as_tuple);
  if (ec)
    owner_->shared.measured.failed_handshakes().Increment();
  co_return !ec;
}

asio::awaitable<void> session::run() {
  const auto self = shared_from_this();
  if (socket_.is_encrypted() && !co_await shake_hands()) {
    close();
    co_return;
  }
  for (;;) {
    request_.clear();
    if (begin_ == end_ && buffer_.size() > 16 * 1024)
      std::vector<char>().swap(buffer_);
    parser p(request_);
    if (!co_await read_head(p) || !co_await serve(p))
      break;
  }
  if (!gave_up_)
    close();
}

asio::awaitable<bool> session::read_head(parser& p) {
  const auto& settings = owner_->shared.settings;
  p.header_limit(static_cast<std::uint32_t>(settings.header_max));
  p.body_limit(boost::none);
  enter(phase::idle, std::chrono::seconds(settings.idle_timeout_s));
  for (;;) {
    if (begin_ < end_) {
      if (phase_ == phase::idle) {
        enter(phase::head, std::chrono::seconds(settings.header_timeout_s));
        request_.received_at = steady::now();
      }
      error_code ec;
      const std::string_view received(buffer_.data() + begin_, end_ - begin_);
      begin_ += p.put(asio::buffer(received.data(), received.size()), ec);
      if (p.is_header_done())
        co_return true;
      if (ec && ec != beast_http::error::need_more) {
        co_await refuse_head(ec, received);
        co_return false;
      }
    }
    if (owner_->closing && phase_ == phase::idle)
      co_return false;
    const auto [failed, n] = co_await socket_.async_read_some(room(4096), as_tuple);
    end_ += n;
    if (n == 0) {
      if (timed_out_)
        co_await refuse(408, "request_timeout", "the request headers did not arrive in time");
      co_return false;
    }
  }
}

asio::awaitable<void> session::refuse_head(boost::system::error_code why, std::string_view received) {
  const auto line = received.substr(0, received.find_first_of("\r\n"));
  const auto version = line.substr(line.rfind(' ') + 1);
  if (why == beast_http::error::header_limit && line.size() >= owner_->shared.settings.header_max)
    co_await refuse(414, "uri_too_long", "the request line is too long");
  else if (why == beast_http::error::header_limit)
    co_await refuse(431, "headers_too_large", "the request headers are too large");
  else if (why == beast_http::error::bad_version && version.starts_with("HTTP/") && !version.starts_with("HTTP/1."))
    co_await refuse(505, "version_not_supported", "send HTTP/1.1");
  else
    co_await refuse(400, "malformed_request", "the request is not valid HTTP/1.1: " + why.message());
}

// Sends an answer to what cannot be read further, and closes.
asio::awaitable<void> session::refuse(int status, std::string_view code, std::string_view message) {
  if (request_.request_id.empty())
    request_.request_id = random_id();
  request_.remote_address = peer_;
  auto out = problem(status, code, message, request_.request_id);
  auto& measured = owner_->series_of("-", "malformed");
  owner_->shared.measured.count(measured, status, steady::now() - request_.received_at);
  owner_->log_access(request_, "malformed", {}, status, out.body.size(), steady::now() - request_.received_at);
  co_await write(out, false);
  co_await linger();
}

// The client may still be sending; closing now would reset the connection and lose our answer.
asio::awaitable<void> session::linger() {
  error_code ignored;
  socket_.plain().shutdown(tcp::socket::shutdown_send, ignored);
  enter(phase::lingering, 2s);
  begin_ = end_ = 0;
  for (std::size_t seen = 0; seen < 8 * 1024 * 1024;) {
    const auto [failed, n] = co_await socket_.async_read_some(room(16 * 1024), as_tuple);
    if (n == 0)
      break;
    seen += n;
  }
}

std::optional<response> session::understand_target() {
  auto& r = request_;
  std::string_view target = r.target;
  const auto bad = [&](std::string_view why) { return problem(400, "malformed_request", why, r.request_id); };
  if (target.starts_with("http://") || target.starts_with("https://")) {
    target.remove_prefix(target.find("//") + 2);
    target.remove_prefix(std::min(target.find('/'), target.size()));
  }
  if (!target.starts_with('/'))
    return bad("the request target must be a path");
  const auto question = std::min(target.find('?'), target.size());
  raw_path_.assign(target.substr(0, question));
  if (!percent_decode(raw_path_, r.path, false))
    return bad("the path has a broken percent escape");
  if (question < target.size()) {
    auto query = parse_query(target.substr(question + 1, target.find('#', question) - question - 1));
    if (!query)
      return bad("the query has a broken percent escape or too many parameters");
    r.query = std::move(*query);
  }
  return std::nullopt;
}

void session::identify() {
  auto& r = request_;
  const auto given = r.header("X-Request-Id");
  r.request_id = is_sane_id(given) ? std::string(given) : random_id();
  const auto trace = r.header("traceparent");
  if (trace.size() == 55 && trace.find_first_not_of("0123456789abcdef-") == trace.npos)
    r.traceparent = trace;
  r.remote_address = peer_;
  if (!owner_->shared.settings.trust_forwarded_for)
    return;
  // The last entry is the one our own proxy wrote.
  const auto chain = r.header("X-Forwarded-For");
  if (const auto last = trim(chain.substr(chain.rfind(',') + 1)); !last.empty() && last.size() <= 45)
    r.remote_address = last;
}

// False: what was received is not HTTP, or more than may come.
bool session::feed(parser& p) {
  error_code ec;
  while (!ec && !p.is_done() && begin_ < end_)
    begin_ += p.put(asio::buffer(buffer_.data() + begin_, end_ - begin_), ec);
  return !ec || ec == beast_http::error::need_more;
}

asio::awaitable<bool> session::read_body(parser& p, context* c) {
  const auto& settings = owner_->shared.settings;
  const auto limit = std::chrono::seconds(settings.body_timeout_s);
  const auto started = recently();
  enter(phase::body, limit);
  if (c && equal_without_case(request_.header("Expect"), "100-continue")) {
    static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    auto [ec, n] = co_await asio::async_write(socket_, asio::buffer(go_on), as_tuple);
    if (ec)
      co_return false;
  }
  while (!p.is_done()) {
    const auto [failed, n] = co_await socket_.async_read_some(room(p.file.is_open() ? 64 * 1024 : 8 * 1024), as_tuple);
    end_ += n;
    if (n == 0 || !feed(p))
      co_return false;
    // Every gap is limited, and so is the average: at least 1 KB a second after the first gap.
    const auto average = started + limit + std::chrono::seconds(request_.body_bytes / 1024);
    expires_at_ = std::min(recently() + limit, average);
  }
  co_return true;
}

asio::awaitable<response> session::answer(parser& p, const router::match& m, std::optional<context>& c,
                                          bool& body_read) {
  auto& r = request_;
  const auto& settings = owner_->shared.settings;
  const auto* options = m.route ? &m.route->options : nullptr;
  const bool to_file = options && options->body_to_file;
  p.limit = options && options->body_max ? options->body_max : settings.body_max;
  p.keep = options != nullptr;
  const auto too_large = [&] {
    return problem({errc::too_large, "the body is larger than " + std::to_string(p.limit) + " bytes"}, r.request_id);
  };
  if (const auto length = p.content_length(); length && *length > p.limit)
    co_return too_large();
  const auto timeout =
      std::chrono::seconds(options && options->timeout_s ? options->timeout_s : settings.request_timeout_s);
  r.deadline = recently() + timeout;
  if (to_file) {
    enter(phase::handling, timeout);
    if (const auto admitted = co_await owner_->routes.admit(*c); !admitted)
      co_return router::failure(*c, admitted.error());
    if (gave_up_)
      co_return response{};
    if (!p.file.open(owner_->shared.temp_file_name()))
      co_return router::failure(*c, {errc::internal, std::string("no file for the body: ") + std::strerror(errno)});
  }
  p.eager(true);
  bool is_good = feed(p);
  if (is_good && !p.is_done())
    is_good = co_await read_body(p, c ? &*c : nullptr);
  if (!is_good) {
    if (p.failed == parser::failure::too_large)
      co_return too_large();
    if (p.failed == parser::failure::disk)
      co_return problem({errc::unavailable, "there is no room for the body", {}, 60}, r.request_id);
    if (timed_out_)
      co_return problem(408, "request_timeout", "the request body did not arrive in time", r.request_id);
    co_return problem(400, "malformed_request", "the request body is not valid HTTP/1.1", r.request_id);
  }
  body_read = true;
  if (to_file)
    r.body_file = p.file.name();
  enter(phase::handling, timeout);
  r.deadline = expires_at_;
  if (!c)
    co_return response{.status = 0}; // not in the route table
  co_return co_await owner_->routes.handle(*c);
}

asio::awaitable<bool> session::serve(parser& p) {
  auto& r = request_;
  auto& shared = owner_->shared;
  identify();
  auto bad = understand_target();
  if (!bad && !p.has_host && p.http_version == 11)
    bad = problem(400, "malformed_request", "the Host header is missing", r.request_id);
  if (!bad && shared.tls && !socket_.is_encrypted() && !is_probe(r.path))
    bad = problem(421, "tls_required", "this port answers probes only; use https at the other", r.request_id);
  router::match m;
  if (!bad)
    m = owner_->routes.find(r.verb, raw_path_);
  std::optional<context> c;
  if (m.route) {
    r.path_params = std::move(m.params);
    c.emplace(context{r, *m.route});
  }
  metrics::series* measured = m.route ? &owner_->route_series[m.index] : &owner_->series_of("-", "none");
  shared.measured.in_flight().Increment();
  response out;
  bool body_read = false;
  try {
    if (bad) {
      out = std::move(*bad);
    } else {
      out = co_await answer(p, m, c, body_read);
      if (out.status == 0)
        out = co_await owner_->built_in(r, m, measured);
    }
  } catch (const std::exception& e) {
    log::error("request failed", {{"request_id", r.request_id.c_str()}, {"error", e.what()}});
    out = problem({errc::internal, {}}, r.request_id);
  }
  shared.measured.in_flight().Decrement();
  if (gave_up_)
    co_return false;
  // A body that was not read would be taken for the next request.
  const bool keep_alive = p.keep_alive() && (body_read || p.is_done()) && !shared.stopping;
  const bool in_file = out.status == 200 && !out.body_file.empty();
  if (!in_file)
    finish(out);
  const int status = out.status;
  bool written = false;
  if (in_file)
    written = co_await write_file(out, keep_alive);
  else
    written = co_await write(out, keep_alive);
  const auto took = steady::now() - r.received_at;
  shared.measured.count(*measured, status, took);
  if (shared.settings.access_log && log::writes(log::level::info))
    owner_->log_access(r, measured->route, c ? c->caller() : *nobody(), status, sent_, took);
  if (written && !keep_alive && !p.is_done())
    co_await linger();
  const bool stays_open = written && keep_alive;
  co_return stays_open;
}

// Entity tag, 304 and compression of a whole answer.
void session::finish(response& out) {
  const auto& r = request_;
  const bool is_read = (r.verb == method::get || r.verb == method::head) && out.status == 200;
  const bool takes_gzip = accepts(r.header("Accept-Encoding"), "gzip");
  if (out.unpacked_bytes > 0 && !takes_gzip) {
    out.body = gunzip(out.content(), std::exchange(out.unpacked_bytes, 0));
    out.shared_body.reset();
  }
  const bool pack = out.unpacked_bytes > 0 || (is_worth_gzip(out) && takes_gzip);
  if (is_read && out.etag.empty() && out.etag_from_content)
    out.etag = content_etag(out.content());
  const auto known = r.header("If-None-Match");
  bool unchanged = is_read && !out.etag.empty() && !known.empty() && etag_matches(known, out.etag);
  if (!out.etag.empty() && pack) {
    out.etag.insert(out.etag.size() - 1, "-gz");
    unchanged = unchanged || (is_read && !known.empty() && etag_matches(known, out.etag));
  }
  if (unchanged) {
    out.status = 304;
    out.body.clear();
    out.shared_body.reset();
    out.unpacked_bytes = 0;
    return;
  }
  if (!pack)
    return;
  if (out.unpacked_bytes == 0) {
    out.body = gzip(out.content(), 1);
    out.shared_body.reset();
  }
  out.set("Content-Encoding", "gzip");
}

// Status line and headers into out_; what may be kept, and for whom it was packed, where the answer does not say.
void session::head_of(const response& out, std::uint64_t size, bool keep_alive) {
  out_.clear();
  out_ += "HTTP/1.1 ";
  out_ += std::to_string(out.status);
  out_ += ' ';
  out_ += reason_of(out.status);
  out_ += "\r\nDate: ";
  out_ += owner_->date();
  if (out.status != 204 && out.status != 304) {
    out_ += "\r\nContent-Length: ";
    out_ += std::to_string(size);
    if (!out.content_type.empty())
      out_.append("\r\nContent-Type: ").append(out.content_type);
  }
  if (!out.etag.empty()) {
    out_ += "\r\nETag: ";
    append_clean(out_, out.etag);
  }
  for (const auto& [name, value] : out.headers) {
    out_ += "\r\n";
    append_clean(out_, name);
    out_ += ": ";
    append_clean(out_, value);
  }
  const bool is_read = request_.verb == method::get || request_.verb == method::head;
  if (!has_header(out, "Cache-Control"))
    out_ += is_read && (out.status == 200 || out.status == 304) ? "\r\nCache-Control: private, no-cache"
                                                                : "\r\nCache-Control: no-store";
  if (out.compressible && is_compressible(out.content_type) && !has_header(out, "Vary"))
    out_ += "\r\nVary: Accept-Encoding";
  out_.append("\r\nX-Request-Id: ").append(request_.request_id);
  out_ += keep_alive ? "\r\nConnection: keep-alive\r\n" : "\r\nConnection: close\r\n";
  out_ += out.content_type.starts_with("text/html") ? owner_->shared.page_headers : owner_->shared.data_headers;
  out_ += "\r\n";
}

// Small contents go out with their head in one write; large ones in pieces, each with its own time limit, so that a
// client that stops reading does not hold the connection.
asio::awaitable<bool> session::write(const response& out, bool keep_alive) {
  constexpr std::size_t copied_max = 16 * 1024, piece_max = 256 * 1024;
  head_of(out, out.content().size(), keep_alive);
  auto content = request_.verb == method::head ? std::string_view() : out.content();
  const auto limit = std::chrono::seconds(owner_->shared.settings.body_timeout_s);
  sent_ = out_.size() + content.size();
  if (content.size() <= copied_max)
    out_ += std::exchange(content, {});
  // After what else is ready: many clients are woken at once for less than one by one.
  enter(phase::writing, limit);
  co_await asio::post(socket_.get_executor(), asio::use_awaitable);
  std::string_view head = out_;
  head.remove_prefix(socket_.try_write(head));
  bool good = true;
  while (good && (!head.empty() || !content.empty())) {
    const auto piece = content.substr(0, piece_max);
    content.remove_prefix(piece.size());
    const std::array<asio::const_buffer, 2> both{asio::buffer(std::exchange(head, {})),
                                                 asio::const_buffer(piece.data(), piece.size())};
    enter(phase::writing, limit);
    auto [ec, n] = co_await asio::async_write(socket_, both, as_tuple);
    good = !ec;
  }
  if (out_.capacity() > 64 * 1024)
    std::string().swap(out_);
  co_return good;
}

// A file that shrinks on the way ends the connection: the client sees that something is missing.
asio::awaitable<bool> session::write_file(response& out, bool keep_alive) {
  constexpr std::size_t piece_max = 256 * 1024;
  sent_file file;
  if (!file.open(out.body_file)) {
    auto absent = problem({errc::not_found, "the file is no longer there"}, request_.request_id);
    finish(absent);
    co_return co_await write(absent, keep_alive);
  }
  head_of(out, file.size(), keep_alive);
  const auto limit = std::chrono::seconds(owner_->shared.settings.body_timeout_s);
  const bool head_only = request_.verb == method::head;
  sent_ = out_.size() + (head_only ? 0 : file.size());
  std::string_view piece = out_;
  for (bool more = true; more;) {
    enter(phase::writing, limit);
    auto [ec, n] = co_await asio::async_write(socket_, asio::buffer(piece), as_tuple);
    if (ec)
      co_return false;
    more = !head_only && !file.is_done();
    if (more)
      piece = file.next(piece_max);
    if (piece.empty())
      co_return false;
  }
  co_return true;
}

} // namespace pricing::http
