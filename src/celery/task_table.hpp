#pragma once
// The tasks that a worker runs, by name.
#include "celery/task.hpp"
#include "wire/json_schema.hpp"

#include <map>

namespace pricing::celery {

struct task_entry {
  std::string name;
  task_options options;
  cpu_handler cpu; // one of the two is set
  io_handler io;
  bool built_in = false;
};

class task_table {
 public:
  // With Celery's own tasks (celery.accumulate, celery.map, …).
  task_table();
  task_table(const task_table&) = delete;
  task_table& operator=(const task_table&) = delete;

  // result<Out> f(const In&, task_context&), on the bounded pool.
  template <class In, class Out, class F>
  void cpu(const task<In, Out>& t, F f) {
    describe(t);
    add(t.name, t.options).cpu = [f = std::move(f)](const message& m, task_context& c) -> handler_result {
      auto in = decode_arguments<In>(m.args(), m.kwargs());
      if (!in)
        return wrong_arguments(c, in.error());
      return encode_result<Out>(f(*in, c));
    };
  }

  // asio::awaitable<result<Out>> f(In, task_context&), on the event loop.
  template <class In, class Out, class F>
  void io(const task<In, Out>& t, F f) {
    describe(t);
    add(t.name, t.options).io = [f = std::move(f)](const message& m,
                                                   task_context& c) -> asio::awaitable<handler_result> {
      auto in = decode_arguments<In>(m.args(), m.kwargs());
      if (!in)
        co_return wrong_arguments(c, in.error());
      auto out = co_await f(std::move(*in), c);
      co_return encode_result<Out>(std::move(out));
    };
  }

  // An untyped task, for adapters.
  void raw(std::string_view name, const task_options& options, cpu_handler f) { add(name, options).cpu = std::move(f); }

  // Adds a task to schema() without a handler; cpu() and io() do so themselves.
  template <class In, class Out>
  void describe(const task<In, Out>& t) {
    json::object one{{"queue", t.options.queue}, {"input", schemas_.of<In>()}};
    if constexpr (std::is_void_v<Out>)
      one["output"] = json::object{{"type", "null"}};
    else
      one["output"] = schemas_.of<Out>();
    described_[t.name] = std::move(one);
  }

  const task_entry* find(std::string_view name) const;
  const std::map<std::string, task_entry, std::less<>>& entries() const { return entries_; }
  // {"tasks": {name: {queue, input, output}}, "components": {"schemas": …}}
  json::object schema() const;

 private:
  // Throws when the name is taken.
  task_entry& add(std::string_view name, const task_options& options);
  static handler_result wrong_arguments(task_context& c, const error& e);

  std::map<std::string, task_entry, std::less<>> entries_;
  wire::schema_set schemas_;
  json::object described_;
};

} // namespace pricing::celery
