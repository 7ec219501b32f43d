#pragma once
// Names of keys and channels in Redis, as kombu and Celery's Redis backend build them. Pure.
#include <string>
#include <string_view>
#include <vector>

namespace pricing::celery {

// The bytes between the parts of a binding and before a priority.
inline constexpr std::string_view separator = "\x06\x16";
// Steps of priority; 0 has the bare name and is consumed first.
inline constexpr int priority_steps[] = {0, 3, 6, 9};

struct key_names {
  std::string prefix;        // kombu's global_keyprefix, before everything the broker touches
  std::string result_prefix; // of the result backend, normally empty
  int database = 0;          // part of the channels' names

  // The list of a queue for one priority: clamped to 0..9, the largest step not above it.
  std::string queue(std::string_view name, int priority = 0) const;
  // All four lists, 0 first.
  std::vector<std::string> queue_steps(std::string_view name) const;
  std::string binding(std::string_view exchange) const;
  std::string unacked() const { return prefix + "unacked"; }
  std::string unacked_index() const { return prefix + "unacked_index"; }

  std::string task_meta(std::string_view id) const;
  std::string group_meta(std::string_view group) const;
  std::string chord_parts(std::string_view group) const { return group_meta(group) + ".j"; }
  std::string chord_extra(std::string_view group) const { return group_meta(group) + ".t"; }
  std::string chord_size(std::string_view group) const { return group_meta(group) + ".s"; }

  // Channels: "/0.celeryev/worker.heartbeat" for the event type "worker-heartbeat", "/0.celery.pidbox".
  std::string event_channel(std::string_view type) const;
  std::string control_channel() const;

  // Ours alone, unknown to Celery: messages set aside with a reason, redeliveries counted, far ETAs parked, whose
  // turn it is to sweep.
  std::string dead_letter() const { return prefix + "celery-dead-letter"; }
  std::string deliveries() const { return prefix + "celery-deliveries"; }
  std::string parked() const { return prefix + "celery-parked"; }
  std::string parked_index() const { return prefix + "celery-parked-index"; }
  std::string sweeper() const { return prefix + "celery-sweeper"; }
};

// "priority, default" as names; empty ones are left out.
std::vector<std::string> queue_names(std::string_view comma_separated);

// "<routing_key>\x06\x16<pattern>\x06\x16<queue>", a member of a binding set.
std::string binding_member(std::string_view routing_key, std::string_view pattern, std::string_view queue);
struct binding {
  std::string routing_key, pattern, queue;
};
// Missing parts stay empty.
binding parse_binding(std::string_view member);

} // namespace pricing::celery
