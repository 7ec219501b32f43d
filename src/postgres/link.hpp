#pragma once
// One libpq connection in pipeline mode on one event loop. Private to pool.
#include "net/runtime.hpp"
#include "postgres/rows.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_set>

namespace pricing::postgres::detail {

namespace asio = boost::asio;

struct statement {
  std::string sql;
  parameters given;
};

class link : public std::enable_shared_from_this<link> {
 public:
  explicit link(asio::io_context& io) : io_(io), closed_(io, asio::steady_timer::time_point::max()) {}
  ~link() { close(); }

  // Empty when connected, else why not.
  asio::awaitable<std::string> connect(std::string url, std::chrono::milliseconds patience);
  // Sends the statements and one sync: without an open transaction they are one. Answers the last one's result or the
  // first error, or timeout after `patience`. The line is given up when the server works on one segment for longer than
  // that one's patience: whoever stands behind slow statements waits in vain, but does not take the line from them.
  asio::awaitable<result<result_ptr>> run(std::vector<statement> statements, std::chrono::milliseconds patience);
  // Returns when the connection is gone.
  asio::awaitable<void> closed();
  void close();

  bool is_open() const { return open_; }
  bool is_idle() const { return open_ && in_flight_.empty() && PQtransactionStatus(connection_.get()) == PQTRANS_IDLE; }
  std::function<void(std::string_view channel, std::string_view payload)> on_notify;

 private:
  struct step {
    std::string name; // of the statement it prepares; empty when it executes
  };
  struct segment {
    segment(asio::io_context& io, std::chrono::milliseconds p) : patience(p), done(io) {}
    std::chrono::milliseconds patience;
    std::vector<step> steps;
    std::size_t at = 0;
    std::optional<database_error> failure;
    result_ptr rows;
    asio::steady_timer done;
    bool finished = false;
  };
  struct finish_connection {
    void operator()(PGconn* c) const { PQfinish(c); }
  };

  asio::awaitable<bool> wait_socket(bool write);
  bool queue(const std::vector<statement>& statements, segment& into);
  bool send_execute(const statement& s, const std::string& name);
  void flush();
  void take_results();
  void take_result(result_ptr r);
  void finish_front();
  static asio::awaitable<void> read(std::shared_ptr<link> self);
  static asio::awaitable<void> write(std::shared_ptr<link> self);

  asio::io_context& io_;
  std::unique_ptr<PGconn, finish_connection> connection_;
  std::optional<asio::posix::stream_descriptor> descriptor_;
  std::deque<std::shared_ptr<segment>> in_flight_;
  std::chrono::steady_clock::time_point front_since_; // the server's work on the first of them began
  std::unordered_set<std::string> prepared_;
  asio::steady_timer closed_;
  bool open_ = false;
  bool writing_ = false;
};

} // namespace pricing::postgres::detail
