#pragma once
// One connection and what its thread's sessions share; internal to server.cpp and session.cpp.
#include "http/site.hpp"
#include "net/tls_socket.hpp"

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <list>
#include <map>
#include <memory>
#include <string>

namespace pricing::http {

using tcp = asio::ip::tcp;
using tcp_socket = asio::basic_stream_socket<tcp, asio::io_context::executor_type>;
using tcp_acceptor = asio::basic_socket_acceptor<tcp, asio::io_context::executor_type>;
using steady = std::chrono::steady_clock;

class session;

// Everything one thread owns.
struct server::state : std::enable_shared_from_this<server::state> {
  state(net::io_thread& t, site::state& s, router r);
  ~state() { flush_log(); }

  struct listener {
    tcp_acceptor acceptor;
    bool encrypted;
  };
  void listen();
  // At the port that the first thread has bound already, or the configured one; `bound` gets it.
  void listen(listener& at, int configured, int& bound) const;
  asio::awaitable<void> accept(listener& at);
  asio::awaitable<void> sweep();
  asio::awaitable<void> stop();
  void take(tcp_socket socket, bool encrypted);
  void take_pending(listener& at);
  // Answers what is not in the route table: health, metrics, documents, the UI.
  asio::awaitable<response> built_in(request& r, const router::match& m, metrics::series*& measured);
  asio::awaitable<response> ready(const request& r);
  asio::awaitable<response> components();
  response static_answer(const request& r);
  metrics::series& series_of(const std::string& method, const std::string& name);
  void log_access(const request& r, const std::string& route, const principal& caller, int status, std::size_t bytes,
                  std::chrono::nanoseconds took);
  void flush_log();
  // The Date header's value, renewed once a second.
  const std::string& date();

  net::io_thread& thread;
  site::state& shared;
  router routes;
  listener plain, encrypted; // the second is open with TLS only
  asio::steady_timer sweep_timer;
  std::list<session*> sessions;
  bool closing = false;
  std::vector<component_health> last_components;
  steady::time_point components_at{};
  bool asking_components = false;
  std::vector<metrics::series> route_series;
  std::map<std::string, metrics::series, std::less<>> other_series;
  std::string log_text;
  std::string date_text;
  std::chrono::sys_seconds date_at{};
};

// Owned by its own coroutine; the thread's sweep closes what exceeds its time.
class session : public std::enable_shared_from_this<session> {
 public:
  session(std::shared_ptr<server::state> owner, tcp_socket socket, bool encrypted);
  ~session();
  asio::awaitable<void> run();
  // Acts on whatever has run out of time.
  void tick(steady::time_point now);
  bool is_idle() const { return phase_ == phase::idle; }
  // Bytes that wait to be read: an idle connection with some has a request on its way.
  bool has_received();
  void close();
  // At the end: who has not agreed on TLS within a second will not.
  void hurry();

 private:
  class parser;
  enum class phase { handshake, idle, head, body, handling, writing, lingering };

  void enter(phase p, steady::duration limit);
  asio::awaitable<bool> shake_hands();
  // Where at least so many bytes fit behind those that wait.
  asio::mutable_buffer room(std::size_t bytes);
  // True when a whole head has been read; otherwise the connection ends (an answer may have been sent).
  asio::awaitable<bool> read_head(parser& p);
  // True when the connection stays open.
  asio::awaitable<bool> serve(parser& p);
  bool feed(parser& p);
  asio::awaitable<bool> read_body(parser& p, context* c);
  asio::awaitable<response> answer(parser& p, const router::match& m, std::optional<context>& c, bool& body_read);
  asio::awaitable<bool> write(const response& out, bool keep_alive);
  asio::awaitable<bool> write_file(response& out, bool keep_alive);
  asio::awaitable<void> linger();
  asio::awaitable<void> refuse_head(boost::system::error_code why, std::string_view received);
  asio::awaitable<void> refuse(int status, std::string_view code, std::string_view message);
  std::optional<response> understand_target();
  void identify();
  void finish(response& out);
  void head_of(const response& out, std::uint64_t size, bool keep_alive);
  void give_up();

  std::shared_ptr<server::state> owner_;
  std::list<session*>::iterator place_;
  net::tls_socket<tcp_socket> socket_;
  std::string peer_;
  request request_;
  std::vector<char> buffer_; // bytes [begin_, end_) are received and not yet parsed
  std::size_t begin_ = 0, end_ = 0;
  std::string out_;
  std::string raw_path_;
  phase phase_ = phase::idle;
  steady::time_point expires_at_{};
  bool timed_out_ = false;
  bool gave_up_ = false;
  std::size_t sent_ = 0;
};

} // namespace pricing::http
