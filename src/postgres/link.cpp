#include "postgres/link.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace pricing::postgres::detail {
namespace {
constexpr std::size_t prepared_max = 1'000;
void ignore_notice(void*, const PGresult*) {}
} // namespace

asio::awaitable<std::string> link::connect(std::string url, std::chrono::milliseconds patience) {
  const auto self = shared_from_this();
  connection_.reset(PQconnectStart(url.c_str()));
  if (!connection_)
    co_return "out of memory";
  PQsetNoticeReceiver(connection_.get(), ignore_notice, nullptr);
  bool late = false;
  asio::steady_timer limit(io_, patience);
  limit.async_wait([&late, weak = weak_from_this()](boost::system::error_code ec) {
    const auto l = weak.lock();
    if (!ec && l) {
      late = true;
      if (l->descriptor_)
        l->descriptor_->cancel();
    }
  });
  auto state = PQstatus(connection_.get()) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
  while (!late && (state == PGRES_POLLING_READING || state == PGRES_POLLING_WRITING)) {
    descriptor_.emplace(io_, PQsocket(connection_.get()));
    const bool ready = co_await wait_socket(state == PGRES_POLLING_WRITING);
    if (descriptor_)
      descriptor_->release();
    descriptor_.reset();
    if (!connection_)
      co_return "closed";
    if (ready)
      state = PQconnectPoll(connection_.get());
  }
  limit.cancel();
  if (state != PGRES_POLLING_OK) {
    std::string why = late ? "no answer in time" : PQerrorMessage(connection_.get());
    connection_.reset();
    co_return why;
  }
  if (PQsetnonblocking(connection_.get(), 1) != 0 || PQenterPipelineMode(connection_.get()) != 1)
    co_return "pipeline mode is not possible";
  descriptor_.emplace(io_, PQsocket(connection_.get()));
  open_ = true;
  asio::co_spawn(io_, read(self), asio::detached);
  co_return std::string();
}

asio::awaitable<bool> link::wait_socket(bool write) {
  boost::system::error_code ec;
  co_await descriptor_->async_wait(write ? asio::posix::stream_descriptor::wait_write
                                         : asio::posix::stream_descriptor::wait_read,
                                   asio::redirect_error(asio::use_awaitable, ec));
  co_return !ec;
}

asio::awaitable<void> link::read(std::shared_ptr<link> self) {
  while (self->open_) {
    const bool ready = co_await self->wait_socket(false);
    if (!self->open_)
      co_return;
    if (!ready || !PQconsumeInput(self->connection_.get())) {
      self->take_results(); // the server's last words
      self->close();
      co_return;
    }
    self->take_results();
    while (PGnotify* raw = self->open_ ? PQnotifies(self->connection_.get()) : nullptr) {
      const std::unique_ptr<PGnotify, void (*)(void*)> owned(raw, PQfreemem);
      if (self->on_notify)
        self->on_notify(raw->relname, raw->extra);
    }
  }
}

asio::awaitable<void> link::write(std::shared_ptr<link> self) {
  while (self->open_) {
    if (!co_await self->wait_socket(true) || !self->open_)
      break;
    const int left = PQflush(self->connection_.get());
    if (left < 0)
      self->close();
    if (left <= 0)
      break;
  }
  self->writing_ = false;
}

void link::flush() {
  if (writing_)
    return;
  const int left = PQflush(connection_.get());
  if (left < 0)
    return close();
  if (left > 0) {
    writing_ = true;
    asio::co_spawn(io_, write(shared_from_this()), asio::detached);
  }
}

bool link::send_execute(const statement& s, const std::string& name) {
  const parameter_view view(s.given);
  const int count = static_cast<int>(view.values.size());
  if (name.empty())
    return PQsendQueryParams(connection_.get(), s.sql.c_str(), count, s.given.types().data(), view.values.data(),
                             view.lengths.data(), view.formats.data(), 1) == 1;
  return PQsendQueryPrepared(connection_.get(), name.c_str(), count, view.values.data(), view.lengths.data(),
                             view.formats.data(), 1) == 1;
}

// What must be prepared goes first: a failing execution then never takes a preparation with it.
bool link::queue(const std::vector<statement>& statements, segment& into) {
  std::vector<std::string> names;
  for (const auto& s : statements) {
    auto name = statement_name(s.sql, s.given);
    if (!prepared_.contains(name)) {
      if (prepared_.size() >= prepared_max) {
        name.clear();
      } else {
        if (PQsendPrepare(connection_.get(), name.c_str(), s.sql.c_str(), static_cast<int>(s.given.types().size()),
                          s.given.types().data()) != 1)
          return false;
        prepared_.insert(name);
        into.steps.push_back({name});
      }
    }
    names.push_back(std::move(name));
  }
  for (std::size_t i = 0; i < statements.size(); ++i) {
    if (!send_execute(statements[i], names[i]))
      return false;
    into.steps.push_back({});
  }
  return PQpipelineSync(connection_.get()) == 1;
}

asio::awaitable<result<result_ptr>> link::run(std::vector<statement> statements, std::chrono::milliseconds patience) {
  const auto self = shared_from_this();
  const database_error lost("08006", "the connection was lost");
  if (!open_)
    co_return to_error(lost);
  const auto mine = std::make_shared<segment>(io_, patience);
  if (in_flight_.empty())
    front_since_ = std::chrono::steady_clock::now();
  in_flight_.push_back(mine);
  if (queue(statements, *mine))
    flush();
  else
    close(); // half a segment cannot be taken back
  if (!mine->finished) {
    boost::system::error_code ec;
    mine->done.expires_after(patience);
    co_await mine->done.async_wait(asio::redirect_error(asio::use_awaitable, ec));
    if (!mine->finished) {
      if (std::chrono::steady_clock::now() >= front_since_ + in_flight_.front()->patience)
        close();
      co_return to_error(database_error("57014", "no answer in time"));
    }
  }
  if (mine->failure) {
    auto e = to_error(*mine->failure);
    if (e.code == errc::internal)
      throw *mine->failure;
    co_return e;
  }
  if (!mine->rows)
    co_return to_error(lost);
  co_return std::move(mine->rows);
}

void link::take_results() {
  int empty = 0;
  while (open_ && !in_flight_.empty() && !PQisBusy(connection_.get())) {
    result_ptr r(PQgetResult(connection_.get()));
    if (!r) {
      if (++empty > 2 || PQstatus(connection_.get()) == CONNECTION_BAD)
        return close();
      ++in_flight_.front()->at;
      continue;
    }
    empty = 0;
    take_result(std::move(r));
  }
}

void link::take_result(result_ptr r) {
  auto& front = *in_flight_.front();
  const auto status = PQresultStatus(r.get());
  if (status == PGRES_PIPELINE_SYNC)
    return finish_front();
  const bool good = status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY;
  if (!good && front.at < front.steps.size() && !front.steps[front.at].name.empty())
    prepared_.erase(front.steps[front.at].name);
  if (good)
    front.rows = std::move(r);
  else if (!front.failure && status != PGRES_PIPELINE_ABORTED)
    front.failure.emplace(error_of(r.get()));
}

void link::finish_front() {
  const auto front = std::move(in_flight_.front());
  in_flight_.pop_front();
  front->finished = true;
  front->done.cancel();
  front_since_ = std::chrono::steady_clock::now();
}

asio::awaitable<void> link::closed() {
  const auto self = shared_from_this();
  while (open_) {
    boost::system::error_code ec;
    co_await closed_.async_wait(asio::redirect_error(asio::use_awaitable, ec));
  }
}

void link::close() {
  open_ = false;
  if (descriptor_) {
    descriptor_->release(); // libpq closes it
    descriptor_.reset();
  }
  connection_.reset();
  while (!in_flight_.empty()) {
    if (!in_flight_.front()->failure)
      in_flight_.front()->failure.emplace("08006", "the connection was lost");
    finish_front();
  }
  closed_.cancel();
}

} // namespace pricing::postgres::detail
