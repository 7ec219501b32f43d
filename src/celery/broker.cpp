#include "celery/broker.hpp"

#include "celery/message.hpp"
#include "celery/scripts.hpp"
#include "core/log.hpp"
#include "wire/exact_json.hpp"
#include "wire/json.hpp"

#include <charconv>

namespace pricing::celery {
namespace {

constexpr std::size_t script_tasks_max = 500; // Lua passes at most some thousand values to one call
constexpr std::size_t sweep_max = 1'000, promote_max = 500;
constexpr int sweep_turn_ms = 900; // shorter than the shortest interval
constexpr int sweep_rounds_max = 20;

std::string seconds_text(timestamp at) {
  char digits[40];
  const auto end = std::to_chars(digits, digits + sizeof digits, to_unix(at), std::chars_format::fixed).ptr;
  return {digits, end};
}
std::string now_text() {
  return seconds_text(system_clock{}.now());
}

} // namespace

broker::broker(redis::client& redis, key_names keys, broker_options options)
    : redis_(redis), keys_(std::move(keys)), options_(options) {}

asio::awaitable<result<void>> broker::declare(std::vector<std::string> queues) {
  queues_ = std::move(queues);
  arrange();
  std::vector<std::vector<std::string>> commands;
  for (const auto& q : queues_)
    commands.push_back({"SADD", keys_.binding(q), binding_member(q, "", q)});
  auto done = co_await redis_.pipeline(std::move(commands));
  if (!done)
    co_return done.error();
  co_return result<void>();
}

void broker::arrange() {
  lists_.clear(), queue_of_list_.clear(), reserve_ends_.clear();
  reserve_keys_ = {keys_.unacked(), keys_.unacked_index(), keys_.deliveries(), keys_.dead_letter()};
  for (const int priority : priority_steps)
    for (std::size_t i = 0; i < queues_.size(); ++i) {
      const auto q = (turn_ + i) % queues_.size();
      lists_.push_back(keys_.queue(queues_[q], priority));
      queue_of_list_.push_back(q);
      std::string end = R"(, "", )";
      append_json_string(end, queues_[q]);
      reserve_ends_.push_back(end + "]");
      reserve_keys_.push_back(lists_.back());
    }
}

asio::awaitable<result<std::vector<reserved>>> broker::reserve(std::size_t most) {
  std::vector<std::string> arguments{std::to_string(std::min(most, script_tasks_max)), now_text(),
                                     std::to_string(options_.deliveries_max), std::to_string(options_.dead_letter_max)};
  arguments.insert(arguments.end(), reserve_ends_.begin(), reserve_ends_.end());
  auto got = co_await redis_.eval(scripts::reserve, reserve_keys_, std::move(arguments));
  if (!got)
    co_return got.error();
  std::vector<reserved> out;
  out.reserve(got->list.size() / 3);
  for (std::size_t i = 0; i + 2 < got->list.size(); i += 3) {
    const auto list = static_cast<std::size_t>(got->list[i].integer - 1);
    out.push_back({std::move(got->list[i + 1].text), lists_.at(list), queues_[queue_of_list_[list]],
                   std::move(got->list[i + 2].text)});
  }
  if (queues_.size() > 1 && !out.empty()) {
    turn_ = (turn_ + 1) % queues_.size();
    arrange();
  }
  co_return out;
}

namespace {
bool is_plain(const finished& f) {
  return !f.redelivered && !f.tag.empty() &&
         (f.operations.empty() ||
          (f.first_result && f.operations.size() == 1 && f.operations[0].what == operation::kind::result));
}
} // namespace

asio::awaitable<result<void>> broker::finish(const std::vector<finished>& batch) {
  for (std::size_t from = 0; from < batch.size(); from += script_tasks_max) {
    std::vector<const finished*> plain, scripted;
    for (auto i = from; i < std::min(batch.size(), from + script_tasks_max); ++i)
      (is_plain(batch[i]) ? plain : scripted).push_back(&batch[i]);
    if (!plain.empty()) {
      auto done = co_await finish_plain(plain);
      if (!done)
        co_return done.error();
    }
    if (!scripted.empty()) {
      auto done = co_await finish_scripted(scripted);
      if (!done)
        co_return done.error();
    }
  }
  co_return result<void>();
}

// The usual task needs no script, which costs Redis twice as much: its first and only result and the acknowledgement
// as one transaction. Where a record stood after all, the script decides afterwards whether it is replaced.
asio::awaitable<result<void>> broker::finish_plain(const std::vector<const finished*>& batch) {
  const auto life = std::to_string(options_.result_expires_s);
  redis::command_buffer commands;
  commands.add({"MULTI"});
  for (const auto* f : batch)
    for (const auto& o : f->operations) {
      if (options_.result_expires_s > 0)
        commands.add({"SET", o.key, o.text, "EX", life, "NX"});
      else
        commands.add({"SET", o.key, o.text, "NX"});
      commands.add({"PUBLISH", o.key, o.text});
    }
  for (const auto& [word, key] : {std::pair("ZREM", keys_.unacked_index()), std::pair("HDEL", keys_.unacked())}) {
    commands.open(2 + batch.size());
    commands.word(word);
    commands.word(key);
    for (const auto* f : batch)
      commands.word(f->tag);
  }
  commands.add({"EXEC"});
  auto answers = co_await redis_.pipeline(std::move(commands));
  if (!answers)
    co_return answers.error();
  const auto& ended = answers->back();
  if (ended.type != redis::value::kind::list)
    co_return error{errc::unavailable, "redis refuses the results: " + ended.text, {}, 1};
  std::vector<finished> standing;
  std::size_t at = 0;
  for (const auto* f : batch)
    for (const auto& o : f->operations) {
      if (ended.list.at(at).is_null())
        standing.push_back({"", false, {o}});
      at += 2;
    }
  if (standing.empty())
    co_return result<void>();
  std::vector<const finished*> again;
  for (const auto& f : standing)
    again.push_back(&f);
  co_return co_await finish_scripted(again);
}

asio::awaitable<result<void>> broker::finish_scripted(const std::vector<const finished*>& batch) {
  std::vector<std::string> arguments{std::to_string(options_.result_expires_s)};
  for (const auto* f : batch) {
    arguments.push_back(f->tag);
    arguments.push_back(f->redelivered ? "1" : "0");
    arguments.push_back(std::to_string(f->operations.size()));
    for (const auto& o : f->operations) {
      arguments.emplace_back(1, static_cast<char>(o.what));
      arguments.push_back(o.key);
      arguments.push_back(o.text);
    }
  }
  std::vector<std::string> names{keys_.unacked(), keys_.unacked_index(), keys_.deliveries()};
  auto done = co_await redis_.eval(scripts::finish, std::move(names), std::move(arguments));
  if (!done)
    co_return done.error();
  co_return result<void>();
}

asio::awaitable<result<void>> broker::acknowledge(std::vector<std::string> tags) {
  std::vector<finished> batch;
  for (auto& t : tags)
    batch.push_back({std::move(t), false, {}});
  co_return co_await finish(batch);
}

asio::awaitable<result<std::int64_t>> broker::restore(std::vector<returned> messages) {
  std::int64_t given = 0;
  for (std::size_t from = 0; from < messages.size(); from += script_tasks_max) {
    std::vector<std::string> arguments;
    // The last pushed is the first served: the oldest message goes last.
    for (auto i = std::min(messages.size(), from + script_tasks_max); i-- > from;) {
      arguments.push_back(messages[i].tag);
      arguments.push_back(messages[i].list);
      arguments.push_back(mark_redelivered(messages[i].text));
    }
    std::vector<std::string> names{keys_.unacked(), keys_.unacked_index(), keys_.deliveries()};
    auto done = co_await redis_.eval(scripts::restore, std::move(names), std::move(arguments));
    if (!done)
      co_return done.error();
    given += done->integer;
  }
  co_return given;
}

asio::awaitable<result<void>> broker::refresh(std::vector<std::string> tags) {
  const auto now = now_text();
  std::vector<std::vector<std::string>> commands;
  for (std::size_t from = 0; from < tags.size(); from += script_tasks_max) {
    std::vector<std::string> words{"ZADD", keys_.unacked_index(), "XX"};
    for (auto i = from; i < std::min(tags.size(), from + script_tasks_max); ++i) {
      words.push_back(now);
      words.push_back(std::move(tags[i]));
    }
    commands.push_back(std::move(words));
  }
  auto done = co_await redis_.pipeline(std::move(commands));
  if (!done)
    co_return done.error();
  co_return result<void>();
}

asio::awaitable<result<void>> broker::park(std::vector<std::pair<returned, timestamp>> messages) {
  for (std::size_t from = 0; from < messages.size(); from += script_tasks_max) {
    std::vector<std::string> arguments;
    for (auto i = from; i < std::min(messages.size(), from + script_tasks_max); ++i) {
      auto& [m, at] = messages[i];
      arguments.insert(arguments.end(), {m.tag, seconds_text(at), m.list, m.text});
    }
    std::vector<std::string> names{keys_.unacked(), keys_.unacked_index(), keys_.parked(), keys_.parked_index()};
    auto done = co_await redis_.eval(scripts::park, std::move(names), std::move(arguments));
    if (!done)
      co_return done.error();
  }
  co_return result<void>();
}

asio::awaitable<result<std::int64_t>> broker::promote() {
  std::vector<std::string> names{keys_.parked(), keys_.parked_index()};
  std::vector<std::string> arguments{now_text(), std::to_string(promote_max)};
  auto done = co_await redis_.eval(scripts::promote, std::move(names), std::move(arguments));
  if (!done)
    co_return done.error();
  co_return done->integer;
}

// Kombu's unacked_mutex is not asked: it is held for five minutes by whoever was killed while sweeping, and each
// message goes back by one script that looks again, so that sweepers at the same time do no harm.
asio::awaitable<result<std::int64_t>> broker::sweep() {
  std::vector<std::string> turn{"SET", keys_.sweeper(), "1", "PX", std::to_string(sweep_turn_ms), "NX"};
  auto taken = co_await redis_.command(std::move(turn));
  if (!taken)
    co_return taken.error();
  if (taken->is_null())
    co_return std::int64_t{0}; // another worker does
  const auto latest = to_unix(system_clock{}.now()) - options_.visibility_timeout_s;
  std::int64_t all = 0;
  for (int round = 0; round < sweep_rounds_max; ++round) {
    const auto swept = co_await sweep_all(latest);
    if (!swept)
      co_return swept.error();
    all += *swept;
    if (*swept < static_cast<std::int64_t>(sweep_max))
      break;
  }
  co_return all;
}

asio::awaitable<result<std::int64_t>> broker::sweep_all(double latest) {
  const auto latest_text = seconds_text(from_unix(latest));
  std::vector<std::string> words{"ZRANGEBYSCORE",          keys_.unacked_index(), "-inf", latest_text, "LIMIT", "0",
                                 std::to_string(sweep_max)};
  auto late = co_await redis_.command(std::move(words));
  if (!late)
    co_return late.error();
  std::int64_t swept = 0;
  for (auto& tag : late->list) {
    std::vector<std::string> ask{"HGET", keys_.unacked(), tag.text};
    auto held = co_await redis_.command(std::move(ask));
    if (!held)
      co_return held.error();
    // [<raw message>, "<exchange>", "<routing key>"]
    const auto parts = wire::parse_exact(held->text, {}, message_limits{}.depth_max);
    const auto* list = parts ? parts->if_array() : nullptr;
    std::string key, text;
    if (list && list->size() == 3 && (*list)[1].is_string() && (*list)[2].is_string()) {
      text = to_python_json((*list)[0]);
      const auto m = message::parse(text);
      auto found = co_await list_for(std::string((*list)[1].get_string()), std::string((*list)[2].get_string()),
                                     m ? m->priority : 0);
      if (!found)
        co_return found.error();
      key = std::move(*found);
      text = mark_redelivered(text);
    } else {
      key = keys_.dead_letter();
      text = to_python_json(json::object{{"reason", "a reservation that cannot be read"}, {"message", held->text}});
    }
    std::vector<std::string> names{keys_.unacked(), keys_.unacked_index()};
    std::vector<std::string> arguments{tag.text, latest_text, std::move(key), std::move(text)};
    auto done = co_await redis_.eval(scripts::sweep_one, std::move(names), std::move(arguments));
    if (!done)
      co_return done.error();
    swept += done->integer;
  }
  co_return swept;
}

// Where a message of this exchange goes: the default exchange's routing key is the queue; else the first queue bound
// with this routing key, and without one a queue of its name.
asio::awaitable<result<std::string>> broker::list_for(std::string exchange, std::string routing_key, int priority) {
  if (!exchange.empty()) {
    std::vector<std::string> words{"SMEMBERS", keys_.binding(exchange)};
    auto members = co_await redis_.command(std::move(words));
    if (!members)
      co_return members.error();
    for (const auto& m : members->list)
      if (const auto b = parse_binding(m.text); b.routing_key == routing_key && !b.queue.empty())
        co_return keys_.queue(b.queue, priority);
  }
  co_return keys_.queue(routing_key, priority);
}

asio::awaitable<result<void>> broker::set_aside(reserved m, std::string reason) {
  std::string letter =
      to_python_json(json::object{{"reason", reason}, {"queue", m.queue}, {"at", now_text()}, {"message", m.raw}});
  std::vector<finished> batch(1);
  batch[0].tag = std::move(m.tag);
  batch[0].redelivered = true;
  batch[0].operations.push_back({operation::kind::push, keys_.dead_letter(), std::move(letter)});
  auto done = co_await finish(batch);
  if (!done)
    co_return done.error();
  std::vector<std::string> trim{"LTRIM", keys_.dead_letter(), "0", std::to_string(options_.dead_letter_max - 1)};
  auto trimmed = co_await redis_.command(std::move(trim));
  if (!trimmed)
    co_return trimmed.error();
  co_return result<void>();
}

asio::awaitable<result<chord_state>> broker::chord_part(std::string group, std::optional<std::int64_t> index,
                                                        std::string part) {
  std::vector<std::string> names{keys_.chord_parts(group), keys_.chord_extra(group), keys_.chord_size(group),
                                 keys_.group_meta(group)};
  std::vector<std::string> arguments{index ? std::to_string(*index) : "+inf", std::move(part),
                                     std::to_string(options_.result_expires_s)};
  auto done = co_await redis_.eval(scripts::chord_part, std::move(names), std::move(arguments));
  if (!done)
    co_return done.error();
  if (done->list.size() != 4)
    co_return error{errc::internal, "Redis answered the chord script with something else"};
  co_return chord_state{done->list[0].integer, done->list[1].integer, done->list[2].integer,
                        done->list[3].integer == 1};
}

asio::awaitable<result<std::vector<std::string>>> broker::chord_results(std::string group) {
  std::vector<std::string> words{"ZRANGE", keys_.chord_parts(group), "0", "-1"};
  auto got = co_await redis_.command(std::move(words));
  if (!got)
    co_return got.error();
  std::vector<std::string> out;
  for (auto& v : got->list)
    out.push_back(std::move(v.text));
  co_return out;
}

std::vector<operation> broker::operations_of(const applied& plan) const {
  std::vector<operation> out;
  for (const auto& [group, size] : plan.chord_sizes)
    out.push_back({operation::kind::counter, keys_.chord_size(group), std::to_string(size)});
  for (const auto& m : plan.messages)
    out.push_back({operation::kind::push, keys_.queue(m.queue, m.priority), m.payload});
  return out;
}

} // namespace pricing::celery
