#include "core/config.hpp"

#include <fstream>
#include <sstream>

extern char** environ;

namespace pricing {
namespace {

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos)
    return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1));
}

std::string variable_name(std::string_view section, std::string_view name) {
  std::string out = "PRICING_" + std::string(section) + "_" + std::string(name);
  for (char& c : out)
    c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

bool is_secret(std::string_view name) {
  for (std::string_view word : {"secret", "password", "key"})
    if (name.find(word) != std::string_view::npos)
      return true;
  return false;
}

result<std::map<std::string, std::string>> read_file(const std::string& path) {
  std::ifstream in(path);
  if (!in)
    return invalid_input("cannot read the configuration file " + path);
  std::map<std::string, std::string> out;
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    const std::string text = trimmed(line);
    if (text.empty() || text.front() == '#')
      continue;
    const auto equals = text.find('=');
    if (equals == std::string::npos)
      return invalid_input(path + ":" + std::to_string(number) + ": expected 'section.name = value'");
    out[trimmed(std::string_view(text).substr(0, equals))] = trimmed(std::string_view(text).substr(equals + 1));
  }
  return out;
}

} // namespace

result<config_source> config_source::load() {
  std::map<std::string, std::string> environment;
  for (char** entry = environ; *entry; ++entry) {
    const std::string_view text = *entry;
    const auto equals = text.find('=');
    if (text.starts_with("PRICING_") && equals != std::string_view::npos)
      environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  std::map<std::string, std::string> file;
  if (const auto path = environment.find("PRICING_CONFIG"); path != environment.end()) {
    auto read = read_file(path->second);
    if (!read)
      return read.error();
    file = std::move(*read);
  }
  return config_source(std::move(environment), std::move(file));
}

std::optional<std::pair<std::string, std::string>> config_source::find(std::string_view section,
                                                                       std::string_view name) const {
  const std::string variable = variable_name(section, name);
  if (const auto it = environment_.find(variable); it != environment_.end())
    return std::pair(it->second, variable);
  if (const auto it = environment_.find(variable + "_FILE"); it != environment_.end()) {
    std::ifstream in(it->second);
    std::stringstream content;
    content << in.rdbuf();
    return std::pair(trimmed(content.str()), variable + "_FILE");
  }
  if (const auto it = file_.find(std::string(section) + "." + std::string(name)); it != file_.end())
    return std::pair(it->second, std::string("file"));
  return std::nullopt;
}

void config_source::remember(std::string_view section, std::string_view name, std::string value,
                             std::string source) const {
  const bool hide = is_secret(name) && !value.empty();
  entries_.push_back(
      {std::string(section) + "." + std::string(name), hide ? "(hidden)" : std::move(value), std::move(source)});
}

} // namespace pricing
