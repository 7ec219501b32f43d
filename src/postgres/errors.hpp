#pragma once
// What the server or the line to it reported. The pool turns what a caller can cause (a duplicate, a lock conflict, a
// timeout, a lost connection) into a result; session throws. A wrong statement is a defect of ours and always throws.
#include "core/error.hpp"

#include <stdexcept>
#include <string>
#include <string_view>

namespace pricing::postgres {

class database_error : public std::runtime_error {
 public:
  database_error(std::string sqlstate, const std::string& message)
      : std::runtime_error("postgres: " + message), sqlstate_(std::move(sqlstate)) {}
  // Five characters; "08006" when the connection was lost.
  const std::string& sqlstate() const { return sqlstate_; }
  bool is_unique_violation() const { return sqlstate_ == "23505"; }
  // Serialization failure or deadlock: the same transaction may succeed when run again.
  bool is_retryable() const { return sqlstate_ == "40001" || sqlstate_ == "40P01"; }
  bool is_connection_lost() const;

 private:
  std::string sqlstate_;
};

// unique, foreign key and lock conflicts → conflict; a broken check, a null, an unreadable value → invalid_input;
// timeouts → timeout; lost or full server → unavailable with retry_after; anything else → internal.
error to_error(const database_error& e);

} // namespace pricing::postgres
