#include "http/types.hpp"

#include "http/text.hpp"

#include <algorithm>

namespace pricing::http {

std::string_view to_string(method m) {
  switch (m) {
  case method::get:
    return "GET";
  case method::head:
    return "HEAD";
  case method::post:
    return "POST";
  case method::put:
    return "PUT";
  case method::patch:
    return "PATCH";
  case method::delete_:
    return "DELETE";
  case method::options:
    return "OPTIONS";
  case method::other:
    return "OTHER";
  }
  return "OTHER";
}

namespace {
std::string_view first_of(const std::vector<name_value>& all, std::string_view name) {
  for (const auto& [n, v] : all)
    if (n == name)
      return v;
  return {};
}
} // namespace

std::string_view request::header(std::string_view name) const {
  for (std::size_t i = 0; i < headers_.size(); ++i)
    if (headers_[i].name_size == name.size()) // most are not
      if (const auto [n, v] = header_at(i); equal_without_case(n, name))
        return v;
  return {};
}

std::string_view request::query_param(std::string_view name) const {
  return first_of(query, name);
}

std::string_view request::path_param(std::string_view name) const {
  return first_of(path_params, name);
}

std::string_view request::cookie(std::string_view name) const {
  const auto all = header("Cookie");
  for (std::size_t from = 0; from < all.size();) {
    const auto end = std::min(all.find(';', from), all.size());
    const auto pair = trim(all.substr(from, end - from));
    if (const auto equals = pair.find('='); equals != pair.npos && pair.substr(0, equals) == name)
      return pair.substr(equals + 1);
    from = end + 1;
  }
  return {};
}

void request::add_header(std::string_view name, std::string_view value) {
  const auto at = static_cast<std::uint32_t>(header_text_.size());
  header_text_.append(name).append(value);
  const auto name_size = static_cast<std::uint32_t>(name.size());
  headers_.push_back({at, name_size, at + name_size, static_cast<std::uint32_t>(value.size())});
}

std::pair<std::string_view, std::string_view> request::header_at(std::size_t i) const {
  const std::string_view text = header_text_;
  const auto& s = headers_[i];
  return {text.substr(s.name, s.name_size), text.substr(s.value, s.value_size)};
}

void request::clear() {
  verb = method::get;
  target.clear();
  path.clear();
  query.clear();
  path_params.clear();
  // A rare large body must not stay with an idle connection.
  if (body.capacity() > 64 * 1024)
    body = {};
  body.clear();
  body_file.clear();
  body_bytes = 0;
  request_id.clear();
  traceparent.clear();
  header_text_.clear();
  headers_.clear();
}

response response::json(std::string text, int status) {
  response r;
  r.status = status;
  r.content_type = "application/json";
  r.body = std::move(text);
  return r;
}

response response::text(std::string text, int status) {
  response r;
  r.status = status;
  r.content_type = "text/plain; charset=utf-8";
  r.body = std::move(text);
  return r;
}

response response::empty(int status) {
  response r;
  r.status = status;
  return r;
}

principal_ptr nobody() {
  static const principal unknown;
  return {principal_ptr{}, &unknown};
}

bool principal::has(std::string_view permission) const {
  return std::binary_search(permissions.begin(), permissions.end(), permission);
}

} // namespace pricing::http
