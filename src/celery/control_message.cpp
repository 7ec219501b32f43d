#include "celery/control_message.hpp"

#include "wire/json.hpp"

#include <algorithm>
#include <regex>

#include <fnmatch.h>

namespace pricing::celery {
namespace {

constexpr std::size_t control_bytes_max = 4 << 20;

std::string text_of(const json::object& o, std::string_view name) {
  const auto* v = o.if_contains(name);
  return v && v->is_string() ? std::string(v->get_string()) : std::string();
}

double number_of(const json::object& o, std::string_view name) {
  const auto* v = o.if_contains(name);
  if (v && v->is_int64())
    return static_cast<double>(v->get_int64());
  return v && v->is_double() ? v->get_double() : 0;
}

} // namespace

result<plain_message> parse_plain(std::string_view raw) {
  if (raw.size() > control_bytes_max)
    return error{errc::too_large, "the message is larger than the limit"};
  auto v = wire::parse_json(raw);
  auto* o = v ? v->if_object() : nullptr;
  const auto* properties = o ? o->if_contains("properties") : nullptr;
  if (!properties || !properties->is_object())
    return invalid_input("the message is no envelope");
  auto text = text_of(*o, "body");
  if (text_of(properties->get_object(), "body_encoding") == "base64") {
    auto bytes = from_base64(text);
    if (!bytes)
      return invalid_input("the body is not valid base64");
    text = std::move(*bytes);
  }
  auto body = wire::parse_json(text);
  if (!body)
    return body.error();
  plain_message out;
  if (auto* h = o->if_contains("headers"); h && h->is_object())
    out.headers = std::move(h->get_object());
  out.body = std::move(*body);
  return out;
}

std::string encode_plain(std::string_view body_json, const json::object& headers, std::string_view exchange,
                         std::string_view routing_key, int delivery_mode) {
  std::string out = R"({"body": ")";
  append_base64(out, body_json);
  out += R"(", "content-encoding": "utf-8", "content-type": "application/json", "headers": )";
  append_json(out, json::value(headers));
  out +=
      R"(, "properties": {"delivery_mode": )" + std::to_string(delivery_mode) + R"(, "delivery_info": {"exchange": )";
  append_json_string(out, exchange);
  out += R"(, "routing_key": )";
  append_json_string(out, routing_key);
  out += R"(}, "priority": 0, "body_encoding": "base64", "delivery_tag": ")" + new_uuid() + "\"}}";
  return out;
}

result<control_request> parse_control(std::string_view raw) {
  auto m = parse_plain(raw);
  if (!m)
    return m.error();
  auto* b = m->body.if_object();
  if (!b)
    return invalid_input("the request is no object");
  control_request out;
  out.method = text_of(*b, "method");
  if (out.method.empty())
    return invalid_input("the request names no method");
  if (auto* a = b->if_contains("arguments"); a && a->is_object())
    out.arguments = std::move(a->get_object());
  if (const auto* d = b->if_contains("destination"); d && d->is_array()) {
    auto& nodes = out.destination.emplace();
    for (const auto& one : d->get_array())
      if (one.is_string())
        nodes.emplace_back(one.get_string());
  }
  out.pattern = text_of(*b, "pattern"), out.matcher = text_of(*b, "matcher"), out.ticket = text_of(*b, "ticket");
  if (out.ticket.empty())
    out.ticket = text_of(m->headers, "ticket");
  if (const auto* to = b->if_contains("reply_to"); to && to->is_object()) {
    out.reply_exchange = text_of(to->get_object(), "exchange");
    out.reply_key = text_of(to->get_object(), "routing_key");
  }
  out.clock = static_cast<std::int64_t>(std::clamp(number_of(m->headers, "clock"), 0.0, 1e15));
  out.expires = number_of(m->headers, "expires");
  return out;
}

std::string encode(const control_request& r) {
  json::value destination;
  if (r.destination) {
    json::array nodes;
    for (const auto& n : *r.destination)
      nodes.push_back(json::string(n));
    destination = std::move(nodes);
  }
  json::object body{{"method", r.method},
                    {"arguments", r.arguments},
                    {"destination", std::move(destination)},
                    {"pattern", r.pattern.empty() ? json::value() : json::value(r.pattern)},
                    {"matcher", r.matcher.empty() ? json::value() : json::value(r.matcher)}};
  if (!r.ticket.empty()) {
    body["ticket"] = r.ticket;
    body["reply_to"] = json::object{{"exchange", r.reply_exchange}, {"routing_key", r.reply_key}};
  }
  json::object headers{{"clock", r.clock}};
  headers["expires"] = r.expires == 0 ? json::value(0) : json::value(r.expires);
  return encode_plain(to_python_json(body), headers, "celery.pidbox", "", 2);
}

bool addressed(const control_request& r, std::string_view node) {
  if (r.destination)
    return std::find(r.destination->begin(), r.destination->end(), node) != r.destination->end();
  if (r.pattern.empty() || r.matcher.empty())
    return true;
  const std::string name(node);
  if (r.matcher == "glob")
    return fnmatch(r.pattern.c_str(), name.c_str(), 0) == 0;
  try {
    return r.pattern.size() <= 200 &&
           std::regex_search(name, std::regex(r.pattern), std::regex_constants::match_continuous);
  } catch (const std::regex_error&) {
    return false;
  }
}

std::string encode_reply(const control_request& r, std::string_view node, const json::value& reply,
                         std::int64_t clock) {
  json::object body;
  body[node] = reply;
  return encode_plain(to_python_json(body), {{"ticket", r.ticket}, {"clock", clock}}, r.reply_exchange, r.reply_key, 1);
}

} // namespace pricing::celery
