#pragma once
// Numbers as text and back, exact to the bit and free of locales: how models of this folder are stored.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>
#include <string_view>

namespace pricing::match {

class text_writer {
 public:
  text_writer& word(std::string_view w) {
    separate();
    text_ += w;
    return *this;
  }
  template <class Integer>
  text_writer& number(Integer v) {
    char buffer[32];
    return word({buffer, std::to_chars(buffer, buffer + sizeof buffer, v).ptr});
  }
  text_writer& real(double v) { // shortest that reads back as the same double
    char buffer[48];
    return word({buffer, std::to_chars(buffer, buffer + sizeof buffer, v).ptr});
  }
  void end_line() { text_ += '\n'; }
  std::string text() && { return std::move(text_); }

 private:
  void separate() {
    if (!text_.empty() && text_.back() != '\n')
      text_ += ' ';
  }
  std::string text_;
};

// Each call takes the next word and says whether it was what was asked for.
class text_parser {
 public:
  explicit text_parser(std::string_view text) : rest_(text) {}
  bool word(std::string_view expected) { return next() == expected; }
  template <class Integer>
  bool number(Integer& out) {
    const auto w = next();
    const auto [end, code] = std::from_chars(w.data(), w.data() + w.size(), out);
    return !w.empty() && code == std::errc() && end == w.data() + w.size();
  }
  bool real(double& out) { // finite numbers only
    return number(out) && std::isfinite(out);
  }
  bool at_end() { return next().empty(); }
  std::string_view rest() const { return rest_; }
  void skip(std::size_t bytes) { rest_.remove_prefix(std::min(bytes, rest_.size())); }

 private:
  std::string_view next() {
    const auto from = std::min(rest_.find_first_not_of(" \n"), rest_.size());
    rest_.remove_prefix(from);
    const auto w = rest_.substr(0, rest_.find_first_of(" \n"));
    rest_.remove_prefix(w.size());
    return w;
  }
  std::string_view rest_;
};

} // namespace pricing::match
