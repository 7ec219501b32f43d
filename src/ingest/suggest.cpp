#include "ingest/suggest.hpp"

#include "match/normalize.hpp"

#include <algorithm>

namespace pricing::ingest {
namespace {

constexpr std::size_t first_rows_max = 2'000;

struct synonym {
  field target;
  std::string_view words; // a header equal to it scores fully, one that contains it as words less
  double score;
};

constexpr std::array<synonym, 78> synonyms = {{
    {field::observed_on, "letting date", 1},
    {field::observed_on, "delivered to client date", 1},
    {field::observed_on, "price date", 1},
    {field::observed_on, "bid date", 1},
    {field::observed_on, "quote date", 1},
    {field::observed_on, "order date", 1},
    {field::observed_on, "po date", 1},
    {field::observed_on, "invoice date", 1},
    {field::observed_on, "date", 0.95},
    {field::observed_on, "observed on", 1},
    {field::observed_on, "delivery date", 0.9},
    {field::observed_on, "valid from", 0.8},
    {field::observed_on, "day", 0.6},
    {field::item_name, "item description", 1},
    {field::item_name, "material description", 1},
    {field::item_name, "product description", 1},
    {field::item_name, "part description", 1},
    {field::item_name, "description", 0.95},
    {field::item_name, "item name", 1},
    {field::item_name, "product name", 0.95},
    {field::item_name, "item", 0.85},
    {field::item_name, "product", 0.8},
    {field::item_name, "material", 0.8},
    {field::item_name, "article", 0.8},
    {field::item_name, "service", 0.7},
    {field::unit, "unit", 1},
    {field::unit, "uom", 1},
    {field::unit, "unit of measure", 1},
    {field::unit, "units", 0.9},
    {field::unit, "measure", 0.6},
    {field::quantity, "quantity", 1},
    {field::quantity, "qty", 1},
    {field::quantity, "volume", 0.7},
    {field::price, "bid price", 1},
    {field::price, "pack price", 1},
    {field::price, "unit price", 0.95},
    {field::price, "price", 0.9},
    {field::price, "unit cost", 0.9},
    {field::price, "rate", 0.7},
    {field::price, "price per unit", 1},
    {field::price, "cost", 0.6},
    {field::amount, "ext amount", 1},
    {field::amount, "extended amount", 1},
    {field::amount, "extension", 0.9},
    {field::amount, "line item value", 1},
    {field::amount, "line total", 1},
    {field::amount, "amount", 0.9},
    {field::amount, "total", 0.8},
    {field::amount, "value", 0.7},
    {field::supplier, "vendor name", 1},
    {field::supplier, "vendor", 0.95},
    {field::supplier, "supplier name", 1},
    {field::supplier, "supplier", 0.95},
    {field::supplier, "bidder", 0.95},
    {field::supplier, "contractor", 0.9},
    {field::supplier, "seller", 0.8},
    {field::event, "proposal id", 1},
    {field::event, "proposal", 0.95},
    {field::event, "po so", 0.95},
    {field::event, "po number", 0.95},
    {field::event, "purchase order", 0.95},
    {field::event, "rfq", 0.95},
    {field::event, "tender", 0.9},
    {field::event, "letting", 0.7},
    {field::event, "invoice number", 0.9},
    {field::event, "order number", 0.9},
    {field::event, "contract id", 0.9},
    {field::line, "line num", 1},
    {field::line, "ln num", 1},
    {field::line, "line number", 1},
    {field::line, "line no", 1},
    {field::line, "line", 0.9},
    {field::line, "id", 0.5},
    {field::rank, "vendor rank", 1},
    {field::rank, "vend rank", 1},
    {field::rank, "rank", 0.95},
    {field::currency, "currency", 1},
    {field::currency, "curr", 0.8},
}};
constexpr std::array<synonym, 15> more_synonyms = {{
    {field::place, "country", 1},
    {field::place, "place", 1},
    {field::place, "location", 0.9},
    {field::place, "region", 0.9},
    {field::place, "county", 0.9},
    {field::place, "state", 0.7},
    {field::place, "plant", 0.7},
    {field::category, "category", 1},
    {field::category, "product group", 1},
    {field::category, "commodity", 0.8},
    {field::category, "group", 0.7},
    {field::code, "item code", 1},
    {field::code, "sku", 1},
    {field::code, "part number", 1},
    {field::code, "item number", 0.9},
}};

double header_score(field f, const std::string& words) {
  double best = 0;
  const auto look = [&](const synonym& s) {
    if (s.target != f)
      return;
    const std::string padded = " " + words + " ", wanted = " " + std::string(s.words) + " ";
    if (words == s.words)
      best = std::max(best, s.score);
    else if (f == field::line)
      return; // "line item quantity" is no line number
    else if (padded.starts_with(wanted))
      best = std::max(best, s.score * 0.9);
    else if (padded.find(wanted) != std::string::npos)
      best = std::max(best, s.score * 0.7);
  };
  std::for_each(synonyms.begin(), synonyms.end(), look);
  std::for_each(more_synonyms.begin(), more_synonyms.end(), look);
  return best;
}

double share(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

// How well the values suit the field, 0..1.
double value_score(field f, const column_profile& p, std::int64_t rows) {
  const double numbers = share(std::max(p.numbers_point, p.numbers_comma), p.filled);
  const double dates = share(*std::max_element(p.dates.begin(), p.dates.end()), p.filled);
  switch (f) {
  case field::observed_on:
    return dates >= 0.5 ? dates : 0;
  case field::quantity:
  case field::price:
  case field::amount:
    return numbers >= 0.5 ? numbers : 0;
  case field::line:
  case field::rank:
    return share(p.integers, p.filled) >= 0.8 ? 1 : 0;
  case field::currency:
    return share(p.codes, p.filled) >= 0.95 ? 1 : 0;
  case field::item_name:
    return numbers < 0.5 && dates < 0.5 ? 0.5 + 0.5 * share(p.filled, rows) : 0;
  case field::supplier:
  case field::category:
  case field::place:
    return numbers < 0.9 && dates < 0.9 ? 1 : 0;
  default:
    return dates < 0.9 ? 1 : 0;
  }
}

struct proposal {
  double score;
  field target;
  std::size_t column;
};

std::array<int, field_count> assign(const std::vector<std::string>& columns, const column_profiler& profiler) {
  std::vector<proposal> proposals;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    const auto words = header_words(columns[c]);
    for (std::size_t f = 0; f < field_count; ++f) {
      const auto target = static_cast<field>(f);
      const double score = header_score(target, words) * value_score(target, profiler.profiles()[c], profiler.rows());
      if (score >= 0.45)
        proposals.push_back({score, target, c});
    }
  }
  std::stable_sort(proposals.begin(), proposals.end(), [](const auto& a, const auto& b) { return a.score > b.score; });
  std::array<int, field_count> out;
  out.fill(-1);
  std::vector<bool> taken(columns.size());
  for (const auto& p : proposals) {
    auto& column = out[static_cast<std::size_t>(p.target)];
    if (column >= 0 || taken[p.column])
      continue;
    column = static_cast<int>(p.column);
    taken[p.column] = true;
  }
  return out;
}

int at(const std::array<int, field_count>& columns, field f) {
  return columns[static_cast<std::size_t>(f)];
}

void suggest_dates(const std::array<int, field_count>& assigned, const std::vector<std::string>& columns,
                   const column_profiler& profiler, std::string_view file_name, suggestion& out) {
  const int column = at(assigned, field::observed_on);
  if (column < 0) {
    if (date_in_name(file_name))
      out.proposed.constants["observed_on"] = "{file_date}";
    else
      out.questions.push_back("No column holds dates; choose one, or give the date of all rows.");
    return;
  }
  const auto& p = profiler.profiles()[static_cast<std::size_t>(column)];
  const auto best = *std::max_element(p.dates.begin(), p.dates.end());
  const auto dmy = p.dates[1], mdy = p.dates[2];
  if (p.dates[0] == best)
    out.proposed.date_format = to_string(date_order::ymd);
  else if (dmy != mdy || p.named_months == p.filled)
    out.proposed.date_format = to_string(dmy >= mdy ? date_order::dmy : date_order::mdy);
  else
    out.questions.push_back("Every date in '" + columns[static_cast<std::size_t>(column)] +
                            "' could be day/month or month/day; choose the notation.");
}

void suggest_decimal_mark(const std::array<int, field_count>& assigned, const std::vector<std::string>& columns,
                          const column_profiler& profiler, suggestion& out) {
  std::int64_t point = 0, comma = 0, only_grouped = 0;
  std::string example;
  for (const auto f : {field::price, field::quantity, field::amount}) {
    const int column = at(assigned, f);
    if (column < 0)
      continue;
    const auto& p = profiler.profiles()[static_cast<std::size_t>(column)];
    point += p.evidence_point;
    comma += p.evidence_comma;
    for (const auto& value : p.distinct)
      if (value.find(',') != std::string::npos && decimal_mark_evidence(value) == mark_evidence::none) {
        ++only_grouped;
        example = value;
      }
  }
  (void)columns;
  out.proposed.decimal_mark = comma > point ? "," : ".";
  if (point > 0 && comma > 0 && std::min(point, comma) * 50 > point + comma)
    out.questions.push_back(
        "Some numbers use a decimal comma and some a decimal point; choose the right one: the others "
        "will be quarantined.");
  else if (point + comma == 0 && only_grouped > 0)
    out.questions.push_back("Numbers such as '" + example +
                            "' could be thousands or decimals; choose the decimal mark.");
}

void suggest_kind(const std::array<int, field_count>& assigned, const std::vector<std::string>& columns,
                  suggestion& out) {
  std::string all = " ";
  for (const auto& c : columns)
    all += header_words(c) + " ";
  const auto has = [&](std::string_view word) { return all.find(" " + std::string(word) + " ") != std::string::npos; };
  if (at(assigned, field::rank) >= 0 || has("bid") || has("letting") || has("bidder"))
    out.proposed.kind = "bid";
  else if (has("invoice"))
    out.proposed.kind = "invoice";
  else if (has("po") || has("purchase order") || has("order"))
    out.proposed.kind = "purchase_order";
  else if (has("contract"))
    out.proposed.kind = "contract";
  else
    out.proposed.kind = "quote";
}

// A supplier named like an estimate whose rows all have rank 0.
void suggest_estimates(const std::array<int, field_count>& assigned, const column_profiler& profiler, suggestion& out) {
  const int supplier = at(assigned, field::supplier), rank = at(assigned, field::rank);
  if (supplier < 0)
    return;
  std::map<std::string, bool> always_zero;
  for (const auto& row : profiler.first_rows()) {
    const auto& name = row[static_cast<std::size_t>(supplier)];
    if (!sounds_like_estimate(match::normalize_supplier(name)))
      continue;
    const bool zero = rank < 0 || row[static_cast<std::size_t>(rank)] == "0";
    const auto known = always_zero.emplace(std::string(trim(name)), zero);
    known.first->second = known.first->second && zero;
  }
  for (const auto& [name, zero] : always_zero)
    if (zero && rank >= 0)
      out.proposed.estimate_suppliers.push_back(name);
    else if (rank < 0)
      out.questions.push_back("Is '" + name + "' your own estimate? Then list it under estimate suppliers.");
}

void suggest_unpriced(const std::array<int, field_count>& assigned, const column_profiler& profiler, suggestion& out) {
  const int unit = at(assigned, field::unit);
  if (unit < 0)
    return;
  out.proposed.unpriced_units = {"LSUM", "Dlr"};
  for (const auto& value : profiler.profiles()[static_cast<std::size_t>(unit)].distinct) {
    const auto normalized = match::normalize_unit(value);
    if (normalized == "allowance" || normalized == "job" || normalized == "usd")
      out.proposed.unpriced_units.push_back(value);
  }
}

void suggest_currency(const std::array<int, field_count>& assigned, const std::vector<std::string>& columns,
                      const column_profiler& profiler, std::string_view default_currency, suggestion& out) {
  if (at(assigned, field::currency) >= 0)
    return;
  std::string currency(default_currency);
  if (const int price = at(assigned, field::price); price >= 0) {
    const auto& p = profiler.profiles()[static_cast<std::size_t>(price)];
    if (p.euros > p.filled / 2)
      currency = "EUR";
    else if (p.pounds > p.filled / 2)
      currency = "GBP";
    for (const std::string_view code : {"USD", "EUR", "GBP", "CAD", "CHF"})
      if (columns[static_cast<std::size_t>(price)].find(code) != std::string::npos)
        currency = code;
  }
  out.proposed.constants["currency"] = currency;
}

} // namespace

bool sounds_like_estimate(std::string_view normalized) {
  const std::string padded = " " + std::string(normalized) + " ";
  for (const std::string_view word : {" est ", " estimate ", " engineers estimate ", " eng est ", " owner estimate "})
    if (padded.find(word) != std::string::npos)
      return true;
  return false;
}

void column_profiler::feed(std::span<const std::string_view> cells) {
  ++rows_;
  if (first_rows_.size() < first_rows_max) {
    first_rows_.emplace_back(cells.begin(),
                             cells.begin() + static_cast<std::ptrdiff_t>(std::min(cells.size(), profiles_.size())));
    first_rows_.back().resize(profiles_.size());
  }
  for (std::size_t c = 0; c < std::min(cells.size(), profiles_.size()); ++c) {
    const auto text = trim(cells[c]);
    if (text.empty())
      continue;
    auto& p = profiles_[c];
    ++p.filled;
    p.length_total += static_cast<std::int64_t>(text.size());
    if (p.distinct.size() < column_profile::distinct_max)
      p.distinct.emplace(text.substr(0, 100));
    const bool maybe_number = text.size() <= 32 && text.find_first_of("0123456789") != std::string_view::npos;
    if (!maybe_number) {
      p.codes += text.size() == 3 && std::all_of(text.begin(), text.end(), [](char x) { return x >= 'A' && x <= 'Z'; });
      continue;
    }
    p.numbers_point += read_number(text, '.').has_value();
    p.numbers_comma += read_number(text, ',').has_value();
    const auto evidence = decimal_mark_evidence(text);
    p.evidence_point += evidence == mark_evidence::point;
    p.evidence_comma += evidence == mark_evidence::comma;
    p.integers +=
        std::all_of(text.begin(), text.end(), [](char x) { return x >= '0' && x <= '9'; }) && text.size() <= 9;
    p.dollars += text.front() == '$';
    p.euros += text.find("€") != std::string_view::npos;
    p.pounds += text.find("£") != std::string_view::npos;
    for (const auto order : {date_order::ymd, date_order::dmy, date_order::mdy})
      p.dates[static_cast<std::size_t>(order)] += read_date(text, order).has_value();
    p.named_months += has_month_name(text);
  }
}

suggestion suggest_mapping(const std::vector<std::string>& columns, const column_profiler& profiler,
                           std::string_view file_name, std::string_view default_currency) {
  suggestion out;
  const auto assigned = assign(columns, profiler);
  for (std::size_t f = 0; f < field_count; ++f)
    if (assigned[f] >= 0)
      out.proposed.columns[fields()[f].name] = columns[static_cast<std::size_t>(assigned[f])];
  if (at(assigned, field::item_name) < 0)
    out.questions.push_back("No column looks like item descriptions; choose one.");
  if (at(assigned, field::price) < 0 && (at(assigned, field::amount) < 0 || at(assigned, field::quantity) < 0))
    out.questions.push_back("No column looks like unit prices; choose one, or line total and quantity.");
  suggest_dates(assigned, columns, profiler, file_name, out);
  suggest_decimal_mark(assigned, columns, profiler, out);
  suggest_kind(assigned, columns, out);
  suggest_estimates(assigned, profiler, out);
  suggest_unpriced(assigned, profiler, out);
  suggest_currency(assigned, columns, profiler, default_currency, out);
  return out;
}

} // namespace pricing::ingest
