#include "celery/events.hpp"

#include "celery/control_message.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include <cstdlib>
#include <ctime>

#include <unistd.h>

namespace pricing::celery {

event_sender::event_sender(asio::io_context& io, redis::client& redis, const key_names& keys, std::string node,
                           logical_clock& clock)
    : io_(io), redis_(redis), keys_(keys), node_(std::move(node)), clock_(clock) {
  tzset();
  common_ = R"({"hostname": )";
  append_json_string(common_, node_);
  common_ += R"(, "utcoffset": )" + std::to_string(timezone / 3600) + R"(, "pid": )" + std::to_string(getpid());
}

std::string event_sender::open(std::string_view type) {
  std::string out = common_ + R"(, "clock": )" + std::to_string(clock_.forward()) + R"(, "timestamp": )";
  append_json(out, to_unix(system_clock{}.now()));
  out += R"(, "type": ")";
  out += type;
  out += '"';
  return out;
}

asio::awaitable<void> event_sender::worker(const char* type, std::size_t active, std::int64_t processed) {
  double load[3] = {0, 0, 0};
  [[maybe_unused]] const int known = getloadavg(load, 3);
  auto body = open(type);
  body += R"(, "freq": 2.0, "active": )" + std::to_string(active) + R"(, "processed": )" + std::to_string(processed) +
          R"(, "loadavg": )";
  append_json(body, json::array{load[0], load[1], load[2]});
  body += R"(, "sw_ident": "pricing", "sw_ver": "1.0", "sw_sys": "Linux"})";
  std::string key = type;
  for (char& c : key)
    c = c == '-' ? '.' : c;
  std::vector<std::string> words{"PUBLISH", keys_.event_channel(type),
                                 encode_plain(body, {{"hostname", node_}}, "celeryev", key, 1)};
  auto ignored = co_await redis_.command(std::move(words));
}

void event_sender::task(std::string_view type, std::string_view id, std::string_view members) {
  if (!tasks_enabled)
    return;
  waiting_ += waiting_.empty() ? "[" : ", ";
  waiting_ += open(type);
  waiting_ += R"(, "uuid": )";
  append_json_string(waiting_, id);
  if (!members.empty())
    waiting_ += ", ", waiting_ += members;
  waiting_ += '}';
  const bool full = ++count_ >= batch_max;
  if (full || !std::exchange(posted_, true))
    asio::post(io_, [this] { asio::co_spawn(io_, flush(), asio::detached); });
}

asio::awaitable<void> event_sender::flush() {
  posted_ = false;
  count_ = 0;
  if (waiting_.empty())
    co_return;
  const auto body = std::exchange(waiting_, {}) + "]";
  std::vector<std::string> words{"PUBLISH", keys_.event_channel("task-multi"),
                                 encode_plain(body, {{"hostname", node_}}, "celeryev", "task.multi", 1)};
  auto ignored = co_await redis_.command(std::move(words));
}

} // namespace pricing::celery
