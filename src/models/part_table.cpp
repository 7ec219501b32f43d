#include "models/part_table.hpp"

#include "core/clock.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <set>

namespace pricing::models {
namespace {

constexpr std::size_t facts_max = 400; // columns
constexpr std::size_t bill_lines_max = 500;
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

enum role { part, price, quantity, annual_usage, minimum_order, bracketed, supplier, on, bill, roles };

constexpr std::array<const char*, roles> role_names{
    "part", "price", "quantity", "annual usage", "minimum order", "bracketed", "supplier", "date", "bill"};

struct column_name {
  const char* name; // letters and digits only
  role means;
};
constexpr std::array<column_name, 26> column_names{{{"part", part},
                                                    {"partid", part},
                                                    {"partno", part},
                                                    {"partnumber", part},
                                                    {"tubeassemblyid", part},
                                                    {"price", price},
                                                    {"unitprice", price},
                                                    {"cost", price},
                                                    {"unitcost", price},
                                                    {"quantity", quantity},
                                                    {"qty", quantity},
                                                    {"annualusage", annual_usage},
                                                    {"annualquantity", annual_usage},
                                                    {"minimumorder", minimum_order},
                                                    {"minorder", minimum_order},
                                                    {"minorderquantity", minimum_order},
                                                    {"minimumorderquantity", minimum_order},
                                                    {"bracketed", bracketed},
                                                    {"bracketpricing", bracketed},
                                                    {"supplier", supplier},
                                                    {"vendor", supplier},
                                                    {"date", on},
                                                    {"quotedate", on},
                                                    {"quotedon", on},
                                                    {"bill", bill},
                                                    {"billofmaterials", bill}}};

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  return first == std::string_view::npos ? std::string_view()
                                         : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::string plain(std::string_view text) {
  std::string out;
  for (const char c : text)
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
      out += c;
    else if (c >= 'A' && c <= 'Z')
      out += static_cast<char>(c - 'A' + 'a');
  return out;
}

bool says_yes(std::string_view cell) {
  const std::string word = plain(cell);
  return word == "yes" || word == "y" || word == "true" || word == "1";
}

std::vector<learn::bill_line> bill_of(std::string_view cell) {
  std::vector<learn::bill_line> out;
  while (!cell.empty() && out.size() < bill_lines_max) {
    const auto end = cell.find_first_of(";|");
    const auto one = trimmed(cell.substr(0, end));
    cell = end == std::string_view::npos ? std::string_view() : cell.substr(end + 1);
    const auto times = one.rfind('*');
    const double pieces = times == std::string_view::npos ? 1 : number_of(one.substr(times + 1));
    if (!one.empty() && pieces > 0)
      out.push_back({std::string(trimmed(one.substr(0, times))), pieces});
  }
  return out;
}

class table_builder {
 public:
  result<void> name_columns(const std::vector<std::string>& columns) {
    at_.fill(-1);
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const std::string name = plain(columns[i]);
      const auto known =
          std::ranges::find(column_names, name, [](const column_name& c) { return std::string(c.name); });
      if (known != column_names.end() && at_[known->means] < 0) {
        at_[known->means] = static_cast<int>(i);
        out_.terms.push_back({columns[i], role_names[known->means]});
      } else
        facts_.push_back({columns[i], i, true});
    }
    std::vector<field_error> missing;
    for (const auto& [which, name] : {std::pair(part, "part"), std::pair(price, "price")})
      if (at_[which] < 0)
        missing.push_back({name, "is needed as a column"});
    if (facts_.empty() && at_[bill] < 0)
      missing.push_back({"columns", "at least one must say what the parts are like: a measure, a material, a bill"});
    if (facts_.size() > facts_max)
      missing.push_back({"columns", "at most " + std::to_string(facts_max) + " may describe the parts"});
    if (!missing.empty())
      return invalid_input("the table does not say what is needed", std::move(missing));
    return {};
  }

  void take(const wire::row_view& row) {
    if (row.problem != nullptr)
      return leave_out(row, row.problem);
    learn::part_quote q;
    q.part = cell(row, part);
    q.unit_cost = number_of(cell(row, price));
    if (q.part.empty())
      return leave_out(row, "names no part");
    if (!(q.unit_cost > 0))
      return leave_out(row, "has no price above zero");
    const auto number_or = [&](role which, double none) {
      const double found = number_of(cell(row, which));
      return found >= 0 ? found : none;
    };
    q.quantity = std::max(number_or(quantity, 1), 1e-3);
    q.annual_usage = number_or(annual_usage, 0);
    q.order_min = number_or(minimum_order, 0);
    q.bracketed = says_yes(cell(row, bracketed));
    q.supplier = cell(row, supplier);
    if (const auto day = parse_date(cell(row, on).substr(0, 10)))
      q.on = *day;
    suppliers_.insert(q.supplier);
    if (out_.catalog.parts.find(q.part) == out_.catalog.parts.end())
      describe(q.part, row);
    out_.quotes.push_back(std::move(q));
  }

  std::size_t rows() const { return out_.quotes.size() + out_.left_out; }

  // Only now is it known which columns hold nothing but numbers.
  part_table finish() {
    for (const fact& f : facts_)
      (f.numeric && f.known ? out_.measures : out_.labels).push_back(f.name);
    for (const auto& [name, cells] : cells_) {
      learn::part& p = out_.catalog.parts[name];
      for (std::size_t i = 0; i < facts_.size(); ++i) {
        if (cells[i].empty())
          continue;
        if (facts_[i].numeric)
          p.measures.emplace_back(facts_[i].name, number_of(cells[i]));
        else
          p.labels.push_back(facts_[i].name + "=" + cells[i]);
      }
    }
    out_.suppliers = suppliers_.size();
    return std::move(out_);
  }

 private:
  struct fact {
    std::string name;
    std::size_t column;
    bool numeric = true;
    bool known = false; // any cell at all
  };

  std::string_view cell(const wire::row_view& row, role which) const {
    const auto i = static_cast<std::size_t>(at_[which]);
    return at_[which] < 0 || i >= row.cells.size() ? std::string_view() : trimmed(row.cells[i]);
  }
  void describe(const std::string& name, const wire::row_view& row) {
    out_.catalog.parts[name].bill = bill_of(cell(row, bill));
    auto& cells = cells_.emplace_back(name, std::vector<std::string>()).second;
    for (fact& f : facts_) {
      const auto text = f.column < row.cells.size() ? trimmed(row.cells[f.column]) : std::string_view();
      f.known = f.known || !text.empty();
      f.numeric = f.numeric && (text.empty() || !std::isnan(number_of(text)));
      cells.emplace_back(text);
    }
  }
  void leave_out(const wire::row_view& row, const char* why) {
    ++out_.left_out;
    if (out_.left_out_rows.size() < left_out_rows_max)
      out_.left_out_rows.push_back("row " + std::to_string(row.number) + " " + why);
  }

  std::array<int, roles> at_{};
  std::vector<fact> facts_;
  std::vector<std::pair<std::string, std::vector<std::string>>> cells_; // of the first row of each part
  std::set<std::string> suppliers_;
  part_table out_;
};

} // namespace

double number_of(std::string_view cell) {
  cell = trimmed(cell);
  std::array<char, 64> digits{};
  std::size_t n = 0;
  for (const char c : cell)
    if (c != ',' && c != '$' && n < digits.size())
      digits[n++] = c;
  double value = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + n, value);
  const bool whole = n > 0 && n < digits.size() && read.ec == std::errc() && read.ptr == digits.data() + n;
  return whole && std::isfinite(value) ? value : not_a_number;
}

result<part_table> read_part_table(const wire::file_bytes& file) {
  const auto info = wire::inspect_table(file);
  if (!info)
    return info.error();
  table_builder table;
  if (const auto named = table.name_columns(info->columns); !named)
    return named.error();
  auto reader = wire::open_table(file, *info);
  if (!reader)
    return reader.error();
  wire::row_view row;
  for (;;) {
    const auto more = (*reader)->next(row);
    if (!more)
      return more.error();
    if (!*more)
      break;
    if (row.number <= info->header_row)
      continue;
    if (table.rows() >= part_rows_max)
      return error{errc::too_large, "the table has more than " + std::to_string(part_rows_max) + " rows"};
    table.take(row);
  }
  auto out = table.finish();
  if (out.quotes.empty())
    return invalid_input("no row of the table has both a part and a price above zero");
  return out;
}

} // namespace pricing::models
