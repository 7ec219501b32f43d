#pragma once
// Section "celery" of a worker process.
#include <boost/describe.hpp>

#include <string>

namespace pricing::celery {

struct config {
  std::string queues = "celery"; // comma separated; the first is where untyped tasks of ours go
  std::string node;              // "<name>@<host>"; empty: pricing@<host>
  std::string prefix;            // kombu's global_keyprefix
  std::string result_prefix;
  int concurrency = 2;     // threads for CPU handlers
  int io_concurrency = 64; // I/O handlers at once
  // Messages are taken before a thread is free only while tasks are so short that they begin within this time.
  int prefetch_ms = 20;
  int batch_max = 256; // messages of one reserve
  int visibility_timeout_s = 3'600;
  int sweep_every_s = 60;
  int result_expires_s = 86'400;
  int deliveries_max = 20;
  int dead_letter_max = 10'000;
  int message_mb_max = 16;
  int eta_hold_s = 60;        // an ETA further away is parked in Redis instead of held
  int held_max = 1'000;       // ETAs and rate-limited messages held here; more are parked
  int hard_limit_grace_s = 5; // a thread past its hard limit may go on so long before the process ends
  int memory_mb_max = 0;      // resident size above which the worker drains and ends for a clean restart; 0: none
  bool task_events = false;   // as celery worker -E
  bool mingle = true;
  bool deduplicate = true; // a redelivered task whose SUCCESS is stored is not run again
};
BOOST_DESCRIBE_STRUCT(config, (),
                      (queues, node, prefix, result_prefix, concurrency, io_concurrency, prefetch_ms, batch_max,
                       visibility_timeout_s, sweep_every_s, result_expires_s, deliveries_max, dead_letter_max,
                       message_mb_max, eta_hold_s, held_max, hard_limit_grace_s, memory_mb_max, task_events, mingle,
                       deduplicate))

} // namespace pricing::celery
