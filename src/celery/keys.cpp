#include "celery/keys.hpp"

#include <algorithm>

namespace pricing::celery {

std::string key_names::queue(std::string_view name, int priority) const {
  int step = 0;
  for (const int s : priority_steps)
    if (s <= std::clamp(priority, 0, 9))
      step = s;
  auto out = prefix;
  out += name;
  if (step > 0)
    out.append(separator).append(std::to_string(step));
  return out;
}

std::vector<std::string> key_names::queue_steps(std::string_view name) const {
  std::vector<std::string> out;
  for (const int s : priority_steps)
    out.push_back(queue(name, s));
  return out;
}

std::string key_names::binding(std::string_view exchange) const {
  return (prefix + "_kombu.binding.").append(exchange);
}

std::string key_names::task_meta(std::string_view id) const {
  return (result_prefix + "celery-task-meta-").append(id);
}

std::string key_names::group_meta(std::string_view group) const {
  return (result_prefix + "celery-taskset-meta-").append(group);
}

std::string key_names::event_channel(std::string_view type) const {
  std::string out = prefix + "/" + std::to_string(database) + ".celeryev/";
  for (const char c : type)
    out += c == '-' ? '.' : c;
  return out;
}

std::string key_names::control_channel() const {
  return prefix + "/" + std::to_string(database) + ".celery.pidbox";
}

std::vector<std::string> queue_names(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    auto one = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    const auto first = one.find_first_not_of(' ');
    if (first != std::string_view::npos)
      out.emplace_back(one.substr(first, one.find_last_not_of(' ') - first + 1));
  }
  return out;
}

std::string binding_member(std::string_view routing_key, std::string_view pattern, std::string_view queue) {
  std::string out(routing_key);
  out.append(separator).append(pattern).append(separator).append(queue);
  return out;
}

binding parse_binding(std::string_view member) {
  binding out;
  for (auto* part : {&out.routing_key, &out.pattern, &out.queue}) {
    const auto end = std::min(member.find(separator), member.size());
    *part = member.substr(0, end);
    member.remove_prefix(std::min(end + separator.size(), member.size()));
  }
  return out;
}

} // namespace pricing::celery
