#include "sourcing/reading.hpp"

#include "ingest/mapping.hpp"
#include "ingest/values.hpp"

namespace pricing::sourcing {
namespace {

std::string key_of(const found_price& found) {
  std::string out;
  for (const auto text : {found.line, found.description, found.unit})
    out.append(text).push_back('\x1f');
  return out + found.quantity.to_string();
}

} // namespace

proposal_line& line_collector::line_of(const found_price& found) {
  const auto key = key_of(found);
  const int occurrence = occurrences_[key + '\x1e' + std::string(found.supplier)]++;
  const auto [known, is_new] = line_by_key_.emplace(key + '\x1e' + std::to_string(occurrence), lines_.size());
  if (is_new) {
    proposal_line line;
    line.description = wire::text<1, 500>{clean(found.description, 500)};
    line.unit.value = clean(found.unit, 50);
    line.quantity = found.quantity;
    if (!found.line.empty())
      line.line = wire::text<0, 50>{clean(found.line, 50)};
    if (!found.section.empty())
      line.section = wire::text<0, 100>{clean(found.section, 100)};
    lines_.push_back(std::move(line));
  }
  return lines_[known->second];
}

void line_collector::add(const found_price& found) {
  if (lines_.size() > lines_max) {
    too_many_ = true;
    return;
  }
  auto& line = line_of(found);
  if (!found.supplier.empty())
    line.prices.push_back({{clean(found.supplier, 200)}, found.price});
}

result<wire::list<proposal_line, lines_max>> line_collector::end() && {
  if (too_many_ || lines_.size() > lines_max)
    return error{errc::too_large,
                 "the proposal has more than " + std::to_string(lines_max) + " lines; judge it in parts"};
  wire::list<proposal_line, lines_max> out;
  out.assign(std::make_move_iterator(lines_.begin()), std::make_move_iterator(lines_.end()));
  return out;
}

bool names_price(std::string_view words) {
  const std::string padded = " " + std::string(words) + " ";
  const auto has = [&](std::string_view word) {
    return padded.find(" " + std::string(word) + " ") != std::string::npos;
  };
  if (has("total") || has("ext") || has("extended") || has("amount") || has("extension"))
    return false;
  return has("price") || has("bid") || has("quote") || has("offer") || has("rate");
}

std::optional<std::string> other_currency(std::string_view price, std::string_view own) {
  struct sign {
    std::string_view text, currencies; // any of these
  };
  static constexpr sign signs[] = {
      {"€", "EUR"},   {"£", "GBP"},   {"EUR", "EUR"}, {"GBP", "GBP"},
      {"USD", "USD"}, {"CHF", "CHF"}, {"CAD", "CAD"}, {"$", "USD CAD AUD NZD MXN SGD HKD"}};
  for (const auto& [text, currencies] : signs)
    if (price.find(text) != std::string_view::npos)
      return currencies.find(own) != std::string_view::npos ? std::nullopt
                                                            : std::optional(std::string(currencies.substr(0, 3)));
  return std::nullopt;
}

std::string clean(std::string_view text, std::size_t characters_max) {
  std::string out;
  std::size_t characters = 0;
  for (const char c : ingest::trim(text)) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0) != 0x80 && ++characters > characters_max)
      break;
    out.push_back(byte < 0x20 || byte == 0x7F ? ' ' : c);
  }
  return out;
}

bool is_total(std::string_view description, std::string_view quantity) {
  if (!ingest::trim(quantity).empty())
    return false;
  const auto words = ingest::header_words(description);
  for (const std::string_view start : {"total", "subtotal", "sub total", "grand total", "sum"})
    if (words == start || words.starts_with(std::string(start) + " "))
      return true;
  return false;
}

void say_assumptions(std::size_t unpriced_rows, std::size_t quantity_assumed, std::vector<std::string>& notes) {
  if (unpriced_rows > 0)
    notes.push_back(std::to_string(unpriced_rows) + (unpriced_rows == 1 ? " row" : " rows") +
                    " without a price left out.");
  if (quantity_assumed > 0)
    notes.push_back("A quantity of 1 is assumed where none is given (" + std::to_string(quantity_assumed) +
                    (quantity_assumed == 1 ? " price)." : " prices)."));
}

} // namespace pricing::sourcing
