#include "operations/demo_data.hpp"

#include "operations/demo_catalog.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace pricing::operations {
namespace {

using std::chrono::days;

constexpr int cost_groups = 5;
constexpr int regions = 7;
constexpr double outlier_share = 0.004;
constexpr double dirty_share = 0.02;
constexpr double bad_share = 0.001;

// The standard distributions may differ between libraries; these do not.
class random_source {
 public:
  explicit random_source(std::uint64_t seed) : state_(seed) {}

  std::uint64_t bits() { // splitmix64, Steele et al. 2014
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  double uniform() { return static_cast<double>(bits() >> 11) * 0x1.0p-53; }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  int below(int n) { return static_cast<int>(uniform() * n); }
  bool chance(double share) { return uniform() < share; }
  double normal(double sigma) { // Box and Muller 1958
    const double radius = std::sqrt(-2 * std::log(1 - uniform()));
    return sigma * radius * std::cos(2 * std::numbers::pi * uniform());
  }

 private:
  std::uint64_t state_;
};

struct supplier {
  std::string name;
  double level;                              // log, against the market
  std::array<double, cost_groups> strengths; // log, per cost group
  double appetite;                           // share of the proposals in reach that it bids on
  int home;                                  // region
};

struct world {
  std::vector<demo_item> items;
  std::vector<supplier> suppliers;
  std::array<std::vector<double>, cost_groups> path; // log price level by month, from a year before the first letting
  std::array<double, regions> region;
  date first;
};

std::vector<double> price_path(random_source& random, int months, int group) {
  constexpr std::array drift{0.0025, 0.0030, 0.0032, 0.0030, 0.0035};
  constexpr std::array shock{0.004, 0.020, 0.018, 0.007, 0.002};
  std::vector<double> path{0};
  double momentum = 0;
  for (int month = 1; month < months; ++month) {
    // A shortage in the second year that steel and oil feel most, and that only partly goes back.
    const double shortage = month > 20 && month < 32   ? 0.5 * shock[group]
                            : month > 38 && month < 46 ? -0.2 * shock[group]
                                                       : 0;
    momentum = 0.5 * momentum + random.normal(shock[group]);
    path.push_back(path.back() + drift[group] + shortage + 0.6 * momentum);
  }
  return path;
}

world make_world(const demo_options& options, random_source& random) {
  world w;
  w.items = demo_catalog();
  w.first = options.until - days(365 * options.years + options.years / 4);
  for (int group = 0; group < cost_groups; ++group)
    w.path[group] = price_path(random, 12 * (options.years + 2) + 1, group);
  for (double& level : w.region)
    level = random.normal(0.06);
  for (const auto& name : demo_supplier_names()) {
    supplier s{name, random.normal(0.07), {}, random.uniform(0.15, 0.6), random.below(regions)};
    for (double& strength : s.strengths)
      strength = random.normal(0.08);
    w.suppliers.push_back(std::move(s));
  }
  return w;
}

double level_at(const world& w, int group, double months_after_first) {
  const auto& path = w.path[group];
  const double at = std::clamp(months_after_first + 12, 0.0, static_cast<double>(path.size() - 2));
  const auto i = static_cast<std::size_t>(at);
  return path[i] + (at - static_cast<double>(i)) * (path[i + 1] - path[i]);
}

double season_of(date day, int group) {
  const std::chrono::year_month_day civil{day};
  const double turn = 2 * std::numbers::pi * (static_cast<unsigned>(civil.month()) - 1) / 12;
  constexpr std::array height{0.02, 0.01, 0.06, 0.05, 0.03}; // oil and concrete work is dear in the frost
  return height[group] * std::cos(turn);
}

// Two to four significant digits, as people write prices.
double written_price(double price, random_source& random) {
  const double step = std::pow(10.0, std::floor(std::log10(price)) - (random.chance(0.4) ? 1 : 2));
  return std::max(0.01, std::round(std::round(price / step) * step * 100) / 100);
}

double written_quantity(double quantity, const std::string& unit) {
  if (unit == "Ea" || quantity > 50)
    return std::max(1.0, std::round(quantity));
  return std::max(0.1, std::round(quantity * 10) / 10);
}

struct line {
  const demo_item* item;
  double quantity;
  double fair; // log, for an average supplier
  double estimate;
};

struct bid {
  const supplier* by;
  std::vector<double> prices;
  double total = 0;
};

struct project {
  date let;
  int call;
  int region;
  std::string id;
  std::vector<line> lines;
  std::vector<bid> bids;
};

std::vector<line> make_lines(const world& w, const project& p, int count, random_source& random) {
  std::vector<int> chosen;
  while (static_cast<int>(chosen.size()) < count) {
    // Squaring makes the first items of the catalog the frequent ones.
    const double u = random.uniform();
    const int item = static_cast<int>(u * u * static_cast<double>(w.items.size()));
    if (std::find(chosen.begin(), chosen.end(), item) == chosen.end())
      chosen.push_back(item);
  }
  std::sort(chosen.begin(), chosen.end(),
            [&](int a, int b) { return std::pair(w.items[a].section, a) < std::pair(w.items[b].section, b); });
  const double months = static_cast<double>((p.let - w.first).count()) / 30.44;
  const double size = random.normal(0.7);
  const double level = random.normal(0.06) + w.region[p.region];
  std::vector<line> lines;
  for (const int i : chosen) {
    const demo_item& item = w.items[i];
    const double relative = size * 0.6 + random.normal(0.8);
    const double common = std::log(item.price) + item.slope * relative + season_of(p.let, item.cost_group);
    const double now = level_at(w, item.cost_group, months);
    const double before = level_at(w, item.cost_group, months - 6);
    lines.push_back({&item, item.unit == "LSUM" ? 1 : written_quantity(item.quantity * std::exp(relative), item.unit),
                     common + now + level + random.normal(0.05),
                     written_price(std::exp(common + before + random.normal(0.20)), random)});
  }
  return lines;
}

bid make_bid(const project& p, const supplier& by, random_source& random) {
  bid b{&by, {}, 0};
  const double distance = by.home == p.region ? -0.03 : 0.02;
  const double hunger = random.normal(0.05); // how much it wants this one
  for (const line& l : p.lines) {
    double log_price =
        l.fair + by.level + by.strengths[l.item->cost_group] + distance + hunger + random.normal(l.item->spread);
    if (random.chance(outlier_share))
      log_price += (random.chance(0.7) ? 1 : -1) * random.uniform(1.1, 2.1);
    b.prices.push_back(written_price(std::exp(log_price), random));
    b.total += b.prices.back() * l.quantity;
  }
  return b;
}

project make_project(const world& w, date let, int call, random_source& random) {
  project p{let, call, random.below(regions), {}, {}, {}};
  p.id = fmt::format("{}-{:06}", 10 + p.region, 100'000 + random.below(800'000));
  p.lines = make_lines(w, p, 10 + random.below(32), random);
  for (const supplier& s : w.suppliers)
    if (p.bids.size() < 9 && random.chance(s.appetite * (s.home == p.region ? 0.45 : 0.12)))
      p.bids.push_back(make_bid(p, s, random));
  while (p.bids.size() < 2)
    p.bids.push_back(make_bid(p, w.suppliers[random.below(static_cast<int>(w.suppliers.size()))], random));
  std::sort(p.bids.begin(), p.bids.end(), [](const bid& a, const bid& b) { return a.total < b.total; });
  return p;
}

std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"") == std::string_view::npos)
    return std::string(text);
  std::string out = "\"";
  for (const char c : text)
    out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + '"';
}

// What happens to texts on their way through people: other case, doubled blanks, a dropped or swapped letter.
std::string dirty(std::string text, random_source& random) {
  switch (random.below(4)) {
  case 0:
    for (char& c : text)
      c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    return text;
  case 1: // a doubled blank
    if (const auto blank = text.find(' '); blank != std::string::npos)
      text.insert(blank, " ");
    return text;
  case 2:
    if (text.size() > 3 && text.back() == '.')
      text.pop_back();
    else
      text += '.';
    return text;
  default: {
    // One typing error, always the same for a text, so that a reviewer decides once.
    if (text.size() > 8 && text[3] >= 'a' && text[4] >= 'a' && text[3] <= 'z' && text[4] <= 'z')
      std::swap(text[3], text[4]);
    return text;
  }
  }
}

struct row {
  std::string day;
  std::string description;
  std::string quantity;
  std::string price;
};

void spoil(row& r, random_source& random) {
  switch (random.below(4)) {
  case 0:
    r.price = "N/A";
    break;
  case 1:
    r.quantity = "see note";
    break;
  case 2:
    r.day = "2023-02-30";
    break;
  default:
    r.description.clear();
  }
}

class writer {
 public:
  writer(std::ostream& out, random_source& random) : out_(out), random_(random) {
    out_ << "letting_date,call,proposal_id,line_num,section,item_description,unit,quantity,vendor_name,bid_price,"
            "ext_amount,vendor_rank\n";
  }

  void write(const project& p, bool clean) {
    ++counts.proposals;
    for (std::size_t i = 0; i < p.lines.size(); ++i) {
      const std::string text = described(p, p.lines[i], clean);
      write_row(p, i, text, "Eng Est", p.lines[i].estimate, 0, clean);
      for (std::size_t rank = 0; rank < p.bids.size(); ++rank)
        write_row(p, i, text, p.bids[rank].by->name, p.bids[rank].prices[i], static_cast<int>(rank) + 1, clean);
    }
  }

  demo_counts counts;

 private:
  std::string described(const project& p, const line& l, bool clean) {
    if (l.item->name == "Mobilization")
      return fmt::format("Mobilization, Max ${}", 1000 * static_cast<int>(10 + p.lines.size()));
    return !clean && random_.chance(dirty_share) ? dirty(l.item->name, random_) : l.item->name;
  }

  void write_row(const project& p, std::size_t i, const std::string& text, std::string vendor, double price, int rank,
                 bool clean) {
    const line& l = p.lines[i];
    row r{to_string(p.let), text, fmt::format("{:.3f}", l.quantity), fmt::format("{:.2f}", price)};
    if (!clean && rank > 0 && random_.chance(dirty_share))
      vendor = dirty(std::move(vendor), random_);
    if (!clean && random_.chance(bad_share)) {
      spoil(r, random_);
      ++counts.bad_rows;
    }
    out_ << fmt::format("{},{:03},{},{:04},{},{},{},{},{},{},{:.2f},{}\n", r.day, p.call, p.id, (i + 1) * 5,
                        l.item->section, csv_field(r.description), l.item->unit, r.quantity, csv_field(vendor), r.price,
                        price * l.quantity, rank);
    ++counts.rows;
  }

  std::ostream& out_;
  random_source& random_;
};

// More is let from January to April than in summer.
int proposals_at(date day, random_source& random) {
  const std::chrono::year_month_day civil{day};
  const double turn = 2 * std::numbers::pi * (static_cast<unsigned>(civil.month()) - 3) / 12;
  return std::max(2, static_cast<int>(std::lround(8 + 4 * std::cos(turn) + random.normal(1.5))));
}

} // namespace

demo_counts write_demo_history(const demo_options& options, std::ostream& out) {
  random_source random(options.seed);
  const world w = make_world(options, random);
  writer rows(out, random);
  for (date day = w.first; day < options.until; day += days(21)) {
    const int count = proposals_at(day, random);
    for (int call = 1; call <= count; ++call)
      rows.write(make_project(w, day, call, random), false);
  }
  rows.counts.items = static_cast<int>(w.items.size());
  rows.counts.suppliers = static_cast<int>(w.suppliers.size());
  return rows.counts;
}

demo_counts write_demo_proposal(const demo_options& options, std::ostream& out) {
  random_source random(options.seed);
  const world w = make_world(options, random); // the same suppliers and price paths as in the history
  random_source own(options.seed + 1);
  project p{options.until, 1, 3, "13-500500", {}, {}};
  p.lines = make_lines(w, p, 40, own);
  for (int i = 0; i < 3; ++i)
    p.bids.push_back(make_bid(p, w.suppliers[2 + i * 11], own));
  for (const std::size_t dear : {4u, 11u, 19u, 26u, 33u})
    p.bids[1].prices[dear] = written_price(std::exp(p.lines[dear].fair) * own.uniform(1.7, 2.6), own);
  for (std::size_t i = 0; i < p.lines.size(); ++i) {
    const double shift = i < 12 ? 1.65 : i > 25 ? 0.55 : 1;
    p.bids[2].prices[i] = written_price(std::exp(p.lines[i].fair) * shift, own);
  }
  writer rows(out, own);
  rows.write(p, true);
  rows.counts.items = static_cast<int>(p.lines.size());
  rows.counts.suppliers = static_cast<int>(p.bids.size());
  return rows.counts;
}

} // namespace pricing::operations
