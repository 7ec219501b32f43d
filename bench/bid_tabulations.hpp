#pragma once
// Yearly gzip CSVs of bid tabulations as a price history: one row a bid or estimate, items by normalised description
// and unit, an event for each proposal of a letting. Throws std::runtime_error for what cannot be read.
#include "core/clock.hpp"
#include "learn/history.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>

namespace pricing::bench {

class bid_tabulations {
 public:
  // Files in order of name; those of years after the last one are left out.
  void read_folder(const std::filesystem::path& folder, int last_year = 9999);
  // Rows let on or after this day are left out. Before reading.
  void until(date day) { until_ = day; }
  // Units as the product reads them from its database, for callers who predict by its services. Before reading.
  void normalize_units() { normalize_units_ = true; }

  learn::history_builder builder;
  std::size_t rows = 0;

 private:
  void read_file(const std::filesystem::path& path);
  void add(const std::vector<std::string>& cells);
  static std::int64_t id(std::unordered_map<std::string, std::int64_t>& table, const std::string& key, bool& added);

  date until_ = date::max();
  bool normalize_units_ = false;
  std::unordered_map<std::string, std::string> names_;
  std::unordered_map<std::string, std::int64_t> items_, events_, suppliers_;
};

} // namespace pricing::bench
