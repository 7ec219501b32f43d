#include "sourcing/item_finder.hpp"

#include "match/index.hpp"
#include "match/normalize.hpp"

#include <algorithm>
#include <iterator>
#include <unordered_set>

namespace pricing::sourcing {
namespace {

constexpr std::size_t catalog_items_max = 200'000; // that are looked through for similar names
constexpr int catalog_page = 4'000;                // rows at a time, so that the event loop breathes

struct item_row {
  std::int64_t id = 0;
  std::string name;
  std::string unit;
  bool is_priced = true;
  std::string known_as; // normalized name of the item or of an alias
  std::string known_unit;
};
BOOST_DESCRIBE_STRUCT(item_row, (), (id, name, unit, is_priced, known_as, known_unit))

constexpr const char* find_named =
    "select id, name, unit, is_priced, normalized_name, unit from items where organization_id = $1 and "
    "(id = any($2) or normalized_name = any($3)) union all "
    "select i.id, i.name, i.unit, i.is_priced, a.normalized_name, a.unit from item_aliases a join items i on "
    "i.organization_id = a.organization_id and i.id = a.item_id where a.organization_id = $1 and a.normalized_name = "
    "any($3)";
constexpr const char* find_units = "select distinct unit from items where organization_id = $1";
constexpr const char* find_catalog =
    "select id, name, unit, is_priced, normalized_name, unit from items where organization_id = $1 and id > $2 and "
    "unit = any($3) order by id limit $4";
constexpr const char* find_named_suppliers =
    "select normalized_name, id from suppliers where organization_id = $1 and normalized_name = any($2) union all "
    "select normalized_name, supplier_id from supplier_aliases where organization_id = $1 and normalized_name = "
    "any($2)";

// What a line is looked for by.
struct wanted {
  std::string name; // normalized
  std::string unit; // normalized
};

std::vector<wanted> wanted_of(const proposal& p) {
  std::vector<wanted> out;
  for (const auto& line : p.lines)
    out.push_back({line.description ? match::normalize_item(line.description->value) : std::string(),
                   match::normalize_unit(line.unit.value)});
  return out;
}

known_item known(const item_row& row, double score) {
  return {row.id, row.name, row.unit, row.is_priced, score};
}

using found_items = std::vector<std::optional<known_item>>;

// By id, else by name and unit, else by the name alone where the line has no unit and only one item has the name.
class exact_finder {
 public:
  explicit exact_finder(const std::vector<item_row>& rows) {
    for (const auto& row : rows) {
      by_id_.emplace(row.id, &row);
      by_name_[row.known_as].push_back(&row);
      by_key_.emplace(row.known_as + '\x1f' + match::normalize_unit(row.known_unit), &row);
    }
  }
  const item_row* find(std::int64_t id) const {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : found->second;
  }
  const item_row* find(const wanted& w) const {
    if (w.name.empty())
      return nullptr;
    if (const auto found = by_key_.find(w.name + '\x1f' + w.unit); found != by_key_.end())
      return found->second;
    const auto same = by_name_.find(w.name);
    if (!w.unit.empty() || same == by_name_.end())
      return nullptr;
    for (const auto* row : same->second)
      if (row->id != same->second.front()->id)
        return nullptr;
    return same->second.front();
  }

 private:
  std::unordered_map<std::int64_t, const item_row*> by_id_;
  std::unordered_map<std::string, std::vector<const item_row*>> by_name_;
  std::unordered_map<std::string, const item_row*> by_key_;
};

result<found_items> find_exact(const proposal& p, const std::vector<wanted>& looked_for,
                               const std::vector<item_row>& rows) {
  const exact_finder finder(rows);
  found_items out(p.lines.size());
  std::vector<field_error> wrong;
  for (std::size_t i = 0; i < p.lines.size(); ++i) {
    const auto id = p.lines[i].item_id;
    const auto* row = id ? finder.find(*id) : finder.find(looked_for[i]);
    if (row)
      out[i] = known(*row, 1);
    else if (id && wrong.size() < 20)
      wrong.push_back({"lines[" + std::to_string(i) + "].item_id", "there is no item " + std::to_string(*id)});
  }
  if (!wrong.empty())
    return invalid_input(wrong.front().path + ": " + wrong.front().message, wrong);
  return out;
}

// Normalized units of the lines without an item.
std::unordered_set<std::string> missing_units(const std::vector<wanted>& looked_for, const found_items& found) {
  std::unordered_set<std::string> out;
  for (std::size_t i = 0; i < found.size(); ++i)
    if (!found[i] && !looked_for[i].name.empty())
      out.insert(looked_for[i].unit);
  return out;
}

// Puts the most alike item where none was found.
void add_similar(const std::vector<wanted>& looked_for, const std::vector<item_row>& catalog, found_items& found) {
  match::similarity_index index;
  for (std::size_t n = 0; n < catalog.size(); ++n)
    index.add(static_cast<std::int64_t>(n), catalog[n].known_as, match::normalize_unit(catalog[n].unit));
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (found[i] || looked_for[i].name.empty())
      continue;
    const auto best = index.find(looked_for[i].name, looked_for[i].unit, 1, match::thresholds{}.review);
    if (!best.empty())
      found[i] = known(catalog[static_cast<std::size_t>(best[0].id)], std::min(best[0].probability, 0.999));
  }
}

// The items whose unit is one of these, however it is spelled.
asio::awaitable<result<std::vector<item_row>>> items_in(postgres::pool& database, postgres::scope s,
                                                        std::unordered_set<std::string> units) {
  const auto spelled = co_await database.query<std::string>(s, find_units, s.organization);
  if (!spelled)
    co_return spelled.error();
  std::vector<std::string> asked;
  for (const auto& unit : *spelled)
    if (units.contains(match::normalize_unit(unit)))
      asked.push_back(unit);
  std::vector<item_row> out;
  for (bool more = !asked.empty(); more && out.size() < catalog_items_max;) {
    const std::int64_t after = out.empty() ? 0 : out.back().id;
    auto page = co_await database.query<item_row>(s, find_catalog, s.organization, after, asked, catalog_page);
    if (!page)
      co_return page.error();
    more = page->size() == static_cast<std::size_t>(catalog_page);
    out.insert(out.end(), std::make_move_iterator(page->begin()), std::make_move_iterator(page->end()));
  }
  co_return out;
}

struct named_id {
  std::string name;
  std::int64_t id = 0;
};
BOOST_DESCRIBE_STRUCT(named_id, (), (name, id))

} // namespace

asio::awaitable<result<std::vector<std::optional<known_item>>>>
find_items(postgres::pool& database, net::cpu_pool& cpu, postgres::scope s, std::shared_ptr<const proposal> p) {
  const auto looked_for = std::make_shared<const std::vector<wanted>>(wanted_of(*p));
  std::vector<std::int64_t> ids;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < p->lines.size(); ++i)
    if (p->lines[i].item_id)
      ids.push_back(*p->lines[i].item_id);
    else
      names.push_back((*looked_for)[i].name);
  const auto rows = co_await database.query<item_row>(s, find_named, s.organization, ids, names);
  if (!rows)
    co_return rows.error();
  auto found = find_exact(*p, *looked_for, *rows);
  if (!found || std::all_of(found->begin(), found->end(), [](const auto& item) { return item.has_value(); }))
    co_return found;
  auto all = co_await items_in(database, s, missing_units(*looked_for, *found));
  if (!all)
    co_return all.error();
  const auto catalog = std::make_shared<const std::vector<item_row>>(std::move(*all));
  const auto work = [looked_for, catalog, some = *found]() {
    auto out = some;
    add_similar(*looked_for, *catalog, out);
    return out;
  };
  co_return co_await cpu.run(work);
}

asio::awaitable<result<std::unordered_map<std::string, std::int64_t>>>
find_suppliers(postgres::pool& database, postgres::scope s, std::vector<std::string> names) {
  std::vector<std::string> normalized;
  for (const auto& name : names)
    normalized.push_back(match::normalize_supplier(name));
  const auto rows = co_await database.query<named_id>(s, find_named_suppliers, s.organization, normalized);
  if (!rows)
    co_return rows.error();
  std::unordered_map<std::string, std::int64_t> out;
  for (const auto& row : *rows)
    for (std::size_t i = 0; i < names.size(); ++i)
      if (normalized[i] == row.name)
        out.emplace(names[i], row.id);
  co_return out;
}

} // namespace pricing::sourcing
