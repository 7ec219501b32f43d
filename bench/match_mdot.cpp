// Time to match every vendor and every description of bid tabulations with each other:
//   match_mdot FOLDER
// FOLDER holds yearly gzip CSVs. Reading them is not timed; normalizing, indexing and comparing are. One thread.
#include "match/clusters.hpp"
#include "match/normalize.hpp"
#include "wire/table.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <map>

namespace {

using namespace pricing;
namespace fs = std::filesystem;
using clock_type = std::chrono::steady_clock;

double since(clock_type::time_point t) {
  return std::chrono::duration<double>(clock_type::now() - t).count();
}

struct raw_texts {
  std::unordered_map<std::string, double> vendors;                    // rows of each
  std::map<std::pair<std::string, std::string>, double> descriptions; // by text and unit
  std::unordered_map<std::string, bool> distinct_descriptions;
};

void read_file(const fs::path& path, raw_texts& out) {
  std::ifstream file(path, std::ios::binary);
  const wire::file_bytes bytes{
      {}, std::make_shared<const std::string>(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>())};
  const auto info = wire::inspect_table(bytes).value();
  const auto reader = wire::open_table(bytes, info).value();
  for (wire::row_view row; reader->next(row).value();)
    if (row.number > info.header_row && row.cells.size() >= 12) {
      std::string description(row.cells[5]);
      ++out.vendors[std::string(row.cells[8])];
      out.distinct_descriptions.emplace(description, true);
      ++out.descriptions[{std::move(description), std::string(row.cells[6])}];
    }
}

void print(const char* what, std::size_t raw, std::span<const match::spelling> list,
           std::span<const std::uint32_t> clusters, bool examples) {
  std::size_t founders = 0;
  std::map<std::string, bool> normalized;
  for (std::size_t i = 0; i < clusters.size(); ++i) {
    founders += clusters[i] == i;
    normalized[list[i].text + '\x1f' + list[i].group] = true;
  }
  std::printf("%-13s %zu spellings, %zu after normalizing, %zu things\n", what, raw, normalized.size(), founders);
  std::size_t shown = 0;
  for (std::size_t i = 0; examples && i < clusters.size(); ++i)
    if (list[i].text != list[clusters[i]].text && ++shown % 25 == 0)
      std::printf("  %s = %s\n", list[i].text.c_str(), list[clusters[i]].text.c_str());
}

} // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: match_mdot FOLDER [--examples]\n");
    return 2;
  }
  const bool examples = argc > 2 && std::string_view(argv[2]) == "--examples";
  raw_texts raw;
  for (const auto& entry : fs::directory_iterator(argv[1]))
    if (entry.path().extension() == ".gz")
      read_file(entry.path(), raw);
  const match::thresholds limits;

  const auto start = clock_type::now();
  const auto processor = std::clock();
  std::vector<match::spelling> vendors, items;
  for (const auto& [text, rows] : raw.vendors)
    vendors.push_back({match::normalize_supplier(text), "", rows});
  for (const auto& [key, rows] : raw.descriptions)
    items.push_back({match::normalize_item(key.first), match::normalize_unit(key.second), rows});
  std::sort(vendors.begin(), vendors.end(), [](const auto& a, const auto& b) { return a.text < b.text; });
  const auto vendor_clusters = match::cluster_spellings(vendors, limits.automatic);
  const auto item_clusters = match::cluster_spellings(items, limits.automatic);
  const double seconds = since(start);
  const double busy_seconds = static_cast<double>(std::clock() - processor) / CLOCKS_PER_SEC;

  print("vendors", raw.vendors.size(), vendors, vendor_clusters, examples);
  print("descriptions", raw.distinct_descriptions.size(), items, item_clusters, examples);
  std::printf("matched in %.2f s (%.2f s of one processor); must < 30 s %s (%.3f of it), aim < 5 s %s\n", seconds,
              busy_seconds, seconds < 30 ? "yes" : "NO", seconds / 30, seconds < 5 ? "yes" : "no");
}
