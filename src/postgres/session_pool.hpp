#pragma once
// Sessions that are kept for the next caller, for blocking code that is called often: opening one costs the server a
// process. Thread-safe.
#include "postgres/session.hpp"

#include <memory>
#include <mutex>
#include <vector>

namespace pricing::postgres {

class session_pool {
 public:
  // `idle_max` sessions are kept; there may be as many as callers.
  session_pool(std::function<std::unique_ptr<session>()> connect, std::size_t idle_max)
      : connect_(std::move(connect)), idle_max_(idle_max) {}

  // A session in a transaction of the organization. Throws database_error when the server is away; a kept session that
  // was lost meanwhile is replaced.
  std::unique_ptr<session> begin(organization_id organization);
  // Rolls back what is open. Not for a session that holds locks or temporary tables: let that one end.
  void give_back(std::unique_ptr<session> s) noexcept;

 private:
  std::unique_ptr<session> take();

  const std::function<std::unique_ptr<session>()> connect_;
  const std::size_t idle_max_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<session>> idle_;
};

} // namespace pricing::postgres
