#include "wire/exact_json.hpp"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/error.hpp>
#include <boost/json/value_stack.hpp>

#include <fmt/format.h>

#include <charconv>
#include <cmath>

namespace pricing::wire {
namespace {

namespace json = boost::json;
using error_code = boost::system::error_code;
using text_view = json::string_view;

// What json::parser does, but for the doubles.
struct exact_handler {
  static constexpr std::size_t max_object_size = json::object::max_size();
  static constexpr std::size_t max_array_size = json::array::max_size();
  static constexpr std::size_t max_key_size = json::string::max_size();
  static constexpr std::size_t max_string_size = json::string::max_size();

  json::value_stack stack;
  std::string number; // its first parts, when the text came in pieces
  bool is_lossy = false;

  exact_handler(unsigned char* scratch, std::size_t size) : stack({}, scratch, size) {}

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code&) { return true; }
  bool on_object_end(std::size_t n, error_code&) { return stack.push_object(n), true; }
  bool on_array_begin(error_code&) { return true; }
  bool on_array_end(std::size_t n, error_code&) { return stack.push_array(n), true; }
  bool on_key_part(text_view s, std::size_t, error_code&) { return stack.push_chars(s), true; }
  bool on_key(text_view s, std::size_t, error_code&) { return stack.push_key(s), true; }
  bool on_string_part(text_view s, std::size_t, error_code&) { return stack.push_chars(s), true; }
  bool on_string(text_view s, std::size_t, error_code&) { return stack.push_string(s), true; }
  bool on_number_part(text_view s, error_code&) { return number.append(s.data(), s.size()), true; }
  bool on_int64(std::int64_t i, text_view, error_code&) { return number.clear(), stack.push_int64(i), true; }
  bool on_uint64(std::uint64_t u, text_view, error_code&) { return number.clear(), stack.push_uint64(u), true; }
  bool on_double(double d, text_view s, error_code& ec) {
    std::string_view digits(s.data(), s.size());
    if (!number.empty())
      digits = number.append(digits);
    if (!std::isfinite(d) || digits.find_first_of(".eE") == std::string_view::npos) {
      is_lossy = true;
      ec = json::error::not_number;
      return false;
    }
    // One too small for a double keeps what the parser made of it, zero.
    if (double exact = d; std::from_chars(digits.data(), digits.data() + digits.size(), exact).ec == std::errc())
      d = exact;
    number.clear();
    stack.push_double(d);
    return true;
  }
  bool on_bool(bool b, error_code&) { return stack.push_bool(b), true; }
  bool on_null(error_code&) { return stack.push_null(), true; }
  bool on_comment_part(text_view, error_code&) { return true; }
  bool on_comment(text_view, error_code&) { return true; }
};

} // namespace

result<json::value> parse_exact(std::string_view text, const json::storage_ptr& storage, std::size_t depth_max) {
  json::parse_options options;
  options.max_depth = depth_max;
  thread_local unsigned char scratch[16 << 10];
  json::basic_parser<exact_handler> parser(options, scratch, sizeof scratch);
  parser.handler().stack.reset(storage);
  error_code ec;
  const auto used = parser.write_some(false, text.data(), text.size(), ec);
  if (parser.handler().is_lossy)
    return invalid_input(
        "an integer of more than 64 bits, or a number too large for a double, would lose digits; send it as "
        "text");
  if (!ec && used < text.size())
    ec = json::error::extra_data;
  if (ec)
    return invalid_input(fmt::format("this is not valid JSON near byte {}: {}", used, ec.message()));
  return parser.handler().stack.release();
}

} // namespace pricing::wire
