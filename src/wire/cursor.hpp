#pragma once
// Where a page of a list ended, as an opaque text that needs no escaping in an address: a described struct as base64url
// of its JSON.
#include "wire/json.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace pricing::wire {

std::string to_base64url(std::string_view bytes);
std::optional<std::string> from_base64url(std::string_view text);

template <class Described>
std::string encode_cursor(const Described& end) {
  return to_base64url(encode(end));
}

// nullopt for an absent cursor; invalid_input for one that is not ours.
template <class Described>
result<std::optional<Described>> decode_cursor(const std::optional<std::string>& cursor) {
  if (!cursor || cursor->empty())
    return std::optional<Described>();
  const auto text = from_base64url(*cursor);
  auto end = text ? decode_json<Described>(*text) : result<Described>(invalid_input(""));
  if (!end)
    return invalid_input("the cursor is not one of this list; start without it", {{"cursor", "is not of this list"}});
  return std::optional<Described>(std::move(*end));
}

} // namespace pricing::wire
