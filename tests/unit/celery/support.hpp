#pragma once
// Lines of `redis-cli monitor` from a real Celery, in tests/rules/celery.
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace pricing::celery::test {

inline std::string rules_folder() {
  std::string here = __FILE__; // …/tests/unit/celery/support.hpp
  return here.substr(0, here.rfind("/unit/")) + "/rules/celery/";
}

// The quoted words of one line, with monitor's escapes undone.
inline std::vector<std::string> words_of(const std::string& line) {
  std::vector<std::string> out;
  const auto hex = [](char c) { return c <= '9' ? c - '0' : (c | 32) - 'a' + 10; };
  for (std::size_t i = line.find("] \""); i != std::string::npos && i < line.size(); ++i) {
    if (line[i] != '"')
      continue;
    std::string word;
    for (++i; line[i] != '"'; ++i) {
      if (line[i] != '\\')
        word += line[i];
      else if (line[++i] == 'x')
        word += static_cast<char>(hex(line[i + 1]) * 16 + hex(line[i + 2])), i += 2;
      else
        word += line[i] == 'n' ? '\n' : line[i] == 'r' ? '\r' : line[i] == 't' ? '\t' : line[i];
    }
    out.push_back(std::move(word));
  }
  return out;
}

inline std::vector<std::vector<std::string>> commands(const std::string& file) {
  std::ifstream in(rules_folder() + file);
  std::vector<std::vector<std::string>> out;
  for (std::string line; std::getline(in, line);)
    if (auto words = words_of(line); !words.empty())
      out.push_back(std::move(words));
  if (out.empty())
    throw std::runtime_error("nothing captured in " + file);
  return out;
}

} // namespace pricing::celery::test
