#include "postgres/session_pool.hpp"

namespace pricing::postgres {

std::unique_ptr<session> session_pool::take() {
  const std::lock_guard lock(mutex_);
  if (idle_.empty())
    return nullptr;
  auto s = std::move(idle_.back());
  idle_.pop_back();
  return s;
}

std::unique_ptr<session> session_pool::begin(organization_id organization) {
  while (auto kept = take()) {
    try {
      kept->begin(organization);
      return kept;
    } catch (const database_error&) {
      // Lost while it was idle: the next one, or a new one.
    }
  }
  auto fresh = connect_();
  fresh->begin(organization);
  return fresh;
}

void session_pool::give_back(std::unique_ptr<session> s) noexcept {
  try {
    if (!s->is_idle())
      s->rollback();
    const std::lock_guard lock(mutex_);
    if (s->is_idle() && idle_.size() < idle_max_)
      idle_.push_back(std::move(s));
  } catch (const std::exception&) {
    // It ends here.
  }
}

} // namespace pricing::postgres
