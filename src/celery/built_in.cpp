#include "celery/built_in.hpp"

#include <boost/json/parse.hpp>

namespace pricing::celery {
namespace {

// accumulate(*args, index=None)
handler_result accumulate(const message& m, task_context&) {
  const auto* index = m.kwargs().if_contains("index");
  if (!index || index->is_null())
    return to_python_json(m.args());
  const auto* at = index->if_int64();
  const auto size = static_cast<std::int64_t>(m.args().size());
  if (!at || *at < -size || *at >= size)
    return invalid_input("accumulate has no argument of this index");
  return to_python_json(m.args()[static_cast<std::size_t>(*at < 0 ? *at + size : *at)]);
}

handler_result done_nothing(const message&, task_context&) {
  return std::string("null");
}

// group, chain and chord sent as tasks of their own: their parts go out with this one's result.
handler_result composed(const message& m, task_context& c) {
  signature s{.task = std::string(m.task), .kwargs = m.kwargs()};
  s.subtask_type = s.task.substr(s.task.find('.') + 1);
  c.send(std::move(s));
  return std::string("null");
}

// The signature in kwargs.task and the list of its calls in kwargs.it, of map, starmap and chunks.
struct mapped {
  std::string task;
  json::array calls;
};
result<mapped> read_mapped(const message& m) {
  const auto* task = m.kwargs().if_contains("task");
  const auto* calls = m.kwargs().if_contains("it");
  if (!task || !calls || !calls->is_array())
    return invalid_input("map needs a task and the list it");
  if (task->is_string())
    return mapped{std::string(task->get_string()), calls->get_array()};
  auto s = parse_signature(*task);
  if (!s)
    return s.error();
  return mapped{s->task, calls->get_array()};
}

handler_result call_each(const message& m, task_context& c, const task_lookup& find, bool star) {
  const auto what = read_mapped(m);
  if (!what)
    return what.error();
  const auto* handler = find(what->task);
  if (!handler)
    return not_found("map calls a task that this worker does not run on its pool: " + what->task.substr(0, 200));
  std::string out = "[";
  for (const auto& one : what->calls) {
    const auto args = star && one.is_array() ? one.get_array() : json::array{one};
    outgoing call;
    call.task = what->task, call.id = m.id, call.body = encode_body(args, {});
    auto inner = message::parse(encode(call, "-"));
    if (!inner)
      return inner.error();
    auto r = (*handler)(*inner, c);
    if (!r)
      return r.error();
    if (out.size() > 1)
      out += ", ";
    out += *r;
  }
  return out + "]";
}

} // namespace

std::vector<std::pair<std::string, cpu_handler>> built_in_tasks() {
  return {{"celery.accumulate", accumulate},
          {"celery.backend_cleanup", done_nothing},
          {"celery.chord_unlock", done_nothing},
          {"celery.group", composed},
          {"celery.chain", composed},
          {"celery.chord", composed}};
}

std::vector<std::pair<std::string, cpu_handler>> mapping_tasks(task_lookup find) {
  const auto with = [&](bool star) -> cpu_handler {
    return [find, star](const message& m, task_context& c) { return call_each(m, c, find, star); };
  };
  return {{"celery.map", with(false)}, {"celery.starmap", with(true)}, {"celery.chunks", with(true)}};
}

} // namespace pricing::celery
