#include "postgres/rows.hpp"

#include <charconv>
#include <cstdio>

namespace pricing::postgres {

database_error error_of(const PGresult* r) {
  const char* state = r ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : nullptr;
  const char* text = r ? PQresultErrorMessage(r) : "no answer";
  std::string message = text ? text : "no message";
  while (!message.empty() && message.back() == '\n')
    message.pop_back();
  return {state ? state : "08006", message};
}

std::int64_t affected_rows(const PGresult* r) {
  const std::string_view text = PQcmdTuples(const_cast<PGresult*>(r));
  std::int64_t rows = 0;
  std::from_chars(text.data(), text.data() + text.size(), rows);
  return rows;
}

parameter_view::parameter_view(const parameters& p) : formats(p.values().size(), 1) {
  for (const auto& v : p.values()) {
    values.push_back(v ? v->data() : nullptr);
    lengths.push_back(v ? static_cast<int>(v->size()) : 0);
  }
}

std::string statement_name(std::string_view sql, const parameters& p) {
  std::uint64_t hash = 14695981039346656037ull; // FNV-1a
  const auto mix = [&](std::string_view bytes) {
    for (const char c : bytes)
      hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  };
  mix(sql);
  mix({reinterpret_cast<const char*>(p.types().data()), p.types().size_bytes()});
  char name[24];
  std::snprintf(name, sizeof name, "p%016llx", static_cast<unsigned long long>(hash));
  return name;
}

} // namespace pricing::postgres
