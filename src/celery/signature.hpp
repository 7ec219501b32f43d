#pragma once
// Signatures: tasks to be, alone or composed as chain, group and chord, in Celery's JSON form. apply() turns one into
// the messages and counters to write; it is pure, whoever calls it sends them.
//
//   const auto total = chord({add.s({1, 2}), add.s({3, 4})}, sum.s());
//   auto plan = apply(total, {}, context);
#include "celery/message.hpp"

#include <functional>
#include <vector>

namespace pricing::celery {

struct signature {
  std::string task;
  json::array args{};
  json::object kwargs{};
  json::object options{};   // task_id, queue, priority, countdown, link, …
  std::string subtask_type; // empty: null
  bool immutable = false;   // takes no argument from a parent
};

json::object to_json(const signature& s);
// Fails with the path of what is wrong.
result<signature> parse_signature(const json::value& v);

// Each link receives the result of the one before as its first argument.
signature chain(std::vector<signature> steps);
// All at once.
signature group(std::vector<signature> members);
// body runs once all of the header have ended, with the array of their results as first argument.
signature chord(std::vector<signature> header, signature body);

// Adds to options.link / options.link_error.
signature on_success(signature s, const signature& callback);
signature on_error(signature s, const signature& errback);

// What a message gets that its signature does not say.
struct apply_context {
  std::string root_id, parent_id; // of the caller's task; empty outside of one
  std::string reply_to, origin;
  timestamp now{};
  // The queue of a task without options.queue.
  std::function<std::string(std::string_view task)> queue_of = [](std::string_view) { return std::string("celery"); };
};

struct publication {
  std::string queue;
  int priority = 0;
  std::string payload;
};

struct applied {
  std::vector<publication> messages;
  std::vector<std::pair<std::string, std::int64_t>> chord_sizes; // group id and size, to be written first
  std::string id;                    // of the task whose result is the result of the whole; of the group for a group
  std::vector<std::string> task_ids; // of the messages
};

// Arguments before the signature's own (unless immutable), options over its own; `prepend` of a retry is empty.
// Fails when a signature inside is malformed or nested more than 50 deep.
result<applied> apply(const signature& s, const json::array& prepend, const apply_context& context,
                      const json::object& options = {});

} // namespace pricing::celery
