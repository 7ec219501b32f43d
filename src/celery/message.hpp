#pragma once
// A task message: the JSON envelope on a Redis list and the body inside it. Reads protocol 2, its hybrid form and
// protocol 1; writes protocol 2, byte for byte as Celery 5.2 does. Pure; nothing here trusts its input.
//
//   auto m = message::parse(raw);          // fails when the envelope cannot be used at all
//   if (m->problem) ...                    // envelope readable, body not: there is an id to store a failure under
//   m->task, m->id, m->args(), m->kwargs()
#include "celery/text.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace pricing::celery {

struct message_limits {
  std::size_t envelope_bytes_max = 16 << 20;
  std::size_t body_bytes_max = 16 << 20; // after decompression
  std::size_t depth_max = 64;            // of nested arrays and objects
};

// [hard, soft] seconds, as in the header `timelimit`.
struct time_limits {
  std::optional<double> hard_s, soft_s;
};

// All views point into what the message owns; it moves but is never copied.
class message {
 public:
  static result<message> parse(std::string_view raw, const message_limits& limits = {});
  ~message();
  message(message&&) noexcept;
  message& operator=(message&&) noexcept;

  std::string_view task, id, shadow, group, root_id, parent_id, argsrepr, kwargsrepr, origin; // empty for null
  std::string_view correlation_id, reply_to, delivery_tag, exchange, routing_key;
  std::optional<timestamp> eta, expires;
  std::optional<std::int64_t> group_index;
  time_limits limits;
  int retries = 0;
  int priority = 0;
  bool ignore_result = false;
  bool redelivered = false;
  int protocol = 2;
  // Why the body cannot be used: unsupported_media (content type, compression), too_large, invalid_input.
  std::optional<error> problem;

  const json::array& args() const;
  const json::object& kwargs() const;
  // Of the embed; null when there are none.
  const json::array* callbacks() const;
  const json::array* errbacks() const;
  const json::array* chain() const;
  const json::object* chord() const;
  const json::object& embed() const;
  const json::object& headers() const;
  const json::object& envelope() const;

 private:
  struct store;
  message();
  void read_properties(const json::object& properties);
  void read_headers(const json::object& headers);
  void read_body(std::string_view text, const message_limits& limits);
  std::optional<std::string> body_text(const json::object& envelope, const message_limits& limits);
  void read_protocol_1(const json::object& body);
  std::unique_ptr<store> store_;
};

// What is written. Empty strings are null on the wire unless said otherwise.
struct outgoing {
  std::string task, id;
  std::string root_id; // empty: its own id
  std::string parent_id, shadow, group, reply_to, origin;
  std::string queue, exchange; // the routing key, and the exchange, which stays "" for a named queue
  std::string argsrepr = "()", kwargsrepr = "{}";
  std::optional<timestamp> eta, expires;
  std::optional<std::int64_t> group_index, expiration_ms;
  time_limits limits{};
  int retries = 0;
  int priority = 0;
  bool ignore_result = false;
  json::object headers{}; // further ones, after the known
  std::string body;       // JSON: [args, kwargs, embed]
};

// Cuts a new delivery_tag unless one is given.
std::string encode(const outgoing& m, std::string_view delivery_tag = {});
// [args, kwargs, {"callbacks":…,"errbacks":…,"chain":…,"chord":…}] with null for what is absent.
struct embedded {
  const json::value* callbacks = nullptr;
  const json::value* errbacks = nullptr;
  const json::value* chain = nullptr;
  const json::value* chord = nullptr;
};
std::string encode_body(const json::array& args, const json::object& kwargs, const embedded& e = {});
inline constexpr std::string_view empty_embed =
    R"({"callbacks": null, "errbacks": null, "chain": null, "chord": null})";

// The same task again under the same id, for a retry: everything kept but what the caller then changes.
outgoing resend(const message& m);
// The raw message with both redelivered flags set; unchanged when it is no envelope.
std::string mark_redelivered(std::string_view raw);

} // namespace pricing::celery
