#pragma once
// Configuration as described structs, one per folder: environment over file over default, validated at start.
//
//   struct http_config { int port = 8000; std::string address = "127.0.0.1"; };
//   BOOST_DESCRIBE_STRUCT(http_config, (), (port, address))
//   auto c = config_source::load().read<http_config>("http");   // PRICING_HTTP_PORT, or "http.port = 8000" in the file
//
// A secret may come from a file: PRICING_HTTP_SECRET_FILE=/run/secrets/x is read when PRICING_HTTP_SECRET is unset.
// The file named by PRICING_CONFIG holds "section.name = value" lines and # comments.
#include "core/error.hpp"

#include <boost/describe.hpp>
#include <boost/mp11.hpp>

#include <charconv>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace pricing {

// What `pricing-ctl config` prints: a value and where it came from. Names with "secret", "password" or "key" are
// hidden.
struct config_entry {
  std::string name;
  std::string value;
  std::string source;
};

class config_source {
 public:
  // Reads the process environment and the file named by PRICING_CONFIG. Fails on an unreadable file or a bad line.
  static result<config_source> load();
  config_source(std::map<std::string, std::string> environment, std::map<std::string, std::string> file)
      : environment_(std::move(environment)), file_(std::move(file)) {}

  // Fails with one field error per value that does not parse. Remembers every entry read for entries().
  template <class Described>
  result<Described> read(std::string_view section) const {
    Described out{};
    std::vector<field_error> wrong;
    boost::mp11::mp_for_each<boost::describe::describe_members<Described, boost::describe::mod_public>>(
        [&](auto member) { read_member(section, member.name, out.*member.pointer, wrong); });
    if (!wrong.empty()) {
      std::string message = "configuration: " + wrong.front().path + " " + wrong.front().message;
      return invalid_input(std::move(message), std::move(wrong));
    }
    return out;
  }

  const std::vector<config_entry>& entries() const { return entries_; }

 private:
  std::optional<std::pair<std::string, std::string>> find(std::string_view section, std::string_view name) const;
  void remember(std::string_view section, std::string_view name, std::string value, std::string source) const;

  template <class T>
  void read_member(std::string_view section, std::string_view name, T& out, std::vector<field_error>& wrong) const {
    const auto found = find(section, name);
    if (found && !parse(found->first, out))
      wrong.push_back({std::string(section) + "." + std::string(name),
                       "cannot be read from '" + found->first + "' (" + found->second + ")"});
    remember(section, name, print(out), found ? found->second : "default");
  }

  static bool parse(const std::string& text, std::string& out) { return out = text, true; }
  static bool parse(const std::string& text, bool& out) {
    out = text == "true" || text == "1" || text == "yes";
    return out || text == "false" || text == "0" || text == "no";
  }
  template <class T>
  requires std::is_arithmetic_v<T>
  static bool parse(const std::string& text, T& out) {
    const auto end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, out);
    return parsed.ec == std::errc{} && parsed.ptr == end;
  }
  static std::string print(const std::string& v) { return v; }
  static std::string print(bool v) { return v ? "true" : "false"; }
  template <class T>
  requires std::is_arithmetic_v<T>
  static std::string print(T v) {
    char buffer[64];
    return {buffer, std::to_chars(buffer, buffer + sizeof buffer, v).ptr};
  }

  std::map<std::string, std::string> environment_;
  std::map<std::string, std::string> file_;
  mutable std::vector<config_entry> entries_;
};

} // namespace pricing
