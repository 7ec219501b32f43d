#include "postgres/session.hpp"

#include <poll.h>

namespace pricing::postgres {
namespace {

constexpr std::size_t prepared_max = 500;

void ignore_notice(void*, const PGresult*) {}

std::string quoted_name(PGconn* c, const std::string& name) {
  const std::unique_ptr<char, void (*)(void*)> quoted(PQescapeIdentifier(c, name.data(), name.size()), PQfreemem);
  if (!quoted)
    throw database_error("22023", "'" + name + "' cannot be a name");
  return quoted.get();
}

// Rows of the binary COPY format out of the pieces libpq hands over (one row a piece).
class copy_reader {
 public:
  explicit copy_reader(const session::copy_row& on_row) : on_row_(on_row) {}
  // False at the trailer.
  bool feed(std::string_view piece) {
    std::size_t at = 0;
    if (!std::exchange(started_, true)) {
      constexpr std::size_t header = 11 + 4;
      at = header + 4 + static_cast<std::size_t>(detail::get<std::int32_t>(piece, header));
    }
    while (at < piece.size()) {
      const auto columns = detail::get<std::int16_t>(piece, at);
      at += 2;
      if (columns < 0)
        return false;
      fields_.clear();
      for (int c = 0; c < columns; ++c) {
        const auto size = detail::get<std::int32_t>(piece, at);
        at += 4;
        const auto bytes = size < 0 ? 0 : static_cast<std::size_t>(size);
        fields_.push_back({piece.substr(at, bytes), 0, size < 0});
        at += bytes;
      }
      on_row_(fields_);
    }
    return true;
  }

 private:
  const session::copy_row& on_row_;
  std::vector<field> fields_;
  bool started_ = false;
};

} // namespace

session::session(const std::string& url) : connection_(PQconnectdb(url.c_str())) {
  if (!connection_ || PQstatus(connection_.get()) != CONNECTION_OK)
    throw database_error("08001", connection_ ? PQerrorMessage(connection_.get()) : "out of memory");
  PQsetNoticeReceiver(connection_.get(), ignore_notice, nullptr);
}

session::~session() = default;

result_ptr session::checked(PGresult* raw) const {
  result_ptr r(raw);
  const auto status = PQresultStatus(r.get());
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_COPY_OUT || status == PGRES_COPY_IN ||
      status == PGRES_EMPTY_QUERY)
    return r;
  if (PQstatus(connection_.get()) != CONNECTION_OK)
    throw database_error("08006", PQerrorMessage(connection_.get()));
  throw error_of(r.get());
}

result_ptr session::run(std::string_view sql, const parameters& p) {
  const parameter_view view(p);
  const int count = static_cast<int>(view.values.size());
  const std::string text(sql);
  const std::string name = statement_name(sql, p);
  if (!prepared_.contains(name)) {
    if (prepared_.size() >= prepared_max)
      return checked(PQexecParams(connection_.get(), text.c_str(), count, p.types().data(), view.values.data(),
                                  view.lengths.data(), view.formats.data(), 1));
    checked(PQprepare(connection_.get(), name.c_str(), text.c_str(), count, p.types().data()));
    prepared_.insert(name);
  }
  return checked(PQexecPrepared(connection_.get(), name.c_str(), count, view.values.data(), view.lengths.data(),
                                view.formats.data(), 1));
}

void session::script(const std::string& sql) {
  checked(PQexec(connection_.get(), sql.c_str()));
}

void session::begin(organization_id organization) {
  script("begin");
  run("select set_config('app.organization_id', $1, true)",
      parameters::of(organization ? std::to_string(organization.value) : std::string()));
}
void session::commit() {
  const auto done = checked(PQexec(connection_.get(), "commit"));
  if (std::string_view(PQcmdStatus(done.get())) != "COMMIT")
    throw database_error("25P02", "the transaction had failed and was rolled back");
}
void session::rollback() {
  script("rollback");
}

void session::copy_out(const std::string& select, const copy_row& on_row) {
  checked(PQexec(connection_.get(), ("copy (" + select + ") to stdout (format binary)").c_str()));
  copy_reader reader(on_row);
  std::exception_ptr failure;
  char* piece = nullptr;
  int size = 0;
  while ((size = PQgetCopyData(connection_.get(), &piece, 0)) > 0) {
    const std::unique_ptr<char, void (*)(void*)> owned(piece, PQfreemem);
    try {
      if (!failure)
        reader.feed({piece, static_cast<std::size_t>(size)});
    } catch (...) {
      failure = std::current_exception(); // the rest is still read, so that the session stays usable
      cancel();
    }
  }
  result_ptr end(PQgetResult(connection_.get()));
  while (result_ptr more{PQgetResult(connection_.get())}) {
  }
  if (failure)
    std::rethrow_exception(failure);
  checked(end.release());
}

std::int64_t session::copy_in(const std::string& table, std::string_view text_rows) {
  checked(PQexec(connection_.get(), ("copy " + table + " from stdin").c_str()));
  constexpr std::size_t piece_max = 1 << 20;
  bool sent = true;
  for (std::size_t at = 0; sent && at < text_rows.size(); at += piece_max) {
    const auto piece = text_rows.substr(at, piece_max);
    sent = PQputCopyData(connection_.get(), piece.data(), static_cast<int>(piece.size())) == 1;
  }
  PQputCopyEnd(connection_.get(), sent ? nullptr : "the client could not send");
  result_ptr end(PQgetResult(connection_.get()));
  while (result_ptr more{PQgetResult(connection_.get())}) {
  }
  return affected_rows(checked(end.release()).get());
}

void session::listen(const std::string& channel) {
  script("listen " + quoted_name(connection_.get(), channel));
}

std::optional<notification> session::wait_notification(std::chrono::milliseconds patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  for (;;) {
    if (!PQconsumeInput(connection_.get()))
      throw database_error("08006", PQerrorMessage(connection_.get()));
    if (PGnotify* raw = PQnotifies(connection_.get())) {
      const std::unique_ptr<PGnotify, void (*)(void*)> owned(raw, PQfreemem);
      return notification{raw->relname, raw->extra};
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    if (left.count() <= 0)
      return std::nullopt;
    pollfd waiting{PQsocket(connection_.get()), POLLIN, 0};
    poll(&waiting, 1, static_cast<int>(left.count()));
  }
}

void session::cancel() noexcept {
  if (PGcancel* request = PQgetCancel(connection_.get())) {
    char why[256];
    PQcancel(request, why, sizeof why);
    PQfreeCancel(request);
  }
}

} // namespace pricing::postgres
