#include "celery/task_table.hpp"

#include "celery/built_in.hpp"

#include <stdexcept>

namespace pricing::celery {

task_table::task_table() {
  auto all = built_in_tasks();
  const task_lookup lookup = [this](std::string_view name) -> const cpu_handler* {
    const auto* entry = find(name);
    return entry && entry->cpu ? &entry->cpu : nullptr;
  };
  for (auto& mapping : mapping_tasks(lookup))
    all.push_back(std::move(mapping));
  for (auto& [name, handler] : all) {
    raw(name, {}, std::move(handler));
    entries_.find(name)->second.built_in = true;
  }
}

task_entry& task_table::add(std::string_view name, const task_options& options) {
  const auto [at, added] = entries_.try_emplace(std::string(name));
  if (!added && !at->second.built_in)
    throw std::logic_error("two tasks are called " + std::string(name));
  at->second.name = name;
  at->second.options = options;
  return at->second;
}

handler_result task_table::wrong_arguments(task_context& c, const error& e) {
  auto info = exception_of(e);
  info.type = "TypeError"; // what Python raises for a call that does not fit
  auto out = c.raise(std::move(info));
  out.code = errc::invalid_input;
  return out;
}

const task_entry* task_table::find(std::string_view name) const {
  const auto found = entries_.find(name);
  return found == entries_.end() ? nullptr : &found->second;
}

json::object task_table::schema() const {
  return {{"tasks", described_}, {"components", json::object{{"schemas", schemas_.schemas()}}}};
}

} // namespace pricing::celery
