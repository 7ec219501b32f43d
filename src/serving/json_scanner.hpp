#pragma once
// Reads JSON from left to right without building anything. After the first failure every call returns false. Private to
// the parsers of inference requests.
#include "core/error.hpp"

#include <cmath>
#include <string>
#include <string_view>

namespace pricing::serving {

class json_scanner {
 public:
  explicit json_scanner(std::string_view text) : begin_(text.data()), at_(begin_), end_(begin_ + text.size()) {}

  // The next character that is not white space; '\0' at the end and after a failure.
  char peek() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r'))
      ++at_;
    return at_ == end_ ? '\0' : *at_;
  }
  bool accept(char c) { // takes it if it is next
    const bool is_next = at_ != end_ && peek() == c;
    at_ += is_next ? 1 : 0;
    return is_next;
  }
  bool expect(char c) { return accept(c) || fail(std::string("'") + c + "' is expected here"); }
  // A view into the text, or into `scratch` when there are escapes.
  bool text(std::string_view& out, std::string& scratch);
  bool text(std::string& out);
  // A number, null or NaN (missing), or a boolean as 0 or 1.
  bool number(float& out) {
    double wide = 0;
    if (!number(wide))
      return false;
    out = static_cast<float>(wide);
    return !std::isinf(out) || fail("a number is out of the range of FP32");
  }
  bool number(double& out);
  bool whole(std::int64_t& out);
  bool boolean(bool& out);
  // Any value.
  bool skip(int depth = 0);
  // Nothing may follow.
  bool end();

  // Calls on_member(name) for each member; it must read the value and return whether that went well.
  template <class OnMember>
  bool object(OnMember on_member) {
    if (!expect('{'))
      return false;
    if (accept('}'))
      return true;
    std::string scratch;
    do {
      std::string_view name;
      if (!text(name, scratch) || !expect(':') || !on_member(name))
        return false;
    } while (accept(','));
    return expect('}');
  }
  // Calls on_element() for each element; it must read it.
  template <class OnElement>
  bool array(OnElement on_element) {
    if (!expect('['))
      return false;
    if (accept(']'))
      return true;
    do {
      if (!on_element())
        return false;
    } while (accept(','));
    return expect(']');
  }

  bool fail(std::string message); // always false; nothing is left to read then
  bool failed() const { return !message_.empty(); }
  error take_error() const { return invalid_input(message_); }

 private:
  bool literal(std::string_view word);
  bool named_number(double& out);
  bool escaped(std::string& out);

  const char* begin_;
  const char* at_;
  const char* end_;
  std::string message_;
};

} // namespace pricing::serving
