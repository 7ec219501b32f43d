#include "ingest/convert.hpp"
#include "ingest/mapping.hpp"
#include "ingest/suggest.hpp"
#include "match/normalize.hpp"
#include "sourcing/reading.hpp"
#include "wire/csv.hpp"

#include <algorithm>
#include <array>

namespace pricing::sourcing {
namespace {

using row = std::vector<std::string>;

// Where things stand in a row; -1: nowhere. prices: column and bidder.
struct layout {
  int line = -1, description = -1, unit = -1, quantity = -1;
  std::vector<std::pair<int, std::string>> prices;
};

// Tabs are never part of a description, semicolons seldom; commas are the last resort.
char delimiter_of(std::string_view text) {
  const auto lines = std::count(text.begin(), text.end(), '\n') + 1;
  for (const char c : {'\t', ';', '|'})
    if (std::count(text.begin(), text.end(), c) * 2 >= lines)
      return c;
  return ',';
}

result<std::vector<numbered_row>> rows_of(std::string text, char delimiter) {
  auto bytes = wire::open_bytes({{}, std::make_shared<const std::string>(std::move(text))});
  if (!bytes)
    return bytes.error();
  const auto reader = wire::make_csv_reader(std::move(*bytes), delimiter, {.columns_max = bidders_max + 20});
  std::vector<numbered_row> out;
  wire::row_view view;
  for (;;) {
    const auto more = reader->next(view);
    if (!more)
      return more.error();
    if (!*more)
      return out;
    if (view.problem)
      return invalid_input("row " + std::to_string(view.number) + ": " + view.problem);
    row cells;
    for (const auto cell : view.cells)
      cells.emplace_back(ingest::trim(cell));
    while (!cells.empty() && cells.back().empty())
      cells.pop_back();
    if (!cells.empty())
      out.push_back({view.number, std::move(cells)});
    if (out.size() > lines_max + 100)
      return error{errc::too_large, "a proposal has at most " + std::to_string(lines_max) + " lines"};
  }
}

bool is_number(std::string_view text, char mark) {
  return ingest::read_number(text, mark).has_value();
}

char decimal_mark_of(const std::vector<numbered_row>& rows) {
  std::size_t point = 0, comma = 0;
  for (const auto& r : rows)
    for (const auto& cell : r.cells) {
      if (!is_number(cell, '.') && !is_number(cell, ','))
        continue; // "Pipe, 6 inch"
      const auto evidence = ingest::decimal_mark_evidence(cell);
      point += evidence == ingest::mark_evidence::point;
      comma += evidence == ingest::mark_evidence::comma;
    }
  return comma > point ? ',' : '.';
}

bool one_of(std::string_view words, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), words) != names.end();
}

// "Unit price (Acme)" -> "Acme": the header without the words that only say that it is a price.
std::string bidder_of(const std::string& header) {
  std::string out;
  std::string word;
  for (std::size_t i = 0; i <= header.size(); ++i) {
    const char c = i < header.size() ? header[i] : ' ';
    if (c != ' ' && c != '(' && c != ')' && c != ':') {
      word.push_back(c);
      continue;
    }
    if (!word.empty() &&
        !one_of(ingest::header_words(word), {"price", "unit", "bid", "quote", "offer", "rate", "cost"}))
      out += (out.empty() ? "" : " ") + word;
    word.clear();
  }
  return out.find_first_not_of("0123456789") == std::string::npos ? header : out; // "Bid 2" stays whole
}

void make_unique(layout& l) {
  std::map<std::string, int> seen;
  for (auto& [column, name] : l.prices)
    if (const int times = ++seen[name]; times > 1)
      name += " " + std::to_string(times);
}

// Where several headers speak of prices, the other columns are notes, weights and the like.
void keep_prices(layout& l) {
  const auto is_price = [](const auto& p) { return names_price(ingest::header_words(p.second)); };
  if (std::count_if(l.prices.begin(), l.prices.end(), is_price) >= 1)
    std::erase_if(l.prices, [&](const auto& p) { return !is_price(p); });
  if (l.prices.size() == 1 && one_of(ingest::header_words(l.prices[0].second),
                                     {"price", "unit price", "bid price", "quote", "rate", "cost", "bid", "offer"}))
    l.prices[0].second = "Quote";
  for (auto& [column, name] : l.prices)
    name = name == "Quote" ? name : bidder_of(name);
  make_unique(l);
}

// The columns by their names; nullopt when the row is no header.
std::optional<layout> read_header(const row& cells, char mark) {
  layout out;
  for (std::size_t c = 0; c < cells.size(); ++c) {
    if (is_number(cells[c], mark))
      return std::nullopt;
    const auto words = ingest::header_words(cells[c]);
    const int column = static_cast<int>(c);
    if (words.empty())
      continue;
    if (one_of(words, {"line", "line number", "line no", "no", "pos", "position"}) && out.line < 0)
      out.line = column;
    else if (one_of(words,
                    {"description", "item", "item description", "item name", "material", "product", "service"}) &&
             out.description < 0)
      out.description = column;
    else if (one_of(words, {"unit", "uom", "units", "unit of measure"}) && out.unit < 0)
      out.unit = column;
    else if (one_of(words, {"quantity", "qty"}) && out.quantity < 0)
      out.quantity = column;
    else if (!one_of(words, {"amount", "total", "extension", "extended amount", "line total"}))
      out.prices.emplace_back(column, cells[c]);
  }
  if (out.description < 0)
    return std::nullopt;
  keep_prices(out);
  return out;
}

// "Pipe, 6 inch, ft, 10, 5.00": the description holds the delimiter. The numbers at the end are quantity and price.
void join_description(row& cells, char mark) {
  if (cells.size() <= 4)
    return;
  std::size_t numbers = 0;
  while (numbers < cells.size() && is_number(cells[cells.size() - 1 - numbers], mark))
    ++numbers;
  if (numbers < 2 || cells.size() - numbers <= 2)
    return;
  const std::size_t parts = cells.size() - numbers - 1; // the unit stands before the numbers
  for (std::size_t i = 1; i < parts; ++i)
    cells[0] += ", " + cells[i];
  cells.erase(cells.begin() + 1, cells.begin() + static_cast<std::ptrdiff_t>(parts));
}

// [line] description [unit] [quantity] price [price...]
layout guess_layout(const row& cells, char mark) {
  layout out;
  std::size_t at = 0;
  if (cells.size() >= 4 && is_number(cells[0], mark) && !is_number(cells[1], mark))
    out.line = static_cast<int>(at++);
  out.description = static_cast<int>(at++);
  if (at + 1 < cells.size() && !is_number(cells[at], mark))
    out.unit = static_cast<int>(at++);
  if (at + 1 < cells.size())
    out.quantity = static_cast<int>(at++);
  const std::size_t first = at;
  for (; at < cells.size(); ++at)
    out.prices.emplace_back(static_cast<int>(at), cells.size() - first == 1
                                                      ? std::string("Quote")
                                                      : "Bidder " + std::to_string(at - first + 1));
  return out;
}

class text_reading {
 public:
  text_reading(std::vector<numbered_row> rows, char delimiter, char mark, const reading_options& o)
      : rows_(std::move(rows)), delimiter_(delimiter), mark_(mark), currency_(o.currency) {}

  result<read_proposal> run(const reading_options& o) {
    auto header = read_header(rows_.front().cells, mark_);
    if (header)
      std::erase_if(header->prices, [&](const auto& p) { return !has_numbers(p.first); });
    if (header && header->prices.empty())
      return invalid_input("row " + std::to_string(rows_.front().number) +
                           ": the header names no column of prices; add one such as 'Price'");
    for (std::size_t i = header ? 1 : 0; i < rows_.size(); ++i)
      read_row(rows_[i], header);
    if (!wrong_.empty())
      return invalid_input(wrong_.front().path + ": " + wrong_.front().message, wrong_);
    read_proposal out;
    auto lines = std::move(lines_).end();
    if (!lines)
      return lines.error();
    out.content.lines = std::move(*lines);
    out.content.on = o.on.value_or(o.today);
    say_assumptions(unpriced_, quantity_assumed_, out.notes);
    return out;
  }

 private:
  bool has_numbers(int column) const {
    return std::any_of(rows_.begin() + 1, rows_.end(), [&](const numbered_row& r) {
      return static_cast<std::size_t>(column) < r.cells.size() &&
             is_number(r.cells[static_cast<std::size_t>(column)], mark_);
    });
  }

  void read_row(numbered_row& r, const std::optional<layout>& header) {
    if (!header && delimiter_ == ',')
      join_description(r.cells, mark_);
    const layout where = header ? *header : guess_layout(r.cells, mark_);
    const auto at = [&](int column) {
      return column >= 0 && static_cast<std::size_t>(column) < r.cells.size()
                 ? std::string_view(r.cells[static_cast<std::size_t>(column)])
                 : std::string_view{};
    };
    const auto description = at(where.description);
    if (is_total(description, at(where.quantity)))
      return;
    if (ingest::is_blank_text(description))
      return reject(r.number, "description", "is missing");
    found_price found{.line = at(where.line),
                      .section = {},
                      .description = description,
                      .unit = at(where.unit),
                      .supplier = {},
                      .quantity = decimal::from_units(decimal::scale),
                      .price = {}};
    if (!read_quantity(r.number, at(where.quantity), found))
      return;
    read_prices(r.number, where, at, found);
  }

  bool read_quantity(std::int64_t number, std::string_view text, found_price& found) {
    if (ingest::is_blank_text(text)) {
      ++quantity_assumed_;
      return true;
    }
    const auto value = ingest::read_number(text, mark_);
    if (value && value->units() > 0) {
      found.quantity = *value;
      return true;
    }
    reject(number, "quantity",
           shown(text) + (value ? " is not above zero"
                                : " is no number; if descriptions or numbers hold the delimiter, "
                                  "paste with tabs"));
    return false;
  }

  template <class At>
  void read_prices(std::int64_t number, const layout& where, const At& at, found_price& found) {
    std::size_t prices = 0;
    for (const auto& [column, bidder] : where.prices) {
      if (ingest::is_blank_text(at(column)))
        continue;
      if (const auto other = other_currency(at(column), currency_))
        return reject(number, "price",
                      shown(at(column)) + " is in " + *other + " and your history in " + currency_ +
                          "; convert it first");
      const auto price = ingest::read_number(at(column), mark_);
      if (!price)
        return reject(number, "price", shown(at(column)) + " is no number");
      ++prices;
      found.price = *price;
      found.supplier = ingest::sounds_like_estimate(match::normalize_supplier(bidder)) ? std::string_view{} : bidder;
      lines_.add(found);
    }
    unpriced_ += prices == 0;
  }

  void reject(std::int64_t number, std::string_view column, std::string message) {
    if (wrong_.size() < 20)
      wrong_.push_back({"row " + std::to_string(number) + ", " + std::string(column), std::move(message)});
  }
  static std::string shown(std::string_view text) { return "'" + std::string(ingest::cut_utf8(text, 60)) + "'"; }

  std::vector<numbered_row> rows_;
  char delimiter_;
  char mark_;
  std::string currency_;
  line_collector lines_;
  std::vector<field_error> wrong_;
  std::size_t unpriced_ = 0, quantity_assumed_ = 0;
};

} // namespace

result<read_proposal> read_price_rows(std::vector<numbered_row> rows, char delimiter, const reading_options& o) {
  const char mark = decimal_mark_of(rows);
  return text_reading(std::move(rows), delimiter, mark, o).run(o);
}

result<read_proposal> read_text(std::string text, const reading_options& o) {
  if (text.size() > paste_bytes_max)
    return error{errc::too_large, "pasted text may have at most 2 MB; send it as a file"};
  const char delimiter = delimiter_of(text);
  auto rows = rows_of(std::move(text), delimiter);
  if (!rows)
    return rows.error();
  if (rows->empty())
    return invalid_input("nothing was pasted: send lines of description, unit, quantity and price",
                         {{"text", "has no lines"}});
  return read_price_rows(std::move(*rows), delimiter, o);
}

} // namespace pricing::sourcing
