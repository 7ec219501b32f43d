#include "ingest/convert.hpp"
#include "ingest/suggest.hpp"
#include "market/place.hpp"
#include "match/normalize.hpp"
#include "sourcing/reading.hpp"
#include "wire/table.hpp"

#include <algorithm>

namespace pricing::sourcing {
namespace {

using ingest::field;

// A small file has no right to unpack into a large one.
wire::table_limits limits_of_proposals() {
  wire::table_limits out;
  out.unpack.bytes_max = 64ull << 20;
  out.xlsx.unpack.bytes_max = 128ull << 20;
  out.xlsx.shared_strings_bytes_max = 32ull << 20;
  out.rows.columns_max = 200;
  out.rows.cell_bytes_max = 8 << 10;
  return out;
}

error too_many_rows() {
  return {errc::too_large, "the file has more than " + std::to_string(rows_max) + " rows; a proposal has at most " +
                               std::to_string(lines_max) + " lines"};
}

class file_reading {
 public:
  file_reading(const wire::file_bytes& file, const wire::table_info& info, std::string_view name,
               const reading_options& o)
      : file_(file), info_(info), file_name_(name), options_(o) {}

  result<read_proposal> run() {
    if (auto ok = choose_mapping(); !ok)
      return ok.error();
    if (!wide_header_.empty())
      return read_wide();
    if (auto ok = read_rows(); !ok)
      return ok.error();
    return finish();
  }

 private:
  // Calls f(row) for each row below the header.
  template <class F>
  result<void> each_row(F f) {
    auto reader = wire::open_table(file_, info_, limits_of_proposals());
    if (!reader)
      return reader.error();
    wire::row_view row;
    for (std::size_t n = 0;;) {
      const auto more = (*reader)->next(row);
      if (!more)
        return more.error();
      if (!*more)
        return {};
      if (row.number <= info_.header_row)
        continue;
      if (++n > rows_max)
        return too_many_rows();
      f(row);
    }
  }

  result<void> choose_mapping() {
    ingest::column_profiler profiler(info_.columns.size());
    if (auto ok = each_row([&](const wire::row_view& row) { profiler.feed(row.cells); }); !ok)
      return ok.error();
    auto suggested = ingest::suggest_mapping(info_.columns, profiler, file_name_, options_.currency);
    auto& m = suggested.proposed;
    if (m.columns.contains("item_name") && looks_wide(profiler, m)) {
      wide_header_ = plain_header(m);
      return {};
    }
    if (!m.columns.contains("item_name"))
      return invalid_input("no column of the file looks like item descriptions; name one 'Description'");
    if (!has_price(m))
      return invalid_input("no column of the file looks like unit prices; name one 'Unit price'");
    choose_date(m);
    name_estimates(profiler, m);
    m.kind = "bid";
    m.columns.erase("rank"), m.columns.erase("category"), m.columns.erase("place"), m.columns.erase("code");
    m.columns.erase("line"); // read as text: "0010", "A-3"
    auto bound = ingest::bind_mapping(m, info_.columns, file_name_);
    if (!bound)
      return bound.error();
    bound_.emplace(std::move(*bound));
    line_column_ = column_like("line");
    section_column_ = column_like("section");
    return {};
  }

  static bool has_price(const ingest::mapping& m) {
    return m.columns.contains("price") || (m.columns.contains("amount") && m.columns.contains("quantity"));
  }

  // A column of prices for each bidder instead of a row.
  bool looks_wide(const ingest::column_profiler& profiler, const ingest::mapping& m) const {
    std::size_t numbers = 0, prices = 0;
    for (std::size_t c = 0; c < info_.columns.size(); ++c) {
      const auto& p = profiler.profiles()[c];
      const bool numeric = std::max(p.numbers_point, p.numbers_comma) * 2 > p.filled;
      numbers += numeric;
      prices += numeric && names_price(ingest::header_words(info_.columns[c]));
    }
    return !m.columns.contains("supplier") && (prices >= 2 || (!has_price(m) && numbers >= 2));
  }

  // The columns with what was recognized under its plain name.
  std::vector<std::string> plain_header(const ingest::mapping& m) const {
    auto out = info_.columns;
    for (const auto& [role, plain] :
         {std::pair{"item_name", "Description"}, {"unit", "Unit"}, {"quantity", "Quantity"}})
      if (const auto named = m.columns.find(role); named != m.columns.end())
        std::replace(out.begin(), out.end(), named->second, std::string(plain));
    return out;
  }

  result<read_proposal> read_wide() {
    std::vector<numbered_row> rows;
    rows.push_back({info_.header_row, wide_header_});
    auto ok = each_row([&](const wire::row_view& row) {
      if (row.problem)
        return reject(row.number, -1, row.problem);
      std::vector<std::string> cells;
      for (const auto text : row.cells)
        cells.emplace_back(ingest::trim(text));
      if (rows.size() <= lines_max + 100 &&
          std::any_of(cells.begin(), cells.end(), [](const auto& t) { return !t.empty(); }))
        rows.push_back({row.number, std::move(cells)});
    });
    if (!ok)
      return ok.error();
    if (!wrong_.empty())
      return invalid_input(wrong_.front().path + ": " + wrong_.front().message, wrong_);
    return read_price_rows(std::move(rows), '\t', options_);
  }

  void choose_date(ingest::mapping& m) {
    const bool clear = m.columns.contains("observed_on") && !m.date_format.empty();
    if (m.columns.contains("observed_on") && !clear && !options_.on)
      notes_.push_back("The dates in the file could be day/month or month/day; today is used instead.");
    if (options_.on || !clear) {
      m.columns.erase("observed_on");
      if (options_.on || !m.constants.contains("observed_on"))
        m.constants["observed_on"] = to_string(options_.on.value_or(options_.today));
    }
    if (m.date_format.empty())
      m.date_format = to_string(ingest::date_order::ymd);
  }

  void name_estimates(const ingest::column_profiler& profiler, ingest::mapping& m) {
    const auto column = m.columns.find("supplier");
    if (column == m.columns.end())
      return;
    for (std::size_t c = 0; c < info_.columns.size(); ++c)
      if (info_.columns[c] == column->second)
        for (const auto& name : profiler.profiles()[c].distinct)
          if (ingest::sounds_like_estimate(match::normalize_supplier(name)))
            m.estimate_suppliers.push_back(name);
  }

  int column_like(std::string_view word) const {
    int found = -1;
    for (std::size_t c = 0; c < info_.columns.size(); ++c) {
      const auto words = ingest::header_words(info_.columns[c]);
      if (words == word || words == std::string(word) + " number" || words == std::string(word) + " no" ||
          words == std::string(word) + " num" || (word == "line" && words == "ln num"))
        found = found < 0 ? static_cast<int>(c) : found;
    }
    return found;
  }

  std::string_view cell(const wire::row_view& row, int column) const {
    return column >= 0 && static_cast<std::size_t>(column) < row.cells.size()
               ? ingest::trim(row.cells[static_cast<std::size_t>(column)])
               : std::string_view{};
  }
  std::string_view cell(const wire::row_view& row, field f) const {
    return cell(row, bound_->column[static_cast<std::size_t>(f)]);
  }

  result<void> read_rows() {
    ingest::row_converter converter(*bound_);
    return each_row([&](const wire::row_view& row) {
      const bool blank = std::all_of(row.cells.begin(), row.cells.end(),
                                     [](std::string_view text) { return ingest::trim(text).empty(); });
      if (blank || is_total(cell(row, field::item_name), cell(row, field::quantity)))
        return;
      if (row.problem)
        return reject(row.number, -1, row.problem);
      const bool unpriced =
          ingest::is_blank_text(cell(row, field::price)) && ingest::is_blank_text(cell(row, field::amount));
      if (unpriced) {
        ++unpriced_rows_;
        return;
      }
      ingest::typed_row typed;
      ingest::rejection why;
      if (!converter.convert(row.cells, typed, why))
        return reject(row.number, why.column, why.reason);
      add(row, typed);
    });
  }

  void reject(std::int64_t number, int column, std::string reason) {
    if (wrong_.size() >= 20)
      return;
    std::string where = "row " + std::to_string(number);
    if (column >= 0)
      where += ", column '" + info_.columns[static_cast<std::size_t>(column)] + "'";
    wrong_.push_back({std::move(where), std::move(reason)});
  }

  void add(const wire::row_view& row, const ingest::typed_row& typed) {
    const std::string_view currency(typed.currency.data(), typed.currency.size());
    if (currency != options_.currency)
      return reject(row.number, bound_->column[static_cast<std::size_t>(field::currency)],
                    "the price is in " + std::string(currency) + " and your history in " + options_.currency +
                        "; convert it first");
    if (!typed.event.empty() && event_.empty())
      event_ = std::string(typed.event);
    if (!typed.event.empty() && typed.event != event_)
      return reject(row.number, bound_->column[static_cast<std::size_t>(field::event)],
                    "'" + std::string(ingest::cut_utf8(typed.event, 60)) + "' is another proposal than '" +
                        std::string(ingest::cut_utf8(event_, 60)) + "'; send one proposal at a time");
    newest_ = std::max(newest_, typed.observed_on);
    if (!typed.quantity)
      ++quantity_assumed_;
    lines_.add({.line = cell(row, line_column_),
                .section = cell(row, section_column_),
                .description = typed.item_name,
                .unit = typed.unit,
                .supplier = typed.kind == ingest::price_kind::estimate ? std::string_view{}
                            : typed.supplier.empty()                   ? std::string_view("Quote")
                                                                       : typed.supplier,
                .quantity = typed.quantity.value_or(decimal::from_units(decimal::scale)),
                .price = typed.price});
  }

  result<read_proposal> finish() {
    if (!wrong_.empty())
      return invalid_input(wrong_.front().path + ": " + wrong_.front().message, wrong_);
    read_proposal out;
    auto lines = std::move(lines_).end();
    if (!lines)
      return lines.error();
    out.content.lines = std::move(*lines);
    out.content.on = newest_ == date{} ? options_.today : newest_;
    if (!event_.empty()) {
      out.content.name = wire::text<0, 200>{clean(event_, 200)};
      if (const auto place = market::place_of_reference(event_); !place.empty())
        out.content.place = wire::text<0, 100>{std::string(place)};
    }
    say_assumptions(unpriced_rows_, quantity_assumed_, notes_);
    out.notes = std::move(notes_);
    return out;
  }

  const wire::file_bytes& file_;
  const wire::table_info& info_;
  std::string_view file_name_;
  const reading_options& options_;
  std::optional<ingest::bound_mapping> bound_;
  std::vector<std::string> wide_header_; // empty: a row for each price
  int line_column_ = -1, section_column_ = -1;
  line_collector lines_;
  std::vector<field_error> wrong_;
  std::vector<std::string> notes_;
  std::string event_;
  date newest_{};
  std::size_t unpriced_rows_ = 0, quantity_assumed_ = 0;
};

} // namespace

result<read_proposal> read_file(std::string bytes, std::string_view file_name, const reading_options& o) {
  if (bytes.size() > file_bytes_max)
    return error{errc::too_large, "a proposal's file may have at most 20 MB"};
  const wire::file_bytes file{{}, std::make_shared<const std::string>(std::move(bytes))};
  const auto info = wire::inspect_table(file, limits_of_proposals());
  if (!info)
    return info.error();
  return file_reading(file, *info, file_name, o).run();
}

} // namespace pricing::sourcing
