#pragma once
// PostgreSQL for one event loop: every thread owns a pool. Single statements of many coroutines travel over a few
// shared connections in pipeline mode, each with its organization and its own sync, so that one caller's error cannot
// abort another's; more than fit wait their turn. Transactions lease a connection of their own.
//
//   postgres::pool database(thread.io(), config);
//   auto rows = co_await database.query<item_row>(organization, find_items, unit, limit);   // result<std::vector<…>>
//   auto id = co_await database.query_one<std::int64_t>(organization, insert_item, name);    // not_found when empty
//   std::function body = [=](postgres::transaction& t) -> asio::awaitable<result<int>> { … };  // named: see traps
//   auto done = co_await database.in_transaction<int>(organization, body);
//
// What a caller can cause comes as a result (see to_error); a wrong statement throws database_error. A lost connection
// fails what was on its way as unavailable and is replaced with back-off. Above queue_max and after wait_ms:
// unavailable, retry after 1 s. Not thread-safe. Statements still running when the pool is destroyed answer
// unavailable.
#include "core/ids.hpp"
#include "net/runtime.hpp"
#include "postgres/config.hpp"
#include "postgres/rows.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <functional>
#include <memory>
#include <optional>

namespace prometheus {
class Registry;
}

namespace pricing::postgres {

namespace asio = boost::asio;

// Whose rows, and until when. Organization 0 sees no tenant's rows: for the functions used before one is known.
struct scope {
  scope(organization_id o, net::deadline d = net::deadline::max()) : organization(o), until(d) {}
  organization_id organization;
  net::deadline until;
};

namespace detail {
class link; // one connection in pipeline mode
class pool_state;
} // namespace detail

// query, query_optional, query_one and execute, for whoever can send one encoded statement.
template <class Sender>
class statements {
 public:
 protected:
  template <class Row>
  static asio::awaitable<result<std::vector<Row>>> rows(asio::awaitable<result<result_ptr>> answer) {
    auto got = co_await std::move(answer);
    if (!got)
      co_return got.error();
    co_return decode_rows<Row>(got->get());
  }
  template <class Row>
  static asio::awaitable<result<std::optional<Row>>> optional_row(asio::awaitable<result<result_ptr>> answer) {
    auto got = co_await rows<Row>(std::move(answer));
    if (!got)
      co_return got.error();
    if (got->empty())
      co_return std::optional<Row>();
    co_return std::optional<Row>(std::move(got->front()));
  }
  template <class Row>
  static asio::awaitable<result<Row>> one_row(asio::awaitable<result<result_ptr>> answer) {
    auto got = co_await rows<Row>(std::move(answer));
    if (!got)
      co_return got.error();
    if (got->empty())
      co_return not_found("there is no such thing");
    co_return std::move(got->front());
  }
  static asio::awaitable<result<std::int64_t>> count(asio::awaitable<result<result_ptr>> answer) {
    auto got = co_await std::move(answer);
    if (!got)
      co_return got.error();
    co_return affected_rows(got->get());
  }
};

// An open transaction; lives inside pool::in_transaction.
class transaction : statements<transaction> {
 public:
  transaction(std::shared_ptr<detail::link> l, scope s, int timeout_ms)
      : link_(std::move(l)), scope_(s), timeout_ms_(timeout_ms) {}
  template <class Row, class... Args>
  asio::awaitable<result<std::vector<Row>>> query(std::string_view sql, const Args&... args) {
    return rows<Row>(send(std::string(sql), parameters::of(args...)));
  }
  template <class Row, class... Args>
  asio::awaitable<result<std::optional<Row>>> query_optional(std::string_view sql, const Args&... args) {
    return optional_row<Row>(send(std::string(sql), parameters::of(args...)));
  }
  template <class Row, class... Args>
  asio::awaitable<result<Row>> query_one(std::string_view sql, const Args&... args) {
    return one_row<Row>(send(std::string(sql), parameters::of(args...)));
  }
  template <class... Args>
  asio::awaitable<result<std::int64_t>> execute(std::string_view sql, const Args&... args) {
    return count(send(std::string(sql), parameters::of(args...)));
  }

 private:
  asio::awaitable<result<result_ptr>> send(std::string sql, parameters p);
  std::shared_ptr<detail::link> link_;
  scope scope_;
  int timeout_ms_;
};

class pool : statements<pool> {
 public:
  // Connects in the background. metrics may be null.
  pool(asio::io_context& io, config c, prometheus::Registry* metrics = nullptr);
  ~pool();
  pool(const pool&) = delete;
  pool& operator=(const pool&) = delete;

  template <class Row, class... Args>
  asio::awaitable<result<std::vector<Row>>> query(scope s, std::string_view sql, const Args&... args) {
    return rows<Row>(send(s, std::string(sql), parameters::of(args...)));
  }
  template <class Row, class... Args>
  asio::awaitable<result<std::optional<Row>>> query_optional(scope s, std::string_view sql, const Args&... args) {
    return optional_row<Row>(send(s, std::string(sql), parameters::of(args...)));
  }
  template <class Row, class... Args>
  asio::awaitable<result<Row>> query_one(scope s, std::string_view sql, const Args&... args) {
    return one_row<Row>(send(s, std::string(sql), parameters::of(args...)));
  }
  template <class... Args>
  asio::awaitable<result<std::int64_t>> execute(scope s, std::string_view sql, const Args&... args) {
    return count(send(s, std::string(sql), parameters::of(args...)));
  }

  // Commits when body returns a value; rolls back when it returns an error or throws.
  template <class T>
  asio::awaitable<result<T>> in_transaction(scope s, std::function<asio::awaitable<result<T>>(transaction&)> body) {
    auto open = co_await begin(s);
    if (!open)
      co_return open.error();
    const std::shared_ptr<detail::link> leased = *open;
    transaction inside(leased, s, timeout_ms());
    std::optional<result<T>> outcome;
    std::exception_ptr thrown;
    try {
      outcome.emplace(co_await body(inside));
    } catch (...) {
      thrown = std::current_exception();
    }
    auto ended = co_await end(leased, outcome && outcome->has_value());
    if (thrown)
      std::rethrow_exception(thrown);
    if (outcome->has_value() && !ended)
      co_return ended.error();
    co_return std::move(*outcome);
  }

  // Calls on_notify with each payload of these channels, and with "" after every (re)connection, since notifications
  // may have been missed.
  void listen(std::vector<std::string> channels, std::function<void(std::string_view payload)> on_notify);

  bool connected() const;

 private:
  asio::awaitable<result<result_ptr>> send(scope s, std::string sql, parameters p);
  asio::awaitable<result<std::shared_ptr<detail::link>>> begin(scope s);
  asio::awaitable<result<void>> end(std::shared_ptr<detail::link> leased, bool commit);
  int timeout_ms() const;
  std::shared_ptr<detail::pool_state> state_;
};

} // namespace pricing::postgres
