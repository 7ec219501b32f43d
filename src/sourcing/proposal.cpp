#include "sourcing/proposal.hpp"

#include "wire/json.hpp"

#include <set>
#include <unordered_set>

namespace pricing::sourcing {
namespace {

constexpr std::int64_t amount_units_max = 100'000'000'000 * decimal::scale; // 2,000 of them still add up
constexpr std::size_t errors_max = 20;

class breaches {
 public:
  void add(std::string path, std::string message) {
    if (found_.size() < errors_max)
      found_.push_back({std::move(path), std::move(message)});
  }
  result<void> end() && {
    if (found_.empty())
      return {};
    std::string first = found_.front().path + " " + found_.front().message;
    return invalid_input(std::move(first), std::move(found_));
  }

 private:
  std::vector<field_error> found_;
};

bool is_too_large(decimal quantity, decimal price) {
  const auto amount = multiply(quantity, price);
  return !amount || amount->units() > amount_units_max || amount->units() < -amount_units_max;
}

void check_prices(const proposal_line& line, const std::string& path, breaches& wrong) {
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < line.prices.size(); ++i) {
    const auto& quoted = line.prices[i];
    const std::string here = path + ".prices[" + std::to_string(i) + "]";
    if (quoted.supplier.value.find_first_not_of(" \t") == std::string::npos)
      wrong.add(here + ".supplier", "must name the bidder");
    else if (!seen.insert(quoted.supplier.value).second)
      wrong.add(here + ".supplier", "has two prices in this line; keep one");
    if (is_too_large(line.quantity, quoted.price))
      wrong.add(here + ".price", "times the quantity exceeds one hundred billion; check both");
  }
}

} // namespace

result<void> check(const proposal& p) {
  breaches wrong;
  std::unordered_set<std::string_view> bidders;
  for (std::size_t i = 0; i < p.lines.size(); ++i) {
    const auto& line = p.lines[i];
    const std::string path = "lines[" + std::to_string(i) + "]";
    if (!line.item_id && (!line.description || line.description->value.empty()))
      wrong.add(path + ".description", "is required where there is no item_id");
    if (line.quantity.units() <= 0)
      wrong.add(path + ".quantity", "must be above zero");
    else
      check_prices(line, path, wrong);
    for (const auto& quoted : line.prices)
      bidders.insert(quoted.supplier.value);
  }
  if (p.lines.empty())
    wrong.add("lines", "must hold at least one line");
  else if (bidders.empty())
    wrong.add("lines", "must hold at least one price");
  if (bidders.size() > bidders_max)
    wrong.add("lines", "hold prices of " + std::to_string(bidders.size()) + " bidders; at most " +
                           std::to_string(bidders_max) + " can be judged together");
  return std::move(wrong).end();
}

} // namespace pricing::sourcing
