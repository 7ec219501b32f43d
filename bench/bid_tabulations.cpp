#include "bid_tabulations.hpp"

#include "match/normalize.hpp"

#include <zlib.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace pricing::bench {
namespace {

std::string read_gzip(const std::filesystem::path& path) {
  gzFile f = gzopen(path.c_str(), "rb");
  if (f == nullptr) {
    throw std::runtime_error("cannot open " + path.string());
  }
  std::string out;
  std::string chunk(1 << 20, '\0');
  for (int n = 0; (n = gzread(f, chunk.data(), static_cast<unsigned>(chunk.size()))) > 0;) {
    out.append(chunk.data(), static_cast<std::size_t>(n));
  }
  gzclose(f);
  return out;
}

// One record with quoted cells; returns the position after it.
std::size_t next_record(std::string_view text, std::size_t at, std::vector<std::string>& cells) {
  cells.assign(1, {});
  bool quoted = false;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (quoted) {
      if (c == '"' && at + 1 < text.size() && text[at + 1] == '"') {
        cells.back() += c;
        ++at;
      } else if (c == '"') {
        quoted = false;
      } else {
        cells.back() += c;
      }
    } else if (c == '"') {
      quoted = true;
    } else if (c == ',') {
      cells.emplace_back();
    } else if (c == '\n') {
      return at + 1;
    } else if (c != '\r') {
      cells.back() += c;
    }
  }
  return at;
}

double number(std::string_view text) {
  double v = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), v);
  return code == std::errc() && end == text.data() + text.size() ? v : 0;
}

} // namespace

void bid_tabulations::read_folder(const std::filesystem::path& folder, int last_year) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const auto name = entry.path().filename().string();
    const auto year = name.find_first_of("0123456789");
    if (entry.path().extension() == ".gz" &&
        (year == std::string::npos || name.substr(year, 4) <= std::to_string(last_year))) {
      files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  for (const auto& file : files) {
    read_file(file);
  }
}

void bid_tabulations::read_file(const std::filesystem::path& path) {
  const std::string text = read_gzip(path);
  std::vector<std::string> cells;
  for (std::size_t at = next_record(text, 0, cells); at < text.size();) {
    at = next_record(text, at, cells);
    if (cells.size() >= 12) {
      add(cells);
    }
  }
}

std::int64_t bid_tabulations::id(std::unordered_map<std::string, std::int64_t>& table, const std::string& key,
                                 bool& added) {
  const auto [at, fresh] = table.try_emplace(key, static_cast<std::int64_t>(table.size() + 1));
  added = fresh;
  return at->second;
}

void bid_tabulations::add(const std::vector<std::string>& c) {
  const date day = parse_date(c[0]).value();
  if (day >= until_) {
    return;
  }
  bool added = false;
  auto [name, fresh] = names_.try_emplace(c[5]);
  if (fresh) {
    name->second = match::normalize_item(c[5]);
  }
  learn::observation_row row;
  row.item = item_id{id(items_, name->second + "|" + c[6], added)};
  if (added) {
    const auto unit = normalize_units_ ? match::normalize_unit(c[6]) : c[6];
    builder.add(learn::item_row{row.item, name->second, unit, "", c[6] != "LSUM" && c[6] != "Dlr"});
  }
  row.event = event_id{id(events_, c[2] + "|" + c[0], added)};
  if (added) {
    builder.add(learn::event_row{row.event, c[2].substr(0, 2)});
  }
  row.rank = static_cast<int>(number(c[11]));
  row.kind = row.rank == 0 ? learn::price_kind::estimate : learn::price_kind::bid;
  if (row.rank != 0) {
    row.supplier = supplier_id{id(suppliers_, match::normalize_supplier(c[8]), added)};
  }
  row.line = static_cast<int>(number(c[3]));
  row.observed_on = day;
  row.price = number(c[9]);
  row.quantity = number(c[7]);
  builder.add(row);
  ++rows;
}

} // namespace pricing::bench
