#include "postgres/errors.hpp"

namespace pricing::postgres {

bool database_error::is_connection_lost() const {
  return sqlstate_.starts_with("08") || sqlstate_.starts_with("57P");
}

error to_error(const database_error& e) {
  const std::string_view state = e.sqlstate();
  if (e.is_connection_lost() || state.starts_with("53"))
    return {errc::unavailable, "the database is not reachable; try again in a moment", {}, 1};
  if (state == "23505")
    return {errc::conflict, "this exists already"};
  if (state == "23503")
    return {errc::conflict, "this refers to something that does not exist, or is still referred to"};
  if (e.is_retryable() || state == "55P03")
    return {errc::conflict, "someone else changed this at the same time; try again", {}, 1};
  if (state == "57014")
    return {errc::timeout, "the database did not answer in time; narrow the question or try again"};
  if (state == "23514" || state == "23502" || state.starts_with("22"))
    return {errc::invalid_input, "a value is outside of what can be stored"};
  return {errc::internal, e.what()};
}

} // namespace pricing::postgres
