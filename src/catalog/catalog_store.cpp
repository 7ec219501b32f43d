#include "catalog/catalog_store.hpp"

namespace pricing::catalog {
namespace {

std::string key_of(item_order order) {
  switch (order) {
  case item_order::name:
    return "0::float8";
  case item_order::spend:
    return "coalesce(s.spend, 0)::float8";
  case item_order::bids:
    return "coalesce(s.bids, 0)::float8";
  case item_order::recent:
    return "coalesce(s.last_on - date '1970-01-01', -1000000)::float8";
  }
  return {};
}

// Cheapest first by position; who has none comes last.
std::string key_of(supplier_order order) {
  switch (order) {
  case supplier_order::name:
    return "0::float8";
  case supplier_order::position:
    return "-coalesce(s.position, 1000)";
  case supplier_order::bids:
    return "coalesce(s.bids, 0)::float8";
  case supplier_order::recent:
    return "coalesce(s.last_on - date '1970-01-01', -1000000)::float8";
  }
  return {};
}

// "… and rows after the previous page, in their order": by name upwards, else by key downwards. The three values are
// parameters $first, $first + 1 and $first + 2: key (null for the first page), name, id; the limit follows.
std::string page_clause(bool by_name, const std::string& key, const std::string& table, int first) {
  const auto parameter = [first](int n) { return "$" + std::to_string(first + n); };
  const std::string is_first = "(" + parameter(0) + "::float8 is null or ";
  const std::string name = table + ".normalized_name, " + table + ".id";
  if (by_name)
    return " and " + is_first + "(" + name + ") > (" + parameter(1) + ", " + parameter(2) + "::bigint)) order by " +
           name + " limit " + parameter(3);
  return " and " + is_first + "(" + key + ", " + table + ".id) < (" + parameter(0) + ", " + parameter(2) +
         "::bigint) or " + parameter(1) + " is null) order by " + key + " desc, " + table + ".id desc limit " +
         parameter(3);
}

std::optional<double> key_after(const std::optional<list_end>& after) {
  return after ? std::optional(after->key) : std::nullopt;
}

// Columns of item_row.
std::string items_query(item_order order, bool search) {
  const std::string key = key_of(order);
  return "select i.id, i.name, i.unit, c.name, coalesce(s.observations, 0), coalesce(s.suppliers, 0), s.last_on, "
         "s.median_price, s.last_price, coalesce(s.spend, 0), coalesce(s.sparkline, '{}'), " +
         key +
         ", i.normalized_name from items i left join item_statistics s on s.organization_id = i.organization_id and "
         "s.item_id = i.id left join categories c on c.organization_id = i.organization_id and c.id = i.category_id "
         "where i.organization_id = $1 and ($2::text is null or c.name = $2) and ($3::text is null or i.unit = $3) "
         "and ($4::boolean is null or i.is_priced = $4) and " +
         (search ? "(i.normalized_name like all ($5::text[]) or i.id in (select a.item_id from item_aliases a where "
                   "a.organization_id = $1 and a.normalized_name like all ($5::text[])))"
                 : "$5::text[] is not null") +
         page_clause(order == item_order::name, key, "i", 6);
}

std::string suppliers_query(supplier_order order) {
  const std::string key = key_of(order);
  return "select p.id, p.name, coalesce(s.bids, 0), coalesce(s.events, 0), coalesce(s.wins, 0), "
         "coalesce(s.wins::float8 / nullif(s.events, 0), 0), s.position, s.spread, s.last_on, " +
         key +
         ", p.normalized_name from suppliers p left join supplier_statistics s on s.organization_id = "
         "p.organization_id and s.supplier_id = p.id where p.organization_id = $1 and p.state <> 'merged' and "
         "p.normalized_name like all ($2::text[])" +
         page_clause(order == supplier_order::name, key, "p", 3);
}

// Flat rows of the details; aliases and lists are joined in C++.
struct flat_item {
  std::int64_t id = 0;
  std::string name;
  std::string unit;
  std::optional<std::string> category;
  std::optional<std::string> code;
  bool is_priced = true;
  std::vector<std::string> aliases;
};
BOOST_DESCRIBE_STRUCT(flat_item, (), (id, name, unit, category, code, is_priced, aliases))

constexpr const char* find_item =
    "select i.id, i.name, i.unit, c.name, i.code, i.is_priced, array(select a.normalized_name from item_aliases a "
    "where a.organization_id = i.organization_id and a.item_id = i.id order by 1 limit 50) from items i left join "
    "categories c on c.organization_id = i.organization_id and c.id = i.category_id where i.organization_id = $1 and "
    "i.id = $2";

constexpr const char* find_statistics =
    "select observations, bids, suppliers, first_on, last_on, median_price, last_price, spend from item_statistics "
    "where organization_id = $1 and item_id = $2";

constexpr const char* find_units =
    "select unit, count(*) from items where organization_id = $1 and unit <> '' group by "
    "unit order by 2 desc, 1 limit 200";
constexpr const char* find_categories =
    "select c.name, count(*) from items i join categories c on c.organization_id = i.organization_id and c.id = "
    "i.category_id where i.organization_id = $1 group by c.name order by 2 desc, 1 limit 200";

constexpr const char* find_prices =
    "select p.observed_on, p.price, coalesce(p.quantity, 1), p.amount, p.currency::text, "
    "(array['bid', 'estimate', 'quote', 'purchase_order', 'invoice', 'contract', 'list'])[p.kind], p.rank, "
    "p.supplier_id, s.name, p.event_id, e.reference, p.upload_id, p.source_row, p.row_key from (select * from "
    "price_observations where organization_id = $1 and item_id = $2 and ($3::smallint is null or kind = $3) and "
    "observed_on <= coalesce($4::date, 'infinity') and ($4::date is null or (observed_on, row_key) < ($4, $5::bigint)) "
    "order by observed_on desc, row_key desc limit $6) p left join suppliers s on s.organization_id = $1 and s.id = "
    "p.supplier_id left join events e on e.organization_id = $1 and e.id = p.event_id order by p.observed_on desc, "
    "p.row_key desc";

constexpr const char* find_supplier =
    "select p.id, p.name, coalesce(s.bids, 0), coalesce(s.events, 0), coalesce(s.wins, 0), "
    "coalesce(s.wins::float8 / nullif(s.events, 0), 0), s.position, s.spread, s.last_on from suppliers p left join "
    "supplier_statistics s on s.organization_id = p.organization_id and s.supplier_id = p.id where p.organization_id = "
    "$1 and p.id = $2";

// $3: 1 for the cheapest, -1 for the dearest.
constexpr const char* find_supplier_items =
    "select x.item_id, i.name, i.unit, x.position, x.bids from supplier_items x join items i on i.organization_id = "
    "x.organization_id and i.id = x.item_id where x.organization_id = $1 and x.supplier_id = $2 and x.bids >= 3 and "
    "x.position * $3 < 0 order by x.position * $3 limit 10";

constexpr const char* find_supplier_years =
    "select extract(year from observed_on)::int, count(*), count(distinct event_id) filter (where rank = 1) from "
    "price_observations where organization_id = $1 and supplier_id = $2 and kind = 1 group by 1 order by 1";

// Events with their size; the outer select keeps the size from being computed for more than one page.
constexpr const char* event_columns =
    "select e.id, e.reference, e.occurred_on, coalesce(x.bidders, 0), coalesce(x.lines, 0), x.low_total from ";
constexpr const char* event_size =
    " left join lateral (select count(distinct supplier_id) as bidders, count(distinct (item_id, line)) as lines, "
    "sum(price * coalesce(quantity, 1)) filter (where rank = 1)::numeric(20, 4) as low_total from price_observations p "
    "where p.organization_id = $1 and p.event_id = e.id and p.observed_on = e.occurred_on and p.kind <> 2) x on true";

std::string events_query() {
  return std::string(event_columns) +
         "(select * from events where organization_id = $1 and ($2 = '' or reference ilike $2) and ($3::date is null "
         "or (occurred_on, id) < ($3, $4::bigint)) order by occurred_on desc, id desc limit $5) e" +
         event_size + " order by e.occurred_on desc, e.id desc";
}

std::string event_query() {
  return std::string(event_columns) + "(select * from events where organization_id = $1 and id = $2) e" + event_size;
}

constexpr const char* find_event_bidders =
    "select p.supplier_id, coalesce(min(s.name), 'Own estimate'), coalesce(min(p.rank), 0)::int, count(*), "
    "sum(p.price * coalesce(p.quantity, 1))::numeric(20, 4) from price_observations p left join suppliers s on "
    "s.organization_id = $1 and s.id = p.supplier_id where p.organization_id = $1 and p.event_id = $2 and "
    "p.observed_on = $3 group by p.supplier_id order by (p.supplier_id is null), 5 limit 200";

error no_such(const char* what, std::int64_t id) {
  return not_found(std::string("there is no ") + what + " " + std::to_string(id));
}

} // namespace

asio::awaitable<result<std::vector<item_row>>> catalog_store::items(postgres::scope s, item_filter f) {
  const std::string query = items_query(f.order, !f.patterns.empty());
  const list_end end = f.after.value_or(list_end{});
  co_return co_await database_.query<item_row>(s, query, s.organization, f.category, f.unit, f.priced, f.patterns,
                                               key_after(f.after), end.name, end.id, f.limit);
}

asio::awaitable<result<item_facets>> catalog_store::item_facets_of(postgres::scope s) {
  auto units = co_await database_.query<facet>(s, find_units, s.organization);
  if (!units)
    co_return units.error();
  auto categories = co_await database_.query<facet>(s, find_categories, s.organization);
  if (!categories)
    co_return categories.error();
  co_return item_facets{std::move(*units), std::move(*categories)};
}

asio::awaitable<result<item_detail>> catalog_store::item(postgres::scope s, std::int64_t id) {
  auto found = co_await database_.query_optional<flat_item>(s, find_item, s.organization, id);
  if (!found)
    co_return found.error();
  if (!*found)
    co_return no_such("item", id);
  auto statistics = co_await database_.query_optional<item_statistics>(s, find_statistics, s.organization, id);
  if (!statistics)
    co_return statistics.error();
  flat_item& i = **found;
  co_return item_detail{i.id,   std::move(i.name), std::move(i.unit), i.category,
                        i.code, i.is_priced,       i.aliases,         statistics->value_or(item_statistics{})};
}

asio::awaitable<result<std::vector<stored_price>>> catalog_store::prices(postgres::scope s, std::int64_t item,
                                                                         std::optional<short> kind,
                                                                         std::optional<price_end> after, int limit) {
  const auto day = after ? std::optional(after->observed_on) : std::nullopt;
  const std::int64_t key = after ? after->row_key : 0;
  co_return co_await database_.query<stored_price>(s, find_prices, s.organization, item, kind, day, key, limit);
}

asio::awaitable<result<std::vector<supplier_row>>> catalog_store::suppliers(postgres::scope s, supplier_filter f) {
  const std::string query = suppliers_query(f.order);
  const list_end end = f.after.value_or(list_end{});
  co_return co_await database_.query<supplier_row>(s, query, s.organization, f.patterns, key_after(f.after), end.name,
                                                   end.id, f.limit);
}

asio::awaitable<result<supplier_detail>> catalog_store::supplier(postgres::scope s, std::int64_t id) {
  auto found = co_await database_.query_optional<supplier_summary>(s, find_supplier, s.organization, id);
  if (!found)
    co_return found.error();
  if (!*found)
    co_return no_such("supplier", id);
  auto cheap = co_await database_.query<supplier_item>(s, find_supplier_items, s.organization, id, 1);
  auto dear = co_await database_.query<supplier_item>(s, find_supplier_items, s.organization, id, -1);
  auto years = co_await database_.query<supplier_year>(s, find_supplier_years, s.organization, id);
  if (!cheap || !dear || !years)
    co_return !cheap ? cheap.error() : !dear ? dear.error() : years.error();
  co_return supplier_detail{std::move(**found), std::move(*cheap), std::move(*dear), std::move(*years)};
}

asio::awaitable<result<std::vector<event_summary>>> catalog_store::events(postgres::scope s, std::string search,
                                                                          std::optional<event_end> after, int limit) {
  const std::string query = events_query();
  const auto day = after ? std::optional(after->occurred_on) : std::nullopt;
  const std::int64_t id = after ? after->id : 0;
  co_return co_await database_.query<event_summary>(s, query, s.organization, search, day, id, limit);
}

asio::awaitable<result<event_detail>> catalog_store::event(postgres::scope s, std::int64_t id) {
  const std::string query = event_query();
  auto found = co_await database_.query_optional<event_summary>(s, query, s.organization, id);
  if (!found)
    co_return found.error();
  if (!*found)
    co_return no_such("event", id);
  auto place = co_await database_.query_one<std::optional<std::string>>(
      s, "select place from events where organization_id = $1 and id = $2", s.organization, id);
  auto bidders =
      co_await database_.query<event_bidder>(s, find_event_bidders, s.organization, id, (*found)->occurred_on);
  if (!place || !bidders)
    co_return !place ? place.error() : bidders.error();
  co_return event_detail{std::move(**found), std::move(*place), std::move(*bidders)};
}

} // namespace pricing::catalog
