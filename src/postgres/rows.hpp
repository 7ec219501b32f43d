#pragma once
// A PGresult that owns itself, and its rows as values.
#include "postgres/codec.hpp"
#include "postgres/errors.hpp"

#include <libpq-fe.h>

#include <memory>

namespace pricing::postgres {

struct clear_result {
  void operator()(PGresult* r) const { PQclear(r); }
};
using result_ptr = std::unique_ptr<PGresult, clear_result>;

database_error error_of(const PGresult* r);

inline field field_of(const PGresult* r, int row, int column) {
  return {{PQgetvalue(r, row, column), static_cast<std::size_t>(PQgetlength(r, row, column))},
          PQftype(r, column),
          PQgetisnull(r, row, column) != 0};
}

template <class Row>
std::vector<Row> decode_rows(const PGresult* r) {
  std::vector<Row> out;
  const int rows = PQntuples(r);
  const auto columns = static_cast<std::size_t>(PQnfields(r));
  out.reserve(static_cast<std::size_t>(rows));
  for (int i = 0; i < rows; ++i)
    out.push_back(decode_row<Row>(columns, [&](std::size_t c) { return field_of(r, i, static_cast<int>(c)); }));
  return out;
}

// Rows that an insert, update, delete or select touched.
std::int64_t affected_rows(const PGresult* r);

// libpq's view of encoded parameters; lives as long as they do.
struct parameter_view {
  explicit parameter_view(const parameters& p);
  std::vector<const char*> values;
  std::vector<int> lengths, formats;
};

// One name per statement text and parameter types.
std::string statement_name(std::string_view sql, const parameters& p);

} // namespace pricing::postgres
