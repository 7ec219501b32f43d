#include "insight/item_page.hpp"

namespace pricing::insight {
namespace {

struct item_request {
  std::int64_t id = 0;
};
BOOST_DESCRIBE_STRUCT(item_request, (), (id))

http::answer<item_page> find_item(catalog::catalog_store& store, postgres::pool& database, postgres::scope s,
                                  std::int64_t id) {
  auto item = co_await store.item(s, id);
  if (!item)
    co_return item.error();
  auto benchmark = co_await market::benchmark_of(database, s, id, std::nullopt, std::nullopt);
  if (!benchmark && benchmark.error().code != errc::not_found)
    co_return benchmark.error();
  item_page page{std::move(*item), std::nullopt, std::nullopt};
  if (benchmark)
    page.benchmark = std::move(*benchmark);
  else
    page.why_no_benchmark = benchmark.error().message;
  co_return page;
}

} // namespace

http::route item_page_route(catalog::catalog_store& store, postgres::pool& database) {
  return http::json_route<item_request, item_page>(
      http::method::get, "/api/v1/items/{id}", {.summary = "One item with its benchmark", .permission = "item.read"},
      [&store, &database](http::context& c, item_request in) {
        return find_item(store, database, {c.organization(), c.deadline()}, in.id);
      });
}

} // namespace pricing::insight
