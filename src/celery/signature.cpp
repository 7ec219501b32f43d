#include "celery/signature.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace pricing::celery {
namespace {

constexpr int depth_max = 50;
constexpr std::size_t members_max = 100'000;

std::string text_option(const json::object& o, std::string_view name) {
  const auto* v = o.if_contains(name);
  return v && v->is_string() ? std::string(v->get_string()) : std::string();
}

std::optional<double> number_option(const json::object& o, std::string_view name) {
  const auto* v = o.if_contains(name);
  if (v && v->is_int64())
    return static_cast<double>(v->get_int64());
  if (v && v->is_uint64())
    return static_cast<double>(v->get_uint64());
  if (v && v->is_double() && std::isfinite(v->get_double()))
    return v->get_double();
  return std::nullopt;
}

timestamp later(timestamp from, double seconds) {
  return from + std::chrono::microseconds(std::llround(std::clamp(seconds, -1e9, 1e9) * 1e6));
}

// A moment given as text, or as seconds from now.
std::optional<timestamp> moment_option(const json::object& o, std::string_view name, timestamp now) {
  if (const auto seconds = number_option(o, name))
    return later(now, *seconds);
  const auto text = text_option(o, name);
  if (text.empty())
    return std::nullopt;
  const auto at = from_iso(text);
  return at ? std::optional(*at) : std::nullopt;
}

json::array list_option(const json::object& o, std::string_view name) {
  const auto* v = o.if_contains(name);
  if (!v || v->is_null())
    return {};
  return v->is_array() ? v->get_array() : json::array{*v};
}

const json::value* non_empty(const json::value& v) {
  return v.is_null() || (v.is_array() && v.get_array().empty()) ? nullptr : &v;
}

json::array concat(const json::array& a, const json::array& b) {
  json::array out = a;
  out.insert(out.end(), b.begin(), b.end());
  return out;
}

// Of a signature's own options with those of its surroundings.
json::object merged(const json::object& own, const json::object& over) {
  json::object out = own;
  for (const auto& [name, v] : over)
    if (!(name == "group_id" && out.contains("group_id") && !out["group_id"].is_null()))
      out[name] = v;
  return out;
}

std::vector<signature> tasks_of(const json::value& v) {
  // A group where a list is expected stands for its members.
  if (const auto* o = v.if_object())
    if (const auto* k = o->if_contains("kwargs"); k && k->is_object() && k->get_object().contains("tasks"))
      return tasks_of(k->get_object().at("tasks"));
  const auto* list = v.if_array();
  if (!list || list->size() > members_max)
    throw std::invalid_argument("its tasks are not a list of signatures");
  std::vector<signature> out;
  for (const auto& one : *list) {
    auto s = parse_signature(one);
    if (!s)
      throw std::invalid_argument(s.error().message);
    out.push_back(std::move(*s));
  }
  return out;
}

const json::value& member(const json::object& o, std::string_view name) {
  const auto* v = o.if_contains(name);
  if (!v)
    throw std::invalid_argument("'" + std::string(name) + "' is missing");
  return *v;
}

bool is_group(const signature& s) {
  return s.subtask_type == "group" || s.task == "celery.group";
}
bool is_chain(const signature& s) {
  return s.subtask_type == "chain" || s.task == "celery.chain";
}
bool is_chord(const signature& s) {
  return s.subtask_type == "chord" || s.task == "celery.chord";
}

// Groups inside groups run together.
std::vector<signature> unrolled(const std::vector<signature>& members, int depth) {
  if (depth > depth_max)
    throw std::invalid_argument("it is nested too deeply");
  std::vector<signature> out;
  for (const auto& m : members) {
    if (!is_group(m)) {
      out.push_back(m);
      continue;
    }
    for (auto& inner : unrolled(tasks_of(member(m.kwargs, "tasks")), depth + 1)) {
      if (!inner.immutable)
        inner.args = concat(m.args, inner.args);
      out.push_back(std::move(inner));
    }
  }
  return out;
}

class applier {
 public:
  explicit applier(const apply_context& c) : context_(c) {}

  // Returns the id under which the result of s will stand.
  std::string run(const signature& s, const json::array& prepend, const json::object& over, int depth) {
    if (depth > depth_max)
      throw std::invalid_argument("it is nested too deeply");
    const auto options = merged(s.options, over);
    const auto args = s.immutable ? s.args : concat(prepend, s.args);
    if (is_chain(s))
      return run_chain(s, args, options, depth);
    if (is_group(s))
      return run_group(s, args, options, depth);
    if (is_chord(s))
      return run_chord(s, args, options, depth);
    return send(s, args, options);
  }

  applied take() { return std::move(out_); }

 private:
  std::string run_chain(const signature& s, const json::array& args, json::object options, int depth) {
    auto steps = steps_of(s, depth);
    if (steps.empty())
      throw std::invalid_argument("a chain has no tasks");
    for (auto& step : steps)
      if (text_option(step.options, "task_id").empty())
        step.options["task_id"] = new_uuid();
    finish_last(steps.back(), options);
    for (auto& step : steps) {
      for (const auto& errback : list_option(options, "link_error"))
        step = on_error_json(std::move(step), errback);
      if (!context_.reply_to.empty() && !step.options.contains("reply_to"))
        step.options["reply_to"] = context_.reply_to;
    }
    // The worker takes the next step from the end; what follows this chain comes last.
    json::array rest = list_option(options, "chain");
    for (std::size_t i = steps.size(); i-- > 1;)
      rest.push_back(to_json(steps[i]));
    auto last_id = text_option(steps.back().options, "task_id");
    json::object over;
    if (!rest.empty())
      over["chain"] = std::move(rest);
    for (const auto* name : {"countdown", "eta", "queue", "priority"})
      if (const auto* v = options.if_contains(name))
        over[name] = *v;
    run(steps.front(), args, over, depth + 1);
    return last_id;
  }

  // Chains inside are spliced; a group with a step behind it becomes a chord.
  std::vector<signature> steps_of(const signature& s, int depth) {
    if (depth > depth_max)
      throw std::invalid_argument("it is nested too deeply");
    std::vector<signature> flat;
    for (auto& step : tasks_of(member(s.kwargs, "tasks"))) {
      if (!is_chain(step)) {
        flat.push_back(std::move(step));
        continue;
      }
      for (auto& inner : steps_of(step, depth + 1))
        flat.push_back(std::move(inner));
    }
    std::vector<signature> out;
    while (!flat.empty()) {
      auto step = std::move(flat.back());
      flat.pop_back();
      if (is_group(step) && !out.empty() && !is_group(out.back())) {
        auto members = tasks_of(member(step.kwargs, "tasks"));
        auto upgraded = chord(std::move(members), std::move(out.back()));
        upgraded.args = step.args;
        out.back() = std::move(upgraded);
      } else {
        out.push_back(std::move(step));
      }
    }
    std::reverse(out.begin(), out.end());
    return out;
  }

  // The end of the chain stands for the whole: its id, its part in a group or chord, its callbacks.
  static void finish_last(signature& last, const json::object& options) {
    for (const auto* name : {"task_id", "group_id", "group_index", "chord", "ignore_result"})
      if (const auto* v = options.if_contains(name); v && !v->is_null())
        last.options[name] = *v;
    for (const auto& callback : list_option(options, "link")) {
      auto links = list_option(last.options, "link");
      links.push_back(callback);
      last.options["link"] = std::move(links);
    }
  }

  static signature on_error_json(signature s, const json::value& errback) {
    auto links = list_option(s.options, "link_error");
    links.push_back(errback);
    s.options["link_error"] = std::move(links);
    return s;
  }

  std::string run_group(const signature& s, const json::array& args, const json::object& options, int depth) {
    const auto members = unrolled(tasks_of(member(s.kwargs, "tasks")), depth);
    auto id = text_option(options, "task_id");
    if (id.empty())
      id = new_uuid();
    json::object over = options;
    for (const auto* name : {"task_id", "chain"})
      over.erase(name);
    std::int64_t index = 0;
    for (const auto& m : members) {
      over["group_id"] = id;
      over["group_index"] = index++;
      run(m, args, over, depth + 1);
    }
    return id;
  }

  // The id of what a signature ends with; empty when it has none yet.
  std::string id_of_end(const signature& s, int depth) const {
    if (depth > depth_max)
      throw std::invalid_argument("it is nested too deeply");
    if (is_chain(s)) {
      const auto steps = tasks_of(member(s.kwargs, "tasks"));
      return steps.empty() ? std::string() : id_of_end(steps.back(), depth + 1);
    }
    if (is_chord(s)) {
      const auto body = parse_signature(member(s.kwargs, "body"));
      return body ? id_of_end(*body, depth + 1) : std::string();
    }
    return text_option(s.options, "task_id");
  }

  static std::string header_id(const json::value& header) {
    const auto group = parse_signature(header); // or a plain list
    return group && is_group(*group) ? text_option(group->options, "task_id") : std::string();
  }

  std::string run_chord(const signature& s, const json::array& args, json::object options, int depth) {
    auto parsed = parse_signature(member(s.kwargs, "body"));
    if (!parsed)
      throw std::invalid_argument(parsed.error().message);
    auto body = std::move(*parsed);
    // A frozen body has the id that the caller waits for; the chord's own is then its group's.
    auto id = id_of_end(body, depth);
    if (id.empty())
      id = text_option(options, "task_id");
    if (id.empty())
      id = new_uuid();
    options.erase("task_id");
    for (const auto* name : {"countdown", "eta"})
      options.erase(name);
    for (const auto& [name, v] : options)
      body.options[name] = v;
    body.options["task_id"] = id;
    if (!context_.reply_to.empty())
      body.options["reply_to"] = context_.reply_to;

    const auto header = unrolled(tasks_of(member(s.kwargs, "header")), depth);
    if (header.empty())
      return run(body, json::array{json::array()}, {}, depth + 1);
    auto group = header_id(member(s.kwargs, "header"));
    if (group.empty())
      group = new_uuid();
    out_.chord_sizes.emplace_back(group, static_cast<std::int64_t>(header.size()));
    json::object over{{"group_id", group}, {"chord", to_json(body)}};
    std::int64_t index = 0;
    for (const auto& part : header) {
      over["group_index"] = index++;
      run(part, args, over, depth + 1);
    }
    return id;
  }

  std::string send(const signature& s, const json::array& args, const json::object& options) {
    outgoing m;
    m.task = s.task;
    m.id = text_option(options, "task_id");
    if (m.id.empty())
      m.id = new_uuid();
    m.root_id = context_.root_id, m.parent_id = context_.parent_id;
    m.shadow = text_option(options, "shadow"), m.group = text_option(options, "group_id");
    m.reply_to = text_option(options, "reply_to");
    if (m.reply_to.empty())
      m.reply_to = context_.reply_to;
    m.origin = context_.origin;
    place(m, options);
    time(m, options);
    if (const auto index = number_option(options, "group_index"))
      m.group_index = static_cast<std::int64_t>(*index);
    m.limits = {number_option(options, "time_limit"), number_option(options, "soft_time_limit")};
    m.retries = static_cast<int>(std::clamp(number_option(options, "retries").value_or(0), 0.0, 1e6));
    const auto* quiet = options.if_contains("ignore_result");
    m.ignore_result = quiet && quiet->is_bool() && quiet->get_bool();
    if (const auto* headers = options.if_contains("headers"); headers && headers->is_object())
      m.headers = headers->get_object();
    m.argsrepr = repr(args, 1024, brackets::tuple);
    m.kwargsrepr = repr(json::value(s.kwargs));
    const json::value callbacks = list_option(options, "link"), errbacks = list_option(options, "link_error");
    const auto* chain = options.if_contains("chain"); // [] once the last step is reached
    const auto* chord_body = options.if_contains("chord");
    m.body = encode_body(args, s.kwargs,
                         {non_empty(callbacks), non_empty(errbacks), chain && chain->is_array() ? chain : nullptr,
                          chord_body && chord_body->is_object() ? chord_body : nullptr});
    out_.messages.push_back({m.queue, m.priority, encode(m)});
    out_.task_ids.push_back(m.id);
    return m.id;
  }

  void place(outgoing& m, const json::object& options) const {
    m.queue = text_option(options, "queue");
    if (m.queue.empty())
      m.queue = text_option(options, "routing_key");
    if (m.queue.empty())
      m.queue = context_.queue_of(m.task);
    m.priority = static_cast<int>(std::clamp(number_option(options, "priority").value_or(0), 0.0, 255.0));
  }

  void time(outgoing& m, const json::object& options) const {
    if (const auto seconds = number_option(options, "countdown"))
      m.eta = later(context_.now, *seconds);
    else
      m.eta = moment_option(options, "eta", context_.now);
    m.expires = moment_option(options, "expires", context_.now);
    if (m.expires)
      m.expiration_ms = std::max<std::int64_t>(
          0, std::chrono::duration_cast<std::chrono::milliseconds>(*m.expires - context_.now).count());
  }

  const apply_context& context_;
  applied out_;
};

} // namespace

json::object to_json(const signature& s) {
  return {{"task", s.task},
          {"args", s.args},
          {"kwargs", s.kwargs},
          {"options", s.options},
          {"subtask_type", s.subtask_type.empty() ? json::value() : json::value(s.subtask_type)},
          {"immutable", s.immutable}};
}

result<signature> parse_signature(const json::value& v) {
  const auto* o = v.if_object();
  if (!o)
    return invalid_input("a signature must be an object");
  signature out;
  out.task = text_option(*o, "task");
  out.subtask_type = text_option(*o, "subtask_type");
  if (out.task.empty())
    return invalid_input("a signature names no task");
  const auto* args = o->if_contains("args");
  const auto* kwargs = o->if_contains("kwargs");
  const auto* options = o->if_contains("options");
  const auto* immutable = o->if_contains("immutable");
  if ((args && !args->is_null() && !args->is_array()) || (kwargs && !kwargs->is_null() && !kwargs->is_object()) ||
      (options && !options->is_null() && !options->is_object()))
    return invalid_input("the signature of " + out.task.substr(0, 200) +
                         " has args, kwargs or options of a wrong kind");
  if (args && args->is_array())
    out.args = args->get_array();
  if (kwargs && kwargs->is_object())
    out.kwargs = kwargs->get_object();
  if (options && options->is_object())
    out.options = options->get_object();
  out.immutable = immutable && immutable->is_bool() && immutable->get_bool();
  return out;
}

namespace {
json::array all_json(const std::vector<signature>& list) {
  json::array out;
  for (const auto& s : list)
    out.push_back(to_json(s));
  return out;
}
} // namespace

signature chain(std::vector<signature> steps) {
  return {.task = "celery.chain", .kwargs = {{"tasks", all_json(steps)}}, .subtask_type = "chain"};
}

signature group(std::vector<signature> members) {
  return {.task = "celery.group", .kwargs = {{"tasks", all_json(members)}}, .subtask_type = "group"};
}

signature chord(std::vector<signature> header, signature body) {
  return {
      .task = "celery.chord",
      .kwargs = {{"kwargs", json::object()}, {"header", to_json(group(std::move(header)))}, {"body", to_json(body)}},
      .subtask_type = "chord"};
}

signature on_success(signature s, const signature& callback) {
  auto links = list_option(s.options, "link");
  links.push_back(to_json(callback));
  s.options["link"] = std::move(links);
  return s;
}

signature on_error(signature s, const signature& errback) {
  auto links = list_option(s.options, "link_error");
  links.push_back(to_json(errback));
  s.options["link_error"] = std::move(links);
  return s;
}

result<applied> apply(const signature& s, const json::array& prepend, const apply_context& context,
                      const json::object& options) {
  try {
    applier run(context);
    auto id = run.run(s, prepend, options, 0);
    auto out = run.take();
    out.id = std::move(id);
    return out;
  } catch (const std::invalid_argument& e) {
    return invalid_input("the signature of " + s.task.substr(0, 200) + " cannot be sent: " + e.what());
  }
}

} // namespace pricing::celery
