#pragma once
// The table `jobs` over one blocking session; every call is a transaction of its own. Throws database_error.
//
// A claim is held by worker name and attempt number: once the lease has run out and another worker has taken the job,
// heartbeat, succeed, fail and put_back of the former claim change nothing and say so.
#include "jobs/job.hpp"
#include "postgres/session.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <span>
#include <vector>

namespace pricing::jobs {

enum class unless {
  never,      // always a new job
  queued,     // not if one of the same kind and payload still waits
  ever_queued // not if there has been one of the same kind and payload, however it ended
};

enum class hold {
  kept,    // the lease is renewed
  stopped, // renewed too, but somebody asked to stop the job
  lost     // another worker has it, or it has ended
};

// What is sent for a job.
struct message {
  job_id id;
  organization_id organization;
  std::string kind;
  boost::json::value payload;
  std::string task_id;
};
BOOST_DESCRIBE_STRUCT(message, (), (id, organization, kind, payload, task_id))

struct ended_task {
  std::string state;
  std::optional<boost::json::value> result;
};
BOOST_DESCRIBE_STRUCT(ended_task, (), (state, result))

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

  hold heartbeat(const job& j, const std::optional<boost::json::value>& progress, std::chrono::seconds lease);
  bool succeed(const job& j, const std::optional<boost::json::value>& result = std::nullopt);
  // Queued again after `delay` while attempts are left and retry is set, else failed.
  bool fail(const job& j, const std::string& why, bool retry, std::chrono::seconds delay);
  // Ended because somebody revoked it.
  bool revoke(const job& j);
  // Queued again at once, as if it had not been claimed; one that was to stop has stopped.
  bool put_back(const job& j);

  // Due jobs whose message was never sent, or is taken for lost: sent `lost_after` ago and still not claimed, or
  // claimed by a worker that died. They count as sent now. A message sent twice does no harm.
  std::vector<message> take_unsent(const std::vector<std::string>& kinds, int most, std::chrono::seconds lost_after);
  // They were not sent after all.
  void untake(const std::vector<job_id>& ids);
  // The job of a message, unless it has ended, is not due, or runs elsewhere.
  std::optional<job> claim_task(const std::string& task_id, const std::string& worker, std::chrono::seconds lease);

  // Of the organization; nullopt when it has no such job.
  std::optional<ended_task> find_task(organization_id organization, const std::string& task_id);
  // A job for a message that came without one. False when there is no such organization; true also when somebody else
  // adopted it meanwhile.
  bool adopt(organization_id organization, const std::string& kind, const boost::json::value& payload,
             const std::string& task_id);

  queue_state state(); // over all organizations
  // Those made within a day, over all organizations: how many are in each state.
  std::map<std::string, std::int64_t> recent_states();

 private:
  postgres::session& database_;
};

// Waiting time before attempt n + 1: 5 s, 20 s, 80 s, … at most 15 minutes.
std::chrono::seconds retry_delay(int attempts);

} // namespace pricing::jobs
