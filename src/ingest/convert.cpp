#include "ingest/convert.hpp"

#include "match/normalize.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace pricing::ingest {
namespace {

constexpr std::size_t shown_bytes_max = 60;
constexpr std::size_t item_bytes_max = 1'000;
constexpr std::size_t text_bytes_max = 300;

// The cell as it stands in a reason, cut without splitting a character.
std::string shown(std::string_view text) {
  return "'" + std::string(cut_utf8(text, shown_bytes_max)) + (text.size() > shown_bytes_max ? "...'" : "'");
}

std::uint64_t mix(std::uint64_t h) {
  h ^= h >> 33;
  h *= 0xff51afd7ed558ccdull;
  h ^= h >> 33;
  h *= 0xc4ceb9fe1a85ec53ull;
  return h ^ h >> 33;
}

// Eight bytes a step; texts are framed by their length so that neighbours cannot flow together.
class hasher {
 public:
  void add(std::uint64_t value) { hash_ = mix(hash_ ^ value) + 0x9E3779B97F4A7C15ull; }
  void add(std::string_view text) {
    add(text.size());
    for (; text.size() >= 8; text.remove_prefix(8)) {
      std::uint64_t eight;
      std::memcpy(&eight, text.data(), 8);
      add(eight);
    }
    std::uint64_t rest = 0;
    std::memcpy(&rest, text.data(), text.size());
    add(rest);
  }
  std::int64_t value() const { return static_cast<std::int64_t>(mix(hash_)); }

 private:
  std::uint64_t hash_ = 0x243F6A8885A308D3ull;
};

} // namespace

bool is_blank_text(std::string_view text) {
  if (text.size() > 5)
    return false;
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  return lower.empty() || lower == "n/a" || lower == "#n/a" || lower == "-" || lower == "null" || lower == "none";
}

row_converter::row_converter(bound_mapping m) : mapping_(std::move(m)) {}

std::string_view row_converter::text_of(field f, std::span<const std::string_view> cells) const {
  const auto i = static_cast<std::size_t>(f);
  const int column = mapping_.column[i];
  if (column < 0)
    return mapping_.constant[i];
  return static_cast<std::size_t>(column) < cells.size() ? trim(cells[static_cast<std::size_t>(column)])
                                                         : std::string_view{};
}

bool row_converter::reject(field f, std::string reason, rejection& why) const {
  why = {mapping_.column[static_cast<std::size_t>(f)], std::move(reason)};
  return false;
}

bool row_converter::convert(std::span<const std::string_view> cells, typed_row& row, rejection& why) {
  row = {};
  for (auto i = mapping_.columns; i < cells.size(); ++i)
    if (!trim(cells[i]).empty()) {
      why = {-1, "the row has more cells than the header: a quote may be missing, or a delimiter stands in a text"};
      return false;
    }
  return read_date_field(cells, row, why) && read_texts(cells, row, why) && read_supplier(cells, row, why) &&
         read_money(cells, row, why) && read_integer(field::line, 2'000'000'000, cells, row.line, why) &&
         read_integer(field::rank, 32'000, cells, row.rank, why);
}

bool row_converter::read_date_field(std::span<const std::string_view> cells, typed_row& row, rejection& why) {
  const auto text = text_of(field::observed_on, cells);
  if (text.empty())
    return reject(field::observed_on, "the date is missing", why);
  if (text != last_date_text_) {
    const bool constant = mapping_.column[static_cast<std::size_t>(field::observed_on)] < 0;
    const auto order = constant ? date_order::ymd : mapping_.dates;
    const auto day = read_date(text, order);
    if (!day)
      return reject(field::observed_on, shown(text) + " is no date in the notation " + to_string(order), why);
    last_date_text_ = text;
    last_date_ = *day;
  }
  row.observed_on = last_date_;
  return true;
}

bool row_converter::read_texts(std::span<const std::string_view> cells, typed_row& row, rejection& why) {
  row.item_name = text_of(field::item_name, cells);
  if (is_blank_text(row.item_name))
    return reject(field::item_name, "the item description is missing", why);
  if (row.item_name.size() > item_bytes_max)
    return reject(field::item_name, "the item description is longer than 1,000 bytes", why);
  row.unit = text_of(field::unit, cells);
  if (!row.unit.empty() && row.unit.find_first_not_of("0123456789") == std::string_view::npos) {
    unit_text_ = "pack of " + std::string(row.unit);
    row.unit = unit_text_;
  }
  row.event = text_of(field::event, cells);
  row.place = text_of(field::place, cells);
  row.category = text_of(field::category, cells);
  row.code = text_of(field::code, cells);
  for (const auto& [f, text] :
       {std::pair{field::unit, row.unit}, std::pair{field::event, row.event}, std::pair{field::place, row.place},
        std::pair{field::category, row.category}, std::pair{field::code, row.code}})
    if (text.size() > text_bytes_max)
      return reject(f, "the text is longer than 300 bytes", why);
  const auto currency = text_of(field::currency, cells);
  if (currency.size() != 3)
    return reject(field::currency,
                  currency.empty() ? "the currency is missing" : shown(currency) + " is no currency code such as USD",
                  why);
  for (std::size_t i = 0; i < 3; ++i) {
    const char c = currency[i] >= 'a' && currency[i] <= 'z' ? static_cast<char>(currency[i] - 32) : currency[i];
    if (c < 'A' || c > 'Z')
      return reject(field::currency, shown(currency) + " is no currency code such as USD", why);
    row.currency[i] = c;
  }
  return true;
}

bool row_converter::is_estimate(std::string_view supplier) {
  if (mapping_.estimate_suppliers.empty())
    return false;
  const auto known = estimate_by_name_.find(supplier);
  if (known != estimate_by_name_.end())
    return known->second;
  const auto name = match::normalize_supplier(supplier);
  const auto& list = mapping_.estimate_suppliers;
  const bool estimate = std::find(list.begin(), list.end(), name) != list.end();
  if (estimate_by_name_.size() < 100'000)
    estimate_by_name_.emplace(supplier, estimate);
  return estimate;
}

bool row_converter::read_supplier(std::span<const std::string_view> cells, typed_row& row, rejection& why) {
  row.kind = mapping_.kind;
  if (!mapping_.has(field::supplier))
    return true;
  row.supplier = text_of(field::supplier, cells);
  if (is_blank_text(row.supplier))
    return reject(field::supplier, "the supplier is missing", why);
  if (row.supplier.size() > text_bytes_max)
    return reject(field::supplier, "the supplier's name is longer than 300 bytes", why);
  if (is_estimate(row.supplier)) {
    row.kind = price_kind::estimate;
    row.supplier = {};
  }
  return true;
}

bool row_converter::read_optional(field f, std::span<const std::string_view> cells, std::optional<decimal>& out,
                                  rejection& why) {
  const auto text = text_of(f, cells);
  if (text.empty())
    return true;
  out = read_number(text, mapping_.decimal_mark);
  return out || reject(f, shown(text) + " is no number with the decimal mark '" + mapping_.decimal_mark + "'", why);
}

bool row_converter::read_money(std::span<const std::string_view> cells, typed_row& row, rejection& why) {
  std::optional<decimal> price;
  if (!read_optional(field::quantity, cells, row.quantity, why) ||
      !read_optional(field::amount, cells, row.amount, why) || !read_optional(field::price, cells, price, why))
    return false;
  if (row.quantity && row.quantity->units() < 0)
    return reject(field::quantity, "the quantity is negative", why);
  if (!price && !mapping_.has(field::price) && row.amount && row.quantity && row.quantity->units() > 0) {
    const auto divided = decimal::from_double(row.amount->to_double() / row.quantity->to_double());
    if (divided)
      price = *divided;
  }
  if (!price)
    return reject(mapping_.has(field::price) ? field::price : field::amount, "the price is missing", why);
  row.price = *price;
  return true;
}

bool row_converter::read_integer(field f, int max, std::span<const std::string_view> cells, std::optional<int>& out,
                                 rejection& why) {
  auto text = text_of(f, cells);
  if (text.empty())
    return true;
  if (const auto point = text.find('.');
      point != std::string_view::npos && point > 0 && text.find_first_not_of('0', point + 1) == std::string_view::npos)
    text = text.substr(0, point); // "3.0"
  int value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size() || value < 0 || value > max)
    return reject(f, shown(text) + " is no whole number", why);
  out = value;
  return true;
}

std::int64_t row_key(const typed_row& row, std::string_view normalized_item, std::string_view normalized_unit,
                     std::string_view normalized_supplier) {
  hasher h;
  h.add(static_cast<std::uint64_t>(row.observed_on.time_since_epoch().count()));
  h.add(row.event);
  h.add(row.line ? static_cast<std::uint64_t>(*row.line) : ~std::uint64_t{0});
  h.add(normalized_item);
  h.add(normalized_unit);
  h.add(normalized_supplier);
  h.add(static_cast<std::uint64_t>(row.kind));
  h.add(static_cast<std::uint64_t>(row.price.units()));
  h.add(row.quantity ? static_cast<std::uint64_t>(row.quantity->units()) : ~std::uint64_t{0});
  h.add(std::string_view(row.currency.data(), row.currency.size()));
  return h.value();
}

} // namespace pricing::ingest
