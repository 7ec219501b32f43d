#pragma once
// The record of a task in Celery's Redis result backend: celery-task-meta-<id>. Pure.
#include "celery/text.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace pricing::celery {

enum class task_state { pending, started, retry, success, failure, revoked };
std::string_view to_string(task_state s); // "SUCCESS"
// Custom states read as started: begun and not over.
task_state state_of(std::string_view name);
inline bool is_ready(task_state s) {
  return s == task_state::success || s == task_state::failure || s == task_state::revoked;
}

// What Python clients raise: module and type are imported, or made up on the fly; message is the arguments.
struct exception_info {
  std::string type = "RuntimeError";
  json::array message{};
  std::string module = "builtins";
};
json::value to_json(const exception_info& e);
// "ValueError('boom')"
std::string repr(const exception_info& e);

// For what a handler of ours fails with: invalid_input is a ValueError, unavailable a ConnectionError…
exception_info exception_of(const error& e);

struct result_record {
  std::string_view id;
  task_state state = task_state::success;
  std::string_view custom_state{};       // instead of state, e.g. PROGRESS
  std::string_view result_json = "null"; // JSON text
  std::string_view traceback{};          // empty: null
  std::string_view children_json = "[]";
  std::string_view parent_id{}, group_id{};
  timestamp done{}; // written for ready states
};
std::string encode(const result_record& r);

// A record as read.
struct task_outcome {
  std::string id;
  task_state state = task_state::pending;
  json::value result; // or the exception's dictionary
  std::string traceback;
  json::value children;
  // "ValueError: boom" for failures
  std::string failure_text() const;
};
result<task_outcome> parse_outcome(std::string_view text);

// [["<id>", parent], null]: a child in `children`.
std::string child_tuple(std::string_view id, std::string_view parent_id);
// '[1, "<id>", "<STATE>", <result>]': a finished part in a chord's sorted set.
std::string chord_part(std::string_view id, task_state state, std::string_view result_json);

} // namespace pricing::celery
