#pragma once
// The table `jobs` over one blocking session; every call is a transaction of its own. Throws database_error.
//
// A claim is held by worker name and attempt number: once the lease has run out and another worker has taken the job,
// heartbeat, succeed, fail and put_back of the former claim change nothing and return false.
#include "jobs/job.hpp"
#include "postgres/session.hpp"

#include <chrono>
#include <optional>
#include <span>
#include <vector>

namespace pricing::jobs {

enum class unless {
  never,      // always a new job
  queued,     // not if one of the same kind and payload still waits
  ever_queued // not if there has been one of the same kind and payload, however it ended
};

struct queue_state {
  std::int64_t waiting = 0; // due, not claimed
  double oldest_s = 0;      // how long the oldest of them has been due
};

class job_queue {
 public:
  explicit job_queue(postgres::session& database) : database_(database) {}

  // nullopt when `condition` found one already. Wakes the workers.
  std::optional<job_id> enqueue(organization_id organization, const std::string& kind,
                                const boost::json::value& payload, unless condition = unless::never,
                                std::chrono::seconds delay = std::chrono::seconds(0));

  // The oldest due job of these kinds of any organization, also one whose lease has run out.
  std::optional<job> claim(const std::string& worker, const std::vector<std::string>& kinds,
                           std::chrono::seconds lease);
  bool heartbeat(const job& j, const std::optional<boost::json::value>& progress, std::chrono::seconds lease);
  bool succeed(const job& j);
  // Queued again after `delay` while attempts are left and retry is set, else failed.
  bool fail(const job& j, const std::string& why, bool retry, std::chrono::seconds delay);
  // Queued again at once, as if it had not been claimed.
  bool put_back(const job& j);

  queue_state state(); // over all organizations

 private:
  postgres::session& database_;
};

// Waiting time before attempt n + 1: 5 s, 20 s, 80 s, … at most 15 minutes.
std::chrono::seconds retry_delay(int attempts);

} // namespace pricing::jobs
