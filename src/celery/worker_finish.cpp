// Results out: every write of a task goes with its acknowledgement, many tasks in one script.
#include "celery/worker_state.hpp"

#include "celery/message.hpp"
#include "core/log.hpp"
#include "wire/exact_json.hpp"
#include "wire/json.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace pricing::celery {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

void worker::state::ended_on_pool(std::vector<job_ptr> done) {
  on_pool -= done.size();
  last_end = steady_clock::now();
  for (const auto& j : done) {
    // A long one shows at once, short ones convince little by little.
    mean_runtime_s = mean_runtime_s > 1e8 || j->runtime_s > mean_runtime_s
                         ? j->runtime_s
                         : mean_runtime_s + (j->runtime_s - mean_runtime_s) / 8;
    settle(j);
  }
  kick_flush();
  wake_consumer();
}

void worker::state::settle(const job_ptr& j) {
  // Whoever was told to stop at once has not failed: shut_down gives the message back.
  if (cold && j->end == job_end::failure && !j->acknowledged && !j->abandoned)
    return;
  announce(*j);
  if (j->abandoned) // its hard limit has been written
    return forget(j);
  if (j->msg.chord() && !j->msg.group.empty() && j->end != job_end::retry && j->end != job_end::ignored) {
    ++chords_open;
    asio::co_spawn(io, finish_chord(j), asio::detached);
    return;
  }
  finished f;
  if (!j->acknowledged)
    f.tag = j->from.tag;
  f.redelivered = j->msg.redelivered;
  f.operations = std::move(j->result);
  f.first_result = j->msg.retries == 0 && !j->entry.options.track_started && j->progress_written == steady_time{};
  std::move(j->follow.begin(), j->follow.end(), std::back_inserter(f.operations));
  forget(j);
  if (!f.tag.empty() || !f.operations.empty())
    push_finished(std::move(f));
}

void worker::state::announce(const job& j) {
  ++counts.processed;
  const auto total = totals.find(j.msg.task);
  ++(total == totals.end() ? totals.emplace(j.msg.task, 0).first : total)->second;
  const char* name = "SUCCESS";
  if (j.end == job_end::failure)
    ++counts.failed, name = "FAILURE";
  else if (j.end == job_end::retry)
    ++counts.retried, name = "RETRY";
  else if (j.end == job_end::revoked)
    ++counts.revoked, name = "REVOKED";
  else if (j.end == job_end::ignored)
    name = "IGNORED";
  if (on_end)
    on_end(j.msg.task, name, std::chrono::duration<double>(j.started - j.received).count(), j.runtime_s);
  if (!events.tasks_enabled || j.end == job_end::ignored)
    return;
  std::string members;
  if (j.end == job_end::success) {
    members = R"("result": )";
    append_json_string(members, j.event_text);
    members += R"(, "runtime": )";
    append_json(members, j.runtime_s);
    return events.task("task-succeeded", j.msg.id, members);
  }
  if (j.end == job_end::revoked)
    return events.task("task-revoked", j.msg.id, R"("terminated": true, "signum": "SIGTERM", "expired": false)");
  members = R"("exception": )";
  append_json_string(members, j.event_text);
  members += R"(, "traceback": )";
  append_json_string(members, j.event_text);
  events.task(j.end == job_end::retry ? "task-retried" : "task-failed", j.msg.id, members);
}

void worker::state::forget(const job_ptr& j) {
  jobs.erase(j->from.tag);
}

void worker::state::push_finished(finished f) {
  finishing.push_back(std::move(f));
  kick_flush();
}

void worker::state::kick_flush() {
  if (finishing.empty() || std::exchange(flushing, true))
    return;
  asio::co_spawn(io, flush(), asio::detached);
}

// One batch is on its way while the next gathers.
asio::awaitable<void> worker::state::flush() {
  const auto self = shared_from_this();
  while (!finishing.empty()) {
    auto batch = std::move(finishing);
    finishing.clear();
    co_await finish_batch(std::move(batch));
  }
  flushing = false;
  stop_timer.cancel();
}

// Until it is written: what a task did must not be forgotten because Redis is away for a while.
asio::awaitable<void> worker::state::finish_batch(std::vector<finished> batch) {
  auto backoff = 50ms;
  for (;;) {
    auto written = co_await queues.finish(batch);
    if (written)
      co_return;
    if (written.error().code != errc::unavailable && batch.size() == 1) {
      log::error("a result cannot be written and is dropped", {{"error", json::string(written.error().message)}});
      co_return;
    }
    if (written.error().code != errc::unavailable) {
      // One of them is at fault: each on its own.
      for (auto& one : batch) {
        std::vector<finished> single;
        single.push_back(std::move(one));
        co_await finish_batch(std::move(single));
      }
      co_return;
    }
    if (cold && steady_clock::now() - last_round > 10s)
      co_return; // unacknowledged: the messages return
    redeclare = true;
    co_await pause(backoff);
    backoff = std::min(backoff * 2, 1'000ms);
  }
}

// A part of a chord: its result is stored and counted; the last part sends the body. The acknowledgement comes after
// that, so a worker killed in between leaves the message, and whoever runs it again sends the body once.
asio::awaitable<void> worker::state::finish_chord(job_ptr j) {
  const auto self = shared_from_this();
  const std::string group(j->msg.group);
  std::vector<finished> stored(1);
  stored[0].operations = j->result;
  if (!j->result.empty())
    co_await finish_batch(std::move(stored));
  const auto state = j->end == job_end::success   ? task_state::success
                     : j->end == job_end::revoked ? task_state::revoked
                                                  : task_state::failure;
  const auto part = celery::chord_part(j->msg.id, state, j->result_json);
  auto counted = co_await queues.chord_part(group, j->msg.group_index, part);
  while (!counted && counted.error().code == errc::unavailable && !cold) {
    co_await pause(200ms);
    counted = co_await queues.chord_part(group, j->msg.group_index, part);
  }
  finished f;
  f.tag = j->acknowledged ? "" : j->from.tag;
  f.redelivered = j->msg.redelivered;
  f.operations = std::move(j->follow);
  if (counted && counted->complete())
    co_await chord_body(*j, group, f.operations, counted->group_saved);
  if (counted)
    push_finished(std::move(f));
  else
    log::error("a part of a chord cannot be counted",
               {{"group", json::string(group)}, {"error", json::string(counted.error().message)}});
  forget(j);
  --chords_open;
  stop_timer.cancel();
}

namespace {

// "Dependency <id> raised ValueError('c')"
std::string dependency_text(const json::array& part) {
  const auto& id = part[1];
  exception_info e{"Exception", {}, ""};
  if (const auto* o = part[3].if_object()) {
    if (const auto* type = o->if_contains("exc_type"); type && type->is_string())
      e.type = type->get_string();
    if (const auto* words = o->if_contains("exc_message"); words && words->is_array())
      e.message = words->get_array();
    else if (words)
      e.message = {*words};
  }
  return "Dependency " + (id.is_string() ? std::string(id.get_string()) : std::string("?")) + " raised " + repr(e);
}

} // namespace

asio::awaitable<void> worker::state::chord_body(const job& j, std::string group, std::vector<operation>& follow,
                                                bool saved) {
  const auto parts = co_await queues.chord_results(group);
  json::array results;
  std::optional<exception_info> failed;
  if (!parts || parts->empty())
    co_return; // done by another part's worker
  for (const auto& text : *parts) {
    const auto v = wire::parse_exact(text, {}, message_limits{}.depth_max);
    const auto* part = v ? v->if_array() : nullptr;
    if (!part || part->size() != 4) {
      const std::string why = v ? "it is no record" : v.error().message;
      failed =
          exception_info{"ChordError", {json::string("a part's result cannot be read: " + why)}, "celery.exceptions"};
      continue;
    }
    const auto name = (*part)[2].is_string() ? std::string_view((*part)[2].get_string()) : std::string_view();
    if ((name == "FAILURE" || name == "REVOKED") && !failed)
      failed = exception_info{"ChordError", {json::string(dependency_text(*part))}, "celery.exceptions"};
    results.push_back((*part)[3]);
  }
  if (saved && !failed) {
    auto joined = co_await saved_group_results(group);
    if (joined)
      results = std::move(*joined);
    else
      failed = exception_info{"ChordError", {json::string(joined.error().message)}, "celery.exceptions"};
  }
  follow.push_back({operation::kind::end_chord, queues.keys().group_meta(group), ""});
  const auto body = parse_signature(json::value(*j.msg.chord()));
  apply_context context;
  context.root_id = j.msg.root_id, context.parent_id = j.msg.id, context.reply_to = j.msg.reply_to;
  context.origin = conclusion.origin, context.now = system_clock{}.now(), context.queue_of = conclusion.queue_of;
  result<applied> plan = invalid_input("");
  if (!failed) {
    plan = body ? apply(*body, json::array{std::move(results)}, context) : result<applied>(body.error());
    if (!plan)
      failed = exception_info{"ChordError", {json::string(plan.error().message)}, "celery.exceptions"};
  }
  if (!failed) {
    auto more = queues.operations_of(*plan);
    std::move(more.begin(), more.end(), std::back_inserter(follow));
    co_return;
  }
  // The body fails without running, and what would have been told of its failure is told.
  outgoing unrun;
  unrun.task = body ? body->task : "unknown";
  const auto* id = body ? body->options.if_contains("task_id") : nullptr;
  unrun.id = id && id->is_string() ? std::string(id->get_string()) : new_uuid();
  unrun.root_id = j.msg.root_id;
  const auto* errbacks = body ? body->options.if_contains("link_error") : nullptr;
  const json::value list = !errbacks || errbacks->is_array() ? json::value(errbacks ? *errbacks : json::value())
                                                             : json::value(json::array{*errbacks});
  const auto* chain = body ? body->options.if_contains("chain") : nullptr;
  unrun.body = encode_body({}, {}, {nullptr, &list, chain, nullptr});
  const auto m = message::parse(encode(unrun, "-"));
  if (!m)
    co_return;
  follow.push_back(
      {operation::kind::result, queues.keys().task_meta(unrun.id), failure_record(*m, task_state::failure, *failed)});
  append_failure_consequences(*m, *failed, conclusion, follow);
}

// A header with groups inside was saved as a tree of result tuples: [["<id>", parent], null | [children…]].
asio::awaitable<result<json::array>> worker::state::saved_group_results(std::string group) {
  auto text = co_await redis.get(queues.keys().group_meta(group));
  if (!text)
    co_return text.error();
  const auto saved = wire::parse_exact(text->value_or("null"), {}, message_limits{}.depth_max);
  const auto* o = saved ? saved->if_object() : nullptr;
  const auto* tree = o ? o->if_contains("result") : nullptr;
  std::vector<std::string> names;
  // Fills in the names on the way down; the shape is kept for the way back.
  const std::function<json::value(const json::value&, int)> walk = [&](const json::value& tuple, int depth) {
    const auto* pair = tuple.if_array();
    if (!pair || pair->size() != 2 || depth > 20)
      return json::value();
    if (const auto* children = (*pair)[1].if_array()) {
      json::array out;
      for (const auto& c : *children)
        out.push_back(walk(c, depth + 1));
      return json::value(std::move(out));
    }
    const auto* self = (*pair)[0].if_array();
    const auto* id = self && !self->empty() ? &(*self)[0] : &(*pair)[0];
    if (!id->is_string())
      return json::value();
    names.push_back(queues.keys().task_meta(id->get_string()));
    return json::value(static_cast<std::int64_t>(names.size() - 1));
  };
  const auto shape = tree ? walk(*tree, 0) : json::value();
  if (!shape.is_array() || names.empty())
    co_return invalid_input("the saved group cannot be read");
  auto texts = co_await redis.mget(names);
  if (!texts)
    co_return texts.error();
  std::string wrong;
  const std::function<json::value(const json::value&)> fill = [&](const json::value& v) {
    if (const auto* list = v.if_array()) {
      json::array out;
      for (const auto& one : *list)
        out.push_back(fill(one));
      return json::value(std::move(out));
    }
    if (!v.is_int64())
      return json::value();
    const auto& record = (*texts)[static_cast<std::size_t>(v.get_int64())];
    auto outcome = record ? parse_outcome(*record) : result<task_outcome>(not_found("a result is missing"));
    if (!outcome || outcome->state != task_state::success) {
      wrong = outcome ? "Dependency " + outcome->id + " raised " + outcome->failure_text() : outcome.error().message;
      return json::value();
    }
    return std::move(outcome->result);
  };
  auto joined = fill(shape);
  if (!wrong.empty())
    co_return invalid_input(wrong);
  co_return std::move(joined.get_array());
}

} // namespace pricing::celery
