#include "celery/message.hpp"

#include "celery/compression.hpp"
#include "wire/exact_json.hpp"

#include <boost/json/monotonic_resource.hpp>

#include <algorithm>
#include <array>

namespace pricing::celery {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t first_block = 6 << 10;

// Headers that have members of their own in message and outgoing.
constexpr std::array known_headers = {
    "lang"sv,     "task"sv,        "id"sv,      "shadow"sv,        "eta"sv,         "expires"sv,
    "group"sv,    "group_index"sv, "retries"sv, "timelimit"sv,     "root_id"sv,     "parent_id"sv,
    "argsrepr"sv, "kwargsrepr"sv,  "origin"sv,  "ignore_result"sv, "compression"sv, "redelivered"sv};

std::string_view text_of(const json::object& o, std::string_view name) {
  const auto* v = o.if_contains(name);
  return v && v->is_string() ? std::string_view(v->get_string()) : std::string_view();
}

std::optional<std::int64_t> integer_of(const json::object& o, std::string_view name) {
  const auto* v = o.if_contains(name);
  if (!v)
    return std::nullopt;
  if (v->is_int64())
    return v->get_int64();
  // A number beyond int64 or a float: what fits is taken.
  if (v->is_double() && v->get_double() > -1e15 && v->get_double() < 1e15)
    return static_cast<std::int64_t>(v->get_double());
  return std::nullopt;
}

bool flag_of(const json::object& o, std::string_view name) {
  const auto* v = o.if_contains(name);
  return v && v->is_bool() && v->get_bool();
}

const json::object* object_of(const json::object& o, std::string_view name) {
  const auto* v = o.if_contains(name);
  return v ? v->if_object() : nullptr;
}

std::optional<timestamp> time_of(const json::object& o, std::string_view name) {
  const auto text = text_of(o, name);
  if (text.empty())
    return std::nullopt;
  const auto at = from_iso(text);
  return at ? std::optional(*at) : std::nullopt;
}

std::optional<double> seconds_of(const json::value& v) {
  if (v.is_double())
    return v.get_double();
  if (v.is_int64())
    return static_cast<double>(v.get_int64());
  return std::nullopt;
}

time_limits limits_of(const json::object& o) {
  const auto* v = o.if_contains("timelimit");
  const auto* pair = v ? v->if_array() : nullptr;
  if (!pair || pair->size() != 2)
    return {};
  return {seconds_of((*pair)[0]), seconds_of((*pair)[1])};
}

int clamp_retries(std::optional<std::int64_t> n) {
  return static_cast<int>(std::clamp<std::int64_t>(n.value_or(0), 0, 1'000'000));
}

} // namespace

struct message::store {
  unsigned char block[first_block];
  json::monotonic_resource memory{block, sizeof block};
  json::value envelope = json::value(json::storage_ptr(&memory));
  json::value body = json::value(json::storage_ptr(&memory));
  json::array no_args = json::array(json::storage_ptr(&memory));
  json::object none = json::object(json::storage_ptr(&memory));
  std::string text; // body after base64 and decompression
  const json::array* args = &no_args;
  const json::object* kwargs = &none;
  const json::object* embed = &none;
  const json::object* headers = &none;
};

message::message() : store_(new store) {} // its block stays uninitialised
message::~message() = default;
message::message(message&&) noexcept = default;
message& message::operator=(message&&) noexcept = default;

result<message> message::parse(std::string_view raw, const message_limits& limits) {
  if (raw.size() > limits.envelope_bytes_max)
    return error{errc::too_large, "the message is larger than the limit"};
  message m;
  auto& s = *m.store_;
  auto envelope = wire::parse_exact(raw, &s.memory, limits.depth_max);
  if (!envelope)
    return invalid_input("the message is " + envelope.error().message);
  s.envelope = std::move(*envelope);
  const auto* object = s.envelope.if_object();
  const auto* properties = object ? object_of(*object, "properties") : nullptr;
  if (!properties)
    return invalid_input("the message is no envelope with properties");
  m.read_properties(*properties);
  if (const auto* headers = object_of(*object, "headers"))
    m.read_headers(*headers);
  const auto text = m.body_text(*object, limits);
  if (text)
    m.read_body(*text, limits);
  if (m.task.empty() && !m.problem)
    m.problem = invalid_input("the message names no task");
  if (m.id.empty() && !m.problem)
    m.problem = invalid_input("the message has no id");
  return m;
}

void message::read_properties(const json::object& p) {
  correlation_id = text_of(p, "correlation_id");
  reply_to = text_of(p, "reply_to");
  delivery_tag = text_of(p, "delivery_tag");
  priority = static_cast<int>(std::clamp<std::int64_t>(integer_of(p, "priority").value_or(0), 0, 255));
  if (const auto* delivery = object_of(p, "delivery_info")) {
    exchange = text_of(*delivery, "exchange");
    routing_key = text_of(*delivery, "routing_key");
    redelivered = flag_of(*delivery, "redelivered");
  }
}

void message::read_headers(const json::object& h) {
  store_->headers = &h;
  redelivered = redelivered || flag_of(h, "redelivered");
  task = text_of(h, "task");
  id = text_of(h, "id");
  shadow = text_of(h, "shadow");
  group = text_of(h, "group");
  root_id = text_of(h, "root_id");
  parent_id = text_of(h, "parent_id");
  argsrepr = text_of(h, "argsrepr");
  kwargsrepr = text_of(h, "kwargsrepr");
  origin = text_of(h, "origin");
  eta = time_of(h, "eta");
  expires = time_of(h, "expires");
  group_index = integer_of(h, "group_index");
  retries = clamp_retries(integer_of(h, "retries"));
  limits = limits_of(h);
  ignore_result = flag_of(h, "ignore_result");
}

// Fills `problem` and returns nothing when the body's type, packing or size is not acceptable.
std::optional<std::string> message::body_text(const json::object& envelope, const message_limits& limits_of_message) {
  const auto type = text_of(envelope, "content-type");
  if (type != "application/json" && type != "json") {
    problem = error{errc::unsupported_media,
                    "the content type " + std::string(type.substr(0, 80)) + " is not accepted; send application/json"};
    return std::nullopt;
  }
  const auto* properties = object_of(envelope, "properties");
  const auto raw = text_of(envelope, "body");
  std::string text;
  if (text_of(*properties, "body_encoding") == "base64") {
    auto bytes = from_base64(raw);
    if (!bytes) {
      problem = invalid_input("the body is not valid base64");
      return std::nullopt;
    }
    text = std::move(*bytes);
  } else {
    text = raw;
  }
  if (const auto packing = text_of(*store_->headers, "compression"); !packing.empty()) {
    auto unpacked = decompress(packing, text, limits_of_message.body_bytes_max);
    if (!unpacked) {
      problem = unpacked.error();
      return std::nullopt;
    }
    text = std::move(*unpacked);
  }
  if (text.size() > limits_of_message.body_bytes_max) {
    problem = error{errc::too_large, "the body is larger than the limit"};
    return std::nullopt;
  }
  return text;
}

void message::read_body(std::string_view text, const message_limits& limits_of_message) {
  auto& s = *store_;
  auto body = wire::parse_exact(text, &s.memory, limits_of_message.depth_max);
  if (!body) {
    problem = invalid_input("the body is " + body.error().message);
    return;
  }
  s.body = std::move(*body);
  if (const auto* parts = s.body.if_array()) {
    const auto* a = !parts->empty() ? (*parts)[0].if_array() : nullptr;
    const auto* k = parts->size() > 1 ? (*parts)[1].if_object() : nullptr;
    if (!a || !k) {
      problem = invalid_input("the body is not [arguments, named arguments, embedded]");
      return;
    }
    s.args = a, s.kwargs = k;
    if (const auto* e = parts->size() > 2 ? (*parts)[2].if_object() : nullptr)
      s.embed = e;
  } else if (const auto* object = s.body.if_object()) {
    read_protocol_1(*object);
  } else {
    problem = invalid_input("the body is neither an array nor an object");
  }
}

// Also the hybrid form: headers of protocol 2 over a body of protocol 1.
void message::read_protocol_1(const json::object& b) {
  auto& s = *store_;
  if (const auto* v = b.if_contains("args"); v && v->is_array())
    s.args = &v->get_array();
  if (const auto* k = object_of(b, "kwargs"))
    s.kwargs = k;
  s.embed = &b;
  if (!task.empty())
    return;
  protocol = 1;
  task = text_of(b, "task");
  id = text_of(b, "id");
  group = text_of(b, "group");
  if (group.empty())
    group = text_of(b, "taskset");
  group_index = integer_of(b, "group_index");
  root_id = id;
  retries = clamp_retries(integer_of(b, "retries"));
  eta = time_of(b, "eta");
  expires = time_of(b, "expires");
  limits = limits_of(b);
}

const json::array& message::args() const {
  return *store_->args;
}
const json::object& message::kwargs() const {
  return *store_->kwargs;
}
const json::object& message::headers() const {
  return *store_->headers;
}
const json::object& message::embed() const {
  return *store_->embed;
}
const json::object& message::envelope() const {
  return store_->envelope.get_object();
}

namespace {
const json::array* list_of(const json::object& embed, std::string_view name) {
  const auto* v = embed.if_contains(name);
  const auto* list = v ? v->if_array() : nullptr;
  return list && !list->empty() ? list : nullptr;
}
} // namespace

const json::array* message::callbacks() const {
  return list_of(*store_->embed, "callbacks");
}
const json::array* message::errbacks() const {
  return list_of(*store_->embed, "errbacks");
}
const json::array* message::chain() const {
  return list_of(*store_->embed, "chain");
}
const json::object* message::chord() const {
  return object_of(*store_->embed, "chord");
}

namespace {

// Writes `"name": ` and values, with ", " between members.
class member_writer {
 public:
  explicit member_writer(std::string& out) : out_(out) {}

  member_writer& name(std::string_view n) {
    if (!std::exchange(first_, false))
      out_ += ", ";
    out_ += '"';
    out_ += n;
    out_ += "\": ";
    return *this;
  }
  void text(std::string_view n, std::string_view v) { name(n), append_json_string(out_, v); }
  void text_or_null(std::string_view n, std::string_view v) { v.empty() ? null(n) : text(n, v); }
  void time_or_null(std::string_view n, const std::optional<timestamp>& v) { v ? text(n, to_iso(*v)) : null(n); }
  void integer(std::string_view n, std::int64_t v) { name(n), out_ += std::to_string(v); }
  void flag(std::string_view n, bool v) { name(n), out_ += v ? "true" : "false"; }
  void null(std::string_view n) { name(n), out_ += "null"; }

 private:
  std::string& out_;
  bool first_ = true;
};

void append_seconds(std::string& out, const std::optional<double>& s) {
  if (!s)
    out += "null";
  else if (*s == static_cast<double>(static_cast<std::int64_t>(*s)))
    out += std::to_string(static_cast<std::int64_t>(*s));
  else
    append_json(out, *s);
}

void append_headers(std::string& out, const outgoing& m) {
  out += '{';
  member_writer w(out);
  w.text("lang", "py");
  w.text("task", m.task);
  w.text("id", m.id);
  w.text_or_null("shadow", m.shadow);
  w.time_or_null("eta", m.eta);
  w.time_or_null("expires", m.expires);
  w.text_or_null("group", m.group);
  m.group_index ? w.integer("group_index", *m.group_index) : w.null("group_index");
  w.integer("retries", m.retries);
  w.name("timelimit");
  out += '[';
  append_seconds(out, m.limits.hard_s);
  out += ", ";
  append_seconds(out, m.limits.soft_s);
  out += ']';
  w.text("root_id", m.root_id.empty() ? m.id : m.root_id);
  w.text_or_null("parent_id", m.parent_id);
  w.text("argsrepr", m.argsrepr);
  w.text("kwargsrepr", m.kwargsrepr);
  w.text("origin", m.origin);
  w.flag("ignore_result", m.ignore_result);
  for (const auto& [name, v] : m.headers) {
    out += ", ";
    append_json_string(out, name);
    out += ": ";
    append_json(out, v);
  }
  out += '}';
}

void append_properties(std::string& out, const outgoing& m, std::string_view tag) {
  out += '{';
  member_writer w(out);
  w.text("correlation_id", m.id);
  w.text("reply_to", m.reply_to);
  w.integer("delivery_mode", 2);
  if (m.expiration_ms)
    w.text("expiration", std::to_string(*m.expiration_ms));
  w.name("delivery_info");
  out += R"({"exchange": )";
  append_json_string(out, m.exchange);
  out += R"(, "routing_key": )";
  append_json_string(out, m.queue);
  out += '}';
  w.integer("priority", m.priority);
  w.text("body_encoding", "base64");
  w.text("delivery_tag", tag);
  out += '}';
}

void append_part(std::string& out, std::string_view name, const json::value* v) {
  out += name;
  if (v)
    append_json(out, *v);
  else
    out += "null";
}

} // namespace

std::string encode(const outgoing& m, std::string_view delivery_tag) {
  std::string out;
  out.reserve(900 + m.body.size() * 4 / 3 + m.argsrepr.size() + m.kwargsrepr.size());
  out += R"({"body": ")";
  append_base64(out, m.body);
  out += R"(", "content-encoding": "utf-8", "content-type": "application/json", "headers": )";
  append_headers(out, m);
  out += R"(, "properties": )";
  append_properties(out, m, delivery_tag.empty() ? std::string_view(new_uuid()) : delivery_tag);
  out += '}';
  return out;
}

std::string encode_body(const json::array& args, const json::object& kwargs, const embedded& e) {
  std::string out = "[";
  append_json(out, args);
  out += ", ";
  append_json(out, kwargs);
  append_part(out, R"(, {"callbacks": )", e.callbacks);
  append_part(out, R"(, "errbacks": )", e.errbacks);
  append_part(out, R"(, "chain": )", e.chain);
  append_part(out, R"(, "chord": )", e.chord);
  out += "}]";
  return out;
}

outgoing resend(const message& m) {
  outgoing out;
  out.task = m.task, out.id = m.id, out.shadow = m.shadow, out.group = m.group;
  out.root_id = m.root_id, out.parent_id = m.parent_id, out.reply_to = m.reply_to, out.origin = m.origin;
  out.queue = m.routing_key, out.exchange = m.exchange;
  out.argsrepr = m.argsrepr, out.kwargsrepr = m.kwargsrepr;
  out.eta = m.eta, out.expires = m.expires, out.group_index = m.group_index, out.limits = m.limits;
  out.retries = m.retries, out.priority = m.priority, out.ignore_result = m.ignore_result;
  for (const auto& [name, v] : m.headers())
    if (std::find(known_headers.begin(), known_headers.end(), std::string_view(name)) == known_headers.end())
      out.headers[name] = v;
  const auto part = [&](std::string_view name) { return m.embed().if_contains(name); };
  out.body = encode_body(m.args(), m.kwargs(), {part("callbacks"), part("errbacks"), part("chain"), part("chord")});
  return out;
}

namespace {
void flag_redelivered(json::object& parent, std::string_view name) {
  auto& v = parent[name];
  if (!v.is_object())
    v.emplace_object();
  v.get_object()["redelivered"] = true;
}
} // namespace

std::string mark_redelivered(std::string_view raw) {
  auto v = wire::parse_exact(raw, {}, message_limits{}.depth_max);
  auto* envelope = v ? v->if_object() : nullptr;
  if (!envelope || !object_of(*envelope, "properties"))
    return std::string(raw);
  // operator[] may move every member, so nothing is kept across it.
  flag_redelivered(*envelope, "headers");
  flag_redelivered((*envelope)["properties"].get_object(), "delivery_info");
  return to_python_json(*v);
}

} // namespace pricing::celery
