#include "ingest/mapping.hpp"

#include "match/normalize.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>

namespace pricing::ingest {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

int find_column(const std::string& headers, const std::vector<std::string>& columns) {
  for (std::size_t i = 0; i <= headers.size();) {
    const auto end = std::min(headers.find(" | ", i), headers.size());
    const auto header = std::string_view(headers).substr(i, end - i);
    for (std::size_t c = 0; c < columns.size(); ++c)
      if (columns[c] == header)
        return static_cast<int>(c);
    for (std::size_t c = 0; c < columns.size(); ++c)
      if (header_words(columns[c]) == header_words(header))
        return static_cast<int>(c);
    i = end + 3;
  }
  return -1;
}

void bind_columns(const mapping& m, const std::vector<std::string>& columns, bound_mapping& out,
                  std::vector<field_error>& wrong) {
  for (const auto& [name, header] : m.columns) {
    if (header.empty())
      continue;
    const auto f = find_field(name);
    if (!f) {
      wrong.push_back({"columns." + name, "is no field; see the list of fields"});
      continue;
    }
    auto& column = out.column[static_cast<std::size_t>(*f)];
    column = find_column(header, columns);
    if (column < 0)
      wrong.push_back({"columns." + name, "the file has no column '" + header + "'"});
  }
}

void bind_constants(const mapping& m, std::string_view file_name, bound_mapping& out, std::vector<field_error>& wrong) {
  for (const auto& [name, value] : m.constants) {
    if (value.empty())
      continue;
    const auto f = find_field(name);
    if (!f) {
      wrong.push_back({"constants." + name, "is no field; see the list of fields"});
      continue;
    }
    auto& constant = out.constant[static_cast<std::size_t>(*f)];
    constant = value;
    if (*f != field::observed_on)
      continue;
    const auto day = value == "{file_date}" ? date_in_name(file_name) : read_date(value, date_order::ymd);
    if (!day)
      wrong.push_back({"constants." + name, value == "{file_date}" ? "the file's name holds no date such as 2024-01-05"
                                                                   : "must be a date such as 2024-01-05"});
    else
      constant = pricing::to_string(*day);
  }
}

void bind_notations(const mapping& m, bound_mapping& out, std::vector<field_error>& wrong) {
  if (const auto order = parse_date_order(m.date_format))
    out.dates = *order;
  else if (out.column[static_cast<std::size_t>(field::observed_on)] >= 0)
    wrong.push_back({"date_format", "must be YYYY-MM-DD, DD/MM/YYYY or MM/DD/YYYY"});
  if (m.decimal_mark == "." || m.decimal_mark == ",")
    out.decimal_mark = m.decimal_mark[0];
  else
    wrong.push_back({"decimal_mark", "must be '.' or ','"});
  if (const auto kind = parse_price_kind(m.kind))
    out.kind = *kind;
  else
    wrong.push_back({"kind", "must be bid, quote, purchase_order, invoice, contract, list or estimate"});
}

} // namespace

const std::array<field_info, field_count>& fields() {
  static const std::array<field_info, field_count> all = {{{"observed_on", "Date", true, "date"},
                                                           {"item_name", "Item description", true, "text"},
                                                           {"unit", "Unit of measure", false, "text"},
                                                           {"quantity", "Quantity", false, "number"},
                                                           {"price", "Unit price", true, "money"},
                                                           {"amount", "Line total", false, "money"},
                                                           {"supplier", "Supplier", false, "text"},
                                                           {"event", "Proposal, order or request", false, "text"},
                                                           {"line", "Line number", false, "integer"},
                                                           {"rank", "Rank of the bidder", false, "integer"},
                                                           {"currency", "Currency", false, "code"},
                                                           {"place", "Place", false, "text"},
                                                           {"category", "Category", false, "text"},
                                                           {"code", "Item code", false, "text"}}};
  return all;
}

std::optional<field> find_field(std::string_view name) {
  for (std::size_t i = 0; i < field_count; ++i)
    if (fields()[i].name == name)
      return static_cast<field>(i);
  return std::nullopt;
}

const char* to_string(price_kind kind) {
  static constexpr std::array<const char*, 8> names = {"",        "bid",      "estimate", "quote", "purchase_order",
                                                       "invoice", "contract", "list"};
  return names[static_cast<std::size_t>(kind)];
}

std::optional<price_kind> parse_price_kind(std::string_view name) {
  for (std::int16_t k = 1; k <= 7; ++k)
    if (name == to_string(static_cast<price_kind>(k)))
      return static_cast<price_kind>(k);
  return std::nullopt;
}

std::string header_words(std::string_view header) {
  std::string text(header);
  std::replace(text.begin(), text.end(), '_', ' ');
  std::string words = match::normalize_item(text);
  std::replace(words.begin(), words.end(), '/', ' ');
  return words;
}

std::string header_fingerprint(const std::vector<std::string>& columns) {
  std::vector<std::string> words;
  for (const auto& c : columns)
    words.push_back(header_words(c));
  std::sort(words.begin(), words.end());
  std::uint64_t hash = 0xcbf29ce484222325ull;
  for (const auto& w : words) {
    for (const char c : w)
      hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
    hash = (hash ^ 0xFF) * 0x100000001b3ull;
  }
  char out[32];
  std::snprintf(out, sizeof out, "%zu-%016llx", columns.size(), static_cast<unsigned long long>(hash));
  return out;
}

std::optional<date> date_in_name(std::string_view file_name) {
  const auto slash = file_name.rfind('/');
  const auto name = slash == std::string_view::npos ? file_name : file_name.substr(slash + 1);
  std::optional<date> found;
  for (std::size_t i = 0; i + 8 <= name.size(); ++i) {
    if (!is_digit(name[i]) || (i > 0 && is_digit(name[i - 1])))
      continue;
    auto candidate = i + 10 <= name.size() ? read_date(name.substr(i, 10), date_order::ymd) : std::nullopt;
    std::size_t length = 10;
    if (!candidate && i + 10 <= name.size() && name[i + 4] == '_' && name[i + 7] == '_')
      candidate = read_date(std::string(name.substr(i, 4)) + "-" + std::string(name.substr(i + 5, 2)) + "-" +
                                std::string(name.substr(i + 8, 2)),
                            date_order::ymd);
    if (!candidate) {
      candidate = read_date(name.substr(i, 8), date_order::ymd);
      length = 8;
    }
    if (!candidate || (i + length < name.size() && is_digit(name[i + length])))
      continue;
    if (found && *found != *candidate)
      return std::nullopt;
    found = candidate;
  }
  return found;
}

result<bound_mapping> bind_mapping(const mapping& m, const std::vector<std::string>& columns,
                                   std::string_view file_name) {
  bound_mapping out;
  out.column.fill(-1);
  out.columns = columns.size();
  std::vector<field_error> wrong;
  bind_columns(m, columns, out, wrong);
  bind_constants(m, file_name, out, wrong);
  bind_notations(m, out, wrong);
  const bool price_from_amount = out.has(field::amount) && out.has(field::quantity);
  for (const auto f : {field::observed_on, field::item_name, field::price})
    if (!out.has(f) && !(f == field::price && price_from_amount))
      wrong.push_back({"columns." + fields()[static_cast<std::size_t>(f)].name,
                       "is required: choose the column that holds it" +
                           std::string(f == field::price ? ", or those of amount and quantity" : ", or a constant")});
  if (!wrong.empty()) {
    std::string message = "the mapping does not fit the file: " + wrong.front().path + " " + wrong.front().message;
    return invalid_input(std::move(message), std::move(wrong));
  }
  for (const auto& s : m.estimate_suppliers)
    out.estimate_suppliers.push_back(match::normalize_supplier(s));
  for (const auto& u : m.unpriced_units)
    out.unpriced_units.push_back(match::normalize_unit(u));
  return out;
}

} // namespace pricing::ingest
