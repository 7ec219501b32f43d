#include "jobs/task_routes.hpp"

#include "jobs/job_tasks.hpp"

#include <map>

namespace pricing::jobs {
namespace {

using http::answer;
using http::context;
using http::method;

struct schema_view {
  boost::json::value tasks;      // by name: queue, input, output
  boost::json::value components; // schemas that input and output refer to
};
BOOST_DESCRIBE_STRUCT(schema_view, (), (tasks, components))

struct queue_view {
  std::string name;
  std::int64_t messages = 0; // in Redis, of every organization
  std::int64_t jobs = 0;     // due and not begun, of this organization
  double oldest_s = 0;       // how long the oldest of these jobs has been due
};
BOOST_DESCRIBE_STRUCT(queue_view, (), (name, messages, jobs, oldest_s))

struct queues_view {
  std::vector<queue_view> queues;
  std::int64_t unacknowledged = 0; // taken by workers and not yet ended
  std::int64_t parked = 0;         // for a later time
  std::int64_t dead_letters = 0;   // set aside because they could not be run
};
BOOST_DESCRIBE_STRUCT(queues_view, (), (queues, unacknowledged, parked, dead_letters))

struct waiting_row {
  std::string kind;
  std::int64_t jobs = 0;
  double oldest_s = 0;
};
BOOST_DESCRIBE_STRUCT(waiting_row, (), (kind, jobs, oldest_s))

constexpr const char* find_waiting =
    "select kind, count(*) as jobs, extract(epoch from now() - min(run_after))::float8 as oldest_s from jobs "
    "where organization_id = $1 and state = 'queued' and run_after <= now() group by kind";

// Queue of each task that is not Celery's own, by task name.
std::map<std::string, std::string> queues_of(const celery::task_table& tasks) {
  std::map<std::string, std::string> out;
  const auto schema = tasks.schema();
  for (const auto& [name, task] : schema.at("tasks").as_object())
    out[name] = task.at("queue").as_string();
  return out;
}

queues_view merged(celery::queues_now now, const std::vector<waiting_row>& waiting,
                   const std::map<std::string, std::string>& queues) {
  queues_view out{{}, now.unacknowledged, now.parked, now.dead_letters};
  for (auto& q : now.queues) {
    queue_view one{std::move(q.name), q.waiting, 0, 0};
    for (const auto& w : waiting)
      if (const auto at = queues.find(task_name(w.kind)); at != queues.end() && at->second == one.name) {
        one.jobs += w.jobs;
        one.oldest_s = std::max(one.oldest_s, w.oldest_s);
      }
    out.queues.push_back(std::move(one));
  }
  return out;
}

} // namespace

std::vector<http::route> task_routes(postgres::pool& database, redis::client& redis, const celery::key_names& keys,
                                     const celery::task_table& tasks) {
  std::vector<http::route> out;
  out.push_back(http::json_route<http::nothing, schema_view>(
      method::get, "/api/v1/tasks/schema",
      {.summary = "What every background task takes and gives", .permission = "job.read"},
      [&tasks](context&, http::nothing) -> answer<schema_view> {
        auto schema = tasks.schema();
        co_return schema_view{schema.at("tasks"), schema.at("components")};
      }));
  out.push_back(http::json_route<http::nothing, queues_view>(
      method::get, "/api/v1/tasks/queues", {.summary = "How much work waits, and how long", .permission = "job.read"},
      [&database, &redis, keys, queues = queues_of(tasks)](context& c, http::nothing) -> answer<queues_view> {
        const postgres::scope scope(c.organization(), c.deadline());
        auto waiting = co_await database.query<waiting_row>(scope, find_waiting, c.organization());
        if (!waiting)
          co_return waiting.error();
        std::vector<std::string> names;
        for (const auto& entry : queues)
          if (std::find(names.begin(), names.end(), entry.second) == names.end())
            names.push_back(entry.second);
        auto now = co_await celery::read_queues(redis, keys, std::move(names));
        if (!now)
          co_return now.error();
        co_return merged(std::move(*now), *waiting, queues);
      }));
  return out;
}

} // namespace pricing::jobs
