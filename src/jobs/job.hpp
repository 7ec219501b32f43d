#pragma once
// A piece of background work and how it ends.
#include "core/clock.hpp"
#include "core/ids.hpp"

#include <boost/describe.hpp>
#include <boost/json/value.hpp>

#include <functional>
#include <stdexcept>
#include <string>

namespace pricing::jobs {

// A job as claimed; attempts counts this one.
struct job {
  job_id id;
  organization_id organization;
  std::string kind;
  boost::json::value payload;
  int attempts = 0;
  int attempts_max = 0;
  std::string worker; // who claimed it
};
BOOST_DESCRIBE_STRUCT(job, (), (id, organization, kind, payload, attempts, attempts_max, worker))

// Leaves a handler through its progress call when the work shall stop: the worker is asked to end, somebody revoked the
// job, a limit has passed, or another worker has it. Handlers let it pass: what they have committed stays.
class job_interrupted : public std::runtime_error {
 public:
  job_interrupted() : std::runtime_error("the job was interrupted") {}
};

// Called now and then by a handler, from its own thread: keeps what it has done so far for people to see. May throw
// job_interrupted.
using progress_function = std::function<void(boost::json::value)>;

} // namespace pricing::jobs
