#include "celery/job.hpp"

#include "celery/message.hpp"
#include "wire/exact_json.hpp"
#include "wire/json.hpp"

#include <boost/json/parse.hpp>

#include <algorithm>
#include <cmath>
#include <random>

namespace pricing::celery {
namespace {

bool is_transient(errc code) {
  return code == errc::unavailable || code == errc::rate_limited;
}

apply_context children_of(const message& m, const conclude_context& c) {
  apply_context out;
  out.root_id = m.root_id.empty() ? m.id : m.root_id;
  out.parent_id = m.id;
  out.reply_to = m.reply_to;
  out.origin = c.origin;
  out.now = system_clock{}.now();
  out.queue_of = c.queue_of;
  return out;
}

void store(job& j, const conclude_context& c, task_state state, std::string_view traceback, std::string_view children) {
  if (!j.stores_result())
    return;
  result_record r;
  r.id = j.msg.id, r.state = state, r.result_json = j.result_json, r.traceback = traceback;
  r.children_json = children, r.parent_id = j.msg.parent_id, r.group_id = j.msg.group;
  r.done = system_clock{}.now();
  j.result.push_back({operation::kind::result, c.keys.task_meta(j.msg.id), encode(r)});
}

// The callbacks, the next of the chain, and what the handler sent itself. Fails on a malformed signature.
result<json::array> children(job& j, const conclude_context& c) {
  const auto& m = j.msg;
  json::array ids;
  const auto send = [&](const applied& plan) {
    auto more = c.queues.operations_of(plan);
    std::move(more.begin(), more.end(), std::back_inserter(j.follow));
    ids.push_back(json::string(plan.id));
  };
  for (const auto& s : job_access::children(j.context)) {
    const auto plan = apply(s, {}, children_of(m, c));
    if (!plan)
      return plan.error();
    send(*plan);
  }
  if (!m.callbacks() && !m.chain())
    return ids;
  auto value = wire::parse_exact(j.result_json, {}, message_limits{}.depth_max);
  const json::array argument{value ? std::move(*value) : json::value()};
  if (m.callbacks())
    for (const auto& one : *m.callbacks()) {
      const auto s = parse_signature(one);
      const auto plan = s ? apply(*s, argument, children_of(m, c)) : s.error();
      if (!plan)
        return plan.error();
      send(*plan);
    }
  if (m.chain()) {
    json::array rest(*m.chain());
    const auto s = parse_signature(rest.back());
    rest.pop_back();
    const auto plan = s ? apply(*s, argument, children_of(m, c), {{"chain", std::move(rest)}}) : s.error();
    if (!plan)
      return plan.error();
    send(*plan);
  }
  return ids;
}

void fail(job& j, const conclude_context& c, const exception_info& e) {
  j.end = job_end::failure;
  j.result_json = to_python_json(to_json(e));
  j.event_text = repr(e);
  j.result.clear(), j.follow.clear();
  store(j, c, task_state::failure, j.event_text + "\n", "[]");
  append_failure_consequences(j.msg, e, c, j.follow);
}

void retry(job& j, const conclude_context& c, const exception_info& e, double pause_s) {
  j.end = job_end::retry;
  j.result_json = to_python_json(to_json(e));
  j.event_text = repr(e);
  auto again = resend(j.msg);
  again.retries = j.msg.retries + 1;
  again.eta = from_unix(to_unix(system_clock{}.now()) + pause_s);
  again.parent_id = j.msg.id;
  again.queue = j.from.queue;
  again.exchange.clear();
  store(j, c, task_state::retry, j.event_text + "\n", "[]");
  j.follow.push_back({operation::kind::push, c.keys.queue(again.queue, again.priority), encode(again)});
}

void succeed(job& j, const conclude_context& c, std::string json_text) {
  j.end = job_end::success;
  j.result_json = std::move(json_text);
  const auto sent = children(j, c);
  if (!sent)
    return fail(j, c, exception_of(sent.error()));
  std::string tuples = "[";
  for (const auto& id : *sent)
    tuples += (tuples.size() > 1 ? ", " : "") + child_tuple(id.get_string(), "");
  store(j, c, task_state::success, {}, tuples + "]");
  if (c.describe) {
    const auto v = wire::parse_exact(j.result_json, {}, message_limits{}.depth_max);
    j.event_text = v ? repr(*v) : j.result_json.substr(0, 1024);
  }
}

exception_info limit_exceeded(const char* type, double seconds, const char* module) {
  const bool whole = seconds == std::floor(seconds);
  return {type, {whole ? json::value(static_cast<std::int64_t>(seconds)) : json::value(seconds)}, module};
}

} // namespace

double retry_pause_s(const task_options& o, int retries) {
  thread_local std::minstd_rand random(std::random_device{}());
  const double most = std::min<double>(o.retry_backoff_max_s, o.retry_backoff_s * std::pow(2.0, std::min(retries, 30)));
  return std::uniform_real_distribution<double>(0, std::max(0.0, most))(random);
}

std::string failure_record(const message& m, task_state state, const exception_info& e) {
  const auto text = to_python_json(to_json(e));
  result_record r;
  r.id = m.id, r.state = state, r.result_json = text, r.parent_id = m.parent_id, r.group_id = m.group;
  r.done = system_clock{}.now();
  return encode(r);
}

void append_failure_consequences(const message& m, const exception_info& e, const conclude_context& c,
                                 std::vector<operation>& out) {
  const auto text = to_python_json(to_json(e));
  if (m.chain())
    for (const auto& one : *m.chain()) {
      const auto s = parse_signature(one);
      const auto* id = s ? s->options.if_contains("task_id") : nullptr;
      if (!id || !id->is_string())
        continue;
      result_record r;
      r.id = id->get_string(), r.state = task_state::failure, r.result_json = text, r.done = system_clock{}.now();
      out.push_back({operation::kind::result, c.keys.task_meta(r.id), encode(r)});
    }
  if (!m.errbacks())
    return;
  const json::array argument{json::string(m.id)};
  for (const auto& one : *m.errbacks()) {
    const auto s = parse_signature(one);
    const auto plan = s ? apply(*s, argument, children_of(m, c)) : s.error();
    if (!plan)
      continue; // a malformed errback must not hide the failure itself
    auto more = c.queues.operations_of(*plan);
    std::move(more.begin(), more.end(), std::back_inserter(out));
  }
}

void conclude(job& j, const conclude_context& c) {
  auto& outcome = *j.outcome;
  if (j.terminated) {
    j.end = job_end::revoked;
    const exception_info e{"TaskRevokedError", {"terminated"}, "celery.exceptions"};
    j.result_json = to_python_json(to_json(e));
    store(j, c, task_state::revoked, {}, "[]");
    append_failure_consequences(j.msg, e, c, j.follow);
    return;
  }
  if (outcome)
    return succeed(j, c, std::move(*outcome));
  const auto& why = outcome.error();
  if (job_access::ignored(j.context)) {
    j.end = job_end::ignored;
    return;
  }
  auto e = job_access::exception(j.context).value_or(exception_of(why));
  if (why.code == errc::timeout && j.context.past_soft_limit())
    e = limit_exceeded("SoftTimeLimitExceeded", j.soft_limit_s(), "billiard.exceptions");
  const auto& asked = job_access::retry_in(j.context);
  if ((asked || is_transient(why.code)) && j.msg.retries < j.entry.options.max_retries) {
    const double pause = asked                   ? *asked
                         : why.retry_after_s > 0 ? why.retry_after_s
                                                 : retry_pause_s(j.entry.options, j.msg.retries);
    return retry(j, c, e, pause);
  }
  fail(j, c, e);
}

} // namespace pricing::celery
