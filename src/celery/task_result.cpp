#include "celery/task_result.hpp"

#include "celery/message.hpp"
#include "wire/exact_json.hpp"
#include "wire/json.hpp"

namespace pricing::celery {

std::string_view to_string(task_state s) {
  switch (s) {
  case task_state::pending:
    return "PENDING";
  case task_state::started:
    return "STARTED";
  case task_state::retry:
    return "RETRY";
  case task_state::success:
    return "SUCCESS";
  case task_state::failure:
    return "FAILURE";
  case task_state::revoked:
    return "REVOKED";
  }
  return "PENDING";
}

task_state state_of(std::string_view name) {
  for (const auto s :
       {task_state::pending, task_state::retry, task_state::success, task_state::failure, task_state::revoked})
    if (to_string(s) == name)
      return s;
  return task_state::started;
}

json::value to_json(const exception_info& e) {
  return json::object{{"exc_type", e.type}, {"exc_message", e.message}, {"exc_module", e.module}};
}

std::string repr(const exception_info& e) {
  std::string out = e.type + "(";
  for (std::size_t i = 0; i < e.message.size(); ++i)
    out += (i > 0 ? ", " : "") + repr(e.message[i]);
  return out + ")";
}

exception_info exception_of(const error& e) {
  const auto type = [&] {
    switch (e.code) {
    case errc::invalid_input:
    case errc::unsupported_media:
    case errc::too_large:
      return "ValueError";
    case errc::unauthenticated:
    case errc::forbidden:
      return "PermissionError";
    case errc::not_found:
      return "LookupError";
    case errc::unavailable:
    case errc::rate_limited:
      return "ConnectionError";
    case errc::timeout:
      return "TimeoutError";
    default:
      return "RuntimeError";
    }
  }();
  json::array words{json::string(e.message)};
  if (e.details.size() > 1 || (e.details.size() == 1 && e.message.find(e.details[0].message) == std::string::npos)) {
    json::array fields;
    for (const auto& d : e.details)
      fields.push_back(json::array{json::string(d.path), json::string(d.message)});
    words.push_back(std::move(fields));
  }
  return {type, std::move(words), "builtins"};
}

std::string encode(const result_record& r) {
  std::string out;
  out.reserve(200 + r.result_json.size() + r.traceback.size() + r.children_json.size());
  out += R"({"status": ")";
  out += r.custom_state.empty() ? to_string(r.state) : r.custom_state;
  out += R"(", "result": )";
  out += r.result_json;
  out += R"(, "traceback": )";
  if (r.traceback.empty())
    out += "null";
  else
    append_json_string(out, r.traceback);
  out += R"(, "children": )";
  out += r.children_json;
  out += R"(, "date_done": )";
  if (r.custom_state.empty() && is_ready(r.state))
    append_json_string(out, to_iso(r.done, ""));
  else
    out += "null";
  for (const auto& [name, v] :
       {std::pair(R"(, "group_id": )", r.group_id), std::pair(R"(, "parent_id": )", r.parent_id)})
    if (!v.empty())
      out += name, append_json_string(out, v);
  out += R"(, "task_id": )";
  append_json_string(out, r.id);
  out += '}';
  return out;
}

result<task_outcome> parse_outcome(std::string_view text) {
  auto v = wire::parse_exact(text, {}, message_limits{}.depth_max);
  auto* o = v ? v->if_object() : nullptr;
  const auto* status = o ? o->if_contains("status") : nullptr;
  if (!status || !status->is_string())
    return invalid_input("the stored result is not a record of Celery");
  task_outcome out;
  out.state = state_of(status->get_string());
  const auto text_member = [&](std::string_view name) {
    const auto* m = o->if_contains(name);
    return m && m->is_string() ? std::string(m->get_string()) : std::string();
  };
  out.id = text_member("task_id");
  out.traceback = text_member("traceback");
  if (auto* r = o->if_contains("result"))
    out.result = std::move(*r);
  if (auto* c = o->if_contains("children"))
    out.children = std::move(*c);
  return out;
}

std::string task_outcome::failure_text() const {
  const auto* e = result.if_object();
  const auto* type = e ? e->if_contains("exc_type") : nullptr;
  const auto* words = e ? e->if_contains("exc_message") : nullptr;
  std::string out = type && type->is_string() ? std::string(type->get_string()) : std::string(to_string(state));
  if (!words)
    return out;
  if (const auto* list = words->if_array(); list && list->size() == 1 && (*list)[0].is_string())
    return out + ": " + std::string((*list)[0].get_string());
  return out + ": " + to_python_json(*words);
}

std::string child_tuple(std::string_view id, std::string_view parent_id) {
  std::string out = "[[";
  append_json_string(out, id);
  out += ", ";
  if (parent_id.empty())
    out += "null";
  else
    out += "[[", append_json_string(out, parent_id), out += ", null], null]";
  return out + "], null]";
}

std::string chord_part(std::string_view id, task_state state, std::string_view result_json) {
  std::string out = "[1, ";
  append_json_string(out, id);
  out += ", \"";
  out += to_string(state);
  out += "\", ";
  out += result_json;
  return out + "]";
}

} // namespace pricing::celery
