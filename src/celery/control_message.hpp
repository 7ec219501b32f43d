#pragma once
// Requests and replies of remote control (kombu's pidbox). Pure.
#include "celery/text.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <optional>
#include <string>
#include <vector>

namespace pricing::celery {

struct control_request {
  std::string method;
  json::object arguments{};
  std::optional<std::vector<std::string>> destination{}; // nodes; absent: all
  std::string pattern{}, matcher{};                      // of node names: "glob" or "pcre"
  std::string ticket{};
  std::string reply_exchange{}, reply_key{}; // empty: no reply is expected
  std::int64_t clock = 0;
  double expires = 0; // unix seconds, 0: never
};

result<control_request> parse_control(std::string_view raw);
std::string encode(const control_request& r);
// Is this node meant?
bool addressed(const control_request& r, std::string_view node);

// {"<node>": reply} for the ticket.
std::string encode_reply(const control_request& r, std::string_view node, const json::value& reply, std::int64_t clock);

// The body of any envelope with a JSON body, as of events and replies.
struct plain_message {
  json::object headers;
  json::value body;
};
result<plain_message> parse_plain(std::string_view raw);
// An envelope around a JSON body.
std::string encode_plain(std::string_view body_json, const json::object& headers, std::string_view exchange,
                         std::string_view routing_key, int delivery_mode);

} // namespace pricing::celery
