#include "catalog/catalog_routes.hpp"

#include "match/normalize.hpp"
#include "wire/cursor.hpp"

#include <ranges>

namespace pricing::catalog {
namespace {

using http::answer;
using http::context;
using http::method;

constexpr std::size_t words_max = 8;

using page_size = wire::defaulted<wire::bounded<int, 1, 200>, wire::bounded<int, 1, 200>{50}>;

// What the caller types is part of a pattern, so its wildcards are escaped.
std::string contains(std::string_view word) {
  std::string out = "%";
  for (const char c : word) {
    if (c == '%' || c == '_' || c == '\\')
      out += '\\';
    out += c;
  }
  return out + "%";
}

struct items_request {
  std::optional<wire::text<0, 200>> search;
  std::optional<wire::text<0, 200>> category;
  std::optional<wire::text<0, 50>> unit;
  std::optional<bool> priced;
  std::optional<item_order> sort;
  page_size limit;
  std::optional<std::string> cursor;
};
BOOST_DESCRIBE_STRUCT(items_request, (), (search, category, unit, priced, sort, limit, cursor))

struct id_request {
  std::int64_t id = 0;
};
BOOST_DESCRIBE_STRUCT(id_request, (), (id))

enum class price_kind { bid = 1, estimate, quote, purchase_order, invoice, contract, list };
BOOST_DESCRIBE_ENUM(price_kind, bid, estimate, quote, purchase_order, invoice, contract, list)

struct prices_request {
  std::int64_t id = 0;
  std::optional<price_kind> kind;
  page_size limit;
  std::optional<std::string> cursor;
};
BOOST_DESCRIBE_STRUCT(prices_request, (), (id, kind, limit, cursor))

struct suppliers_request {
  std::optional<wire::text<0, 200>> search;
  std::optional<supplier_order> sort;
  page_size limit;
  std::optional<std::string> cursor;
};
BOOST_DESCRIBE_STRUCT(suppliers_request, (), (search, sort, limit, cursor))

struct events_request {
  std::optional<wire::text<0, 200>> search;
  page_size limit;
  std::optional<std::string> cursor;
};
BOOST_DESCRIBE_STRUCT(events_request, (), (search, limit, cursor))

template <class Text>
std::string text_of(const std::optional<Text>& text) {
  return text ? text->value : std::string();
}

template <class Text>
std::optional<std::string> given(const std::optional<Text>& text) {
  return text && !text->value.empty() ? std::optional(text->value) : std::nullopt;
}

// The rows without what only the next page needs.
template <class Summary, class Row>
http::page<Summary> without_keys(http::page<Row> rows) {
  http::page<Summary> out;
  out.next_cursor = std::move(rows.next_cursor);
  out.data.reserve(rows.data.size());
  for (Row& row : rows.data)
    out.data.push_back(std::move(static_cast<Summary&>(row)));
  return out;
}

template <class Row>
std::string end_of_list(const Row& last) {
  return wire::encode_cursor(list_end{last.key, last.normalized_name, last.id});
}

answer<http::page<item_summary>> list_items(catalog_store& store, context& c, items_request in) {
  auto after = wire::decode_cursor<list_end>(in.cursor);
  if (!after)
    co_return after.error();
  const int limit = in.limit.value;
  item_filter filter{.patterns = search_patterns(match::normalize_item(text_of(in.search))),
                     .category = given(in.category),
                     .unit = given(in.unit),
                     .priced = in.priced,
                     .order = in.sort.value_or(item_order::spend),
                     .after = std::move(*after),
                     .limit = limit + 1};
  auto rows = co_await store.items({c.organization(), c.deadline()}, std::move(filter));
  if (!rows)
    co_return rows.error();
  co_return without_keys<item_summary>(http::page_of(std::move(*rows), limit, end_of_list<item_row>));
}

answer<http::page<price_row>> list_prices(catalog_store& store, context& c, prices_request in) {
  const auto after = wire::decode_cursor<price_end>(in.cursor);
  if (!after)
    co_return after.error();
  const int limit = in.limit.value;
  const auto kind = in.kind ? std::optional(static_cast<short>(*in.kind)) : std::nullopt;
  auto rows = co_await store.prices({c.organization(), c.deadline()}, in.id, kind, *after, limit + 1);
  if (!rows)
    co_return rows.error();
  if (rows->empty()) // of no such item, or is there just none?
    if (const auto item = co_await store.item({c.organization(), c.deadline()}, in.id); !item)
      co_return item.error();
  const auto end_of_prices = [](const stored_price& last) {
    return wire::encode_cursor(price_end{last.observed_on, last.row_key});
  };
  co_return without_keys<price_row>(http::page_of(std::move(*rows), limit, end_of_prices));
}

answer<http::page<supplier_summary>> list_suppliers(catalog_store& store, context& c, suppliers_request in) {
  auto after = wire::decode_cursor<list_end>(in.cursor);
  if (!after)
    co_return after.error();
  const int limit = in.limit.value;
  supplier_filter filter{.patterns = search_patterns(match::normalize_supplier(text_of(in.search))),
                         .order = in.sort.value_or(supplier_order::bids),
                         .after = std::move(*after),
                         .limit = limit + 1};
  auto rows = co_await store.suppliers({c.organization(), c.deadline()}, std::move(filter));
  if (!rows)
    co_return rows.error();
  co_return without_keys<supplier_summary>(http::page_of(std::move(*rows), limit, end_of_list<supplier_row>));
}

answer<http::page<event_summary>> list_events(catalog_store& store, context& c, events_request in) {
  const auto after = wire::decode_cursor<event_end>(in.cursor);
  if (!after)
    co_return after.error();
  const int limit = in.limit.value;
  const std::string pattern = text_of(in.search).empty() ? "" : contains(text_of(in.search));
  auto rows = co_await store.events({c.organization(), c.deadline()}, pattern, *after, limit + 1);
  if (!rows)
    co_return rows.error();
  const auto end_of_events = [](const event_summary& last) {
    return wire::encode_cursor(event_end{last.occurred_on, last.id});
  };
  co_return http::page_of(std::move(*rows), limit, end_of_events);
}

} // namespace

std::vector<std::string> search_patterns(std::string_view normalized_text) {
  std::vector<std::string> out;
  for (const auto word : normalized_text | std::views::split(' '))
    if (!word.empty() && out.size() < words_max)
      out.push_back(contains({word.begin(), word.end()}));
  return out;
}

std::vector<http::route> catalog_routes(catalog_store& store, http::answer_cache& answers) {
  std::vector<http::route> routes;
  // All of it is read from prices and from what market derives of them.
  const auto add = [&](http::route r) { routes.push_back(http::cached(std::move(r), answers)); };
  add(http::json_route<items_request, http::page<item_summary>>(
      method::get, "/api/v1/items", {.summary = "Items, searched and filtered", .permission = "item.read"},
      [&store](context& c, items_request in) { return list_items(store, c, std::move(in)); }));
  add(http::json_route<http::nothing, item_facets>(
      method::get, "/api/v1/items/facets", {.summary = "Units and categories to filter by", .permission = "item.read"},
      [&store](context& c, http::nothing) {
        return store.item_facets_of({c.organization(), c.deadline()});
      }));
  add(http::json_route<prices_request, http::page<price_row>>(
      method::get, "/api/v1/items/{id}/prices",
      {.summary = "Observed prices of an item, newest first", .permission = "item.read"},
      [&store](context& c, prices_request in) { return list_prices(store, c, std::move(in)); }));
  add(http::json_route<suppliers_request, http::page<supplier_summary>>(
      method::get, "/api/v1/suppliers",
      {.summary = "Suppliers with their usual position", .permission = "supplier.read"},
      [&store](context& c, suppliers_request in) { return list_suppliers(store, c, std::move(in)); }));
  add(http::json_route<id_request, supplier_detail>(method::get, "/api/v1/suppliers/{id}",
                                                    {.summary = "One supplier", .permission = "supplier.read"},
                                                    [&store](context& c, id_request in) {
                                                      return store.supplier({c.organization(), c.deadline()}, in.id);
                                                    }));
  add(http::json_route<events_request, http::page<event_summary>>(
      method::get, "/api/v1/events",
      {.summary = "Lettings, proposals and requests for quotation, newest first", .permission = "event.read"},
      [&store](context& c, events_request in) { return list_events(store, c, std::move(in)); }));
  add(http::json_route<id_request, event_detail>(method::get, "/api/v1/events/{id}",
                                                 {.summary = "One event with its bidders", .permission = "event.read"},
                                                 [&store](context& c, id_request in) {
                                                   return store.event({c.organization(), c.deadline()}, in.id);
                                                 }));
  return routes;
}

} // namespace pricing::catalog
