#include "market/history_loader.hpp"

#include "match/normalize.hpp"

#include <array>
#include <cstdio>

namespace pricing::market {
namespace {

using postgres::decode_field;
using row = std::span<const postgres::field>;

constexpr const char* select_items =
    "select i.id, i.normalized_name, i.unit, coalesce(c.name, ''), i.is_priced from items i "
    "left join categories c on c.organization_id = i.organization_id and c.id = i.category_id order by i.id";
// Two digits in front of a reference are a region (a county, a district) in the tabulations we know; where they are
// not, they are one more word that says nothing.
constexpr const char* select_events =
    "select id, coalesce(nullif(place, ''), substring(reference from '^[0-9]{2}'), '') from events order by id";
// A price without a quantity is one for a single unit.
constexpr const char* select_prices =
    "select item_id, supplier_id, event_id, observed_on, line, kind, rank, price, coalesce(quantity, 1), row_key "
    "from price_observations "
    "where currency = (select currency from organizations where id = current_organization())";

constexpr std::uint64_t mix(std::uint64_t x) { // splitmix64
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

std::uint64_t hash_of(std::string_view text) { // FNV-1a: the same on every machine
  std::uint64_t h = 0xcbf29ce484222325U;
  for (const char c : text)
    h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return h;
}

// Sums of hashes: the order of rows does not matter, each of them does.
struct fingerprint {
  std::uint64_t rows = 0, first = 0, second = 0;
  void add(std::initializer_list<std::uint64_t> parts) {
    std::uint64_t h = 0x51ed270b7a1c9e4dU;
    for (const auto part : parts)
      h = mix(h ^ part);
    ++rows;
    first += h;
    second += mix(h);
  }
  std::string to_string() const {
    std::array<char, 64> out{};
    const int size = std::snprintf(out.data(), out.size(), "%llu-%016llx%016llx", static_cast<unsigned long long>(rows),
                                   static_cast<unsigned long long>(first), static_cast<unsigned long long>(second));
    return {out.data(), static_cast<std::size_t>(size)};
  }
};

std::int64_t integer(const postgres::field& f) {
  return f.null ? 0 : postgres::codec<std::int64_t>::decode(f.value, 0);
}

class loading {
 public:
  explicit loading(postgres::session& database) : database_(database) {}

  loaded_history run() {
    const auto expected =
        database_.query<std::int64_t>("select coalesce(sum(observations), 0)::bigint from item_statistics");
    builder_.reserve(static_cast<std::size_t>(expected.at(0)));
    database_.copy_out(select_items, [this](row r) { add_item(r); });
    database_.copy_out(select_events, [this](row r) { add_event(r); });
    database_.copy_out(select_prices, [this](row r) { add_price(r); });
    out_.snapshot = seen_.to_string();
    out_.prices = builder_.build();
    return std::move(out_);
  }

 private:
  void add_item(row r) {
    learn::item_row item{{integer(r[0])},
                         decode_field<std::string>(r[1], "name"),
                         match::normalize_unit(decode_field<std::string>(r[2], "unit")),
                         decode_field<std::string>(r[3], "category"),
                         decode_field<bool>(r[4], "is_priced")};
    seen_.add({1, static_cast<std::uint64_t>(item.id.value), hash_of(item.normalized_name), hash_of(item.unit),
               hash_of(item.category), item.priced});
    builder_.add(std::move(item));
  }
  void add_event(row r) {
    learn::event_row event{{integer(r[0])}, decode_field<std::string>(r[1], "place")};
    seen_.add({2, static_cast<std::uint64_t>(event.id.value), hash_of(event.place)});
    builder_.add(std::move(event));
  }
  void add_price(row r) {
    const learn::observation_row price{.item = {integer(r[0])},
                                       .supplier = {integer(r[1])},
                                       .event = {integer(r[2])},
                                       .observed_on = decode_field<date>(r[3], "observed_on"),
                                       .line = static_cast<int>(integer(r[4])),
                                       .kind = static_cast<learn::price_kind>(integer(r[5])),
                                       .rank = static_cast<int>(integer(r[6])),
                                       .price = decode_field<decimal>(r[7], "price").to_double(),
                                       .quantity = decode_field<decimal>(r[8], "quantity").to_double()};
    // row_key covers the row's own values; the ids say how its texts were understood.
    seen_.add({3, static_cast<std::uint64_t>(integer(r[9])), static_cast<std::uint64_t>(price.item.value),
               static_cast<std::uint64_t>(price.supplier.value), static_cast<std::uint64_t>(price.event.value)});
    out_.newest_on = std::max(out_.newest_on, price.observed_on);
    builder_.add(price);
  }

  postgres::session& database_;
  learn::history_builder builder_;
  fingerprint seen_;
  loaded_history out_;
};

} // namespace

loaded_history load_history(postgres::session& database, organization_id organization) {
  database.script("begin isolation level repeatable read read only"); // one state for all three tables
  try {
    database.query<std::string>("select set_config('app.organization_id', $1, true)",
                                std::to_string(organization.value));
    auto out = loading(database).run();
    database.commit();
    return out;
  } catch (...) {
    try {
      database.rollback();
    } catch (const postgres::database_error&) { // the connection is gone, and the transaction with it
    }
    throw;
  }
}

} // namespace pricing::market
