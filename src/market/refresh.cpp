#include "market/refresh.hpp"

#include "market/derive.hpp"
#include "market/history_loader.hpp"

#include <cmath>

namespace pricing::market {
namespace {

constexpr std::size_t chunk_rows = 20'000;

// The table's rows of the organization are replaced inside.
class replacement {
 public:
  replacement(postgres::session& database, organization_id organization) : database_(database) {
    database_.begin(organization);
    // Overlapping refreshes write one after the other.
    database_.query<std::string>("select pg_advisory_xact_lock(hashtextextended('market', $1))::text",
                                 organization.value);
  }
  ~replacement() {
    if (done_)
      return;
    try {
      database_.rollback();
    } catch (const std::exception&) { // the connection is gone, and the transaction with it
    }
  }
  replacement(const replacement&) = delete;
  void commit() {
    done_ = true;
    database_.commit();
  }

 private:
  postgres::session& database_;
  bool done_ = false;
};

// One column of the rows [from, to).
template <class Row, class Of>
auto column(std::span<const Row> rows, Of of) {
  std::vector<std::decay_t<std::invoke_result_t<Of, const Row&>>> out;
  out.reserve(rows.size());
  for (const auto& r : rows)
    out.push_back(std::invoke(of, r));
  return out;
}

template <class Row, class Write>
void in_chunks(const std::vector<Row>& rows, Write write) {
  const std::span<const Row> all(rows);
  for (std::size_t at = 0; at < all.size(); at += chunk_rows)
    write(all.subspan(at, std::min(chunk_rows, all.size() - at)));
}

// Prices come back from single-precision logs: six significant digits are what is known of them.
double known_digits(double price) {
  if (!(price > 0))
    return price;
  const double step = std::pow(10.0, std::floor(std::log10(price)) - 5);
  return std::round(price / step) * step;
}
decimal to_price(double price) {
  return decimal::from_double(known_digits(price)).value();
}

class writer {
 public:
  writer(postgres::session& database, organization_id organization)
      : database_(database), organization_(organization) {}

  void write(const std::vector<index_month>& rows) {
    replacement w(database_, organization_);
    database_.execute("delete from market_index where organization_id = $1", organization_);
    in_chunks(rows, [&](std::span<const index_month> part) {
      database_.execute(
          "insert into market_index (organization_id, month, value, lower, upper, matched_items, own_value) "
          "select $1, * from unnest($2::date[], $3::float8[], $4::float8[], $5::float8[], $6::bigint[], $7::float8[])",
          organization_, column(part, &index_month::month), column(part, &index_month::value),
          column(part, &index_month::lower), column(part, &index_month::upper),
          column(part, &index_month::matched_items), column(part, &index_month::own_value));
    });
    w.commit();
  }

  void write(const std::vector<item_benchmark_row>& rows) {
    using row = item_benchmark_row;
    replacement w(database_, organization_);
    database_.execute("delete from item_benchmarks where organization_id = $1", organization_);
    in_chunks(rows, [&](std::span<const row> part) {
      database_.execute(
          "insert into item_benchmarks (organization_id, item_id, as_of, reference_quantity, slope, q05, q25, q50, "
          "q75, q95, effective_n, newest_on, bids) select $1, t.* from unnest($2::bigint[], $3::date[], $4::float8[], "
          "$5::float8[], $6::float8[], $7::float8[], $8::float8[], $9::float8[], $10::float8[], $11::float8[], "
          "$12::date[], $13::bigint[]) t(item_id) join items i on i.organization_id = $1 and i.id = t.item_id",
          organization_, column(part, &row::item_id), column(part, &row::as_of), column(part, &row::reference_quantity),
          column(part, &row::slope), column(part, &row::q05), column(part, &row::q25), column(part, &row::q50),
          column(part, &row::q75), column(part, &row::q95), column(part, &row::effective_n),
          column(part, &row::newest_on), column(part, &row::bids));
    });
    w.commit();
  }

  void write(const std::vector<item_sparkline>& rows) {
    replacement w(database_, organization_);
    in_chunks(rows, [&](std::span<const item_sparkline> part) {
      database_.execute("update item_statistics s set sparkline = t.medians::float8[] from unnest($2::bigint[], "
                        "$3::text[]) t(item_id, medians) where s.organization_id = $1 and s.item_id = t.item_id and "
                        "s.sparkline is distinct from t.medians::float8[]",
                        organization_, column(part, [](const item_sparkline& s) { return s.item.value; }),
                        column(part, array_text));
    });
    w.commit();
  }

  void write(const std::vector<item_change>& rows) {
    replacement w(database_, organization_);
    database_.execute("delete from item_changes where organization_id = $1", organization_);
    in_chunks(rows, [&](std::span<const item_change> part) {
      database_.execute(
          "insert into item_changes (organization_id, item_id, change, from_price, to_price, bids) select $1, t.* from "
          "unnest($2::bigint[], $3::float8[], $4::numeric[], $5::numeric[], $6::bigint[]) t(item_id) join items i on "
          "i.organization_id = $1 and i.id = t.item_id",
          organization_, column(part, [](const item_change& c) { return c.item.value; }),
          column(part, [](const item_change& c) { return c.to_price / c.from_price - 1; }),
          column(part, [](const item_change& c) { return to_price(c.from_price); }),
          column(part, [](const item_change& c) { return to_price(c.to_price); }), column(part, &item_change::bids));
    });
    w.commit();
  }

  // Counts like item_statistics.spend: orders and invoices, and the lowest bid.
  void write_spend() {
    replacement w(database_, organization_);
    database_.execute("delete from spend_months where organization_id = $1", organization_);
    database_.execute(
        "insert into spend_months (organization_id, month, spend) select $1, date_trunc('month', observed_on)::date, "
        "sum(coalesce(amount, price * quantity)) from price_observations where organization_id = $1 and (kind in (4, "
        "5) or (kind = 1 and rank = 1)) group by 2 having sum(coalesce(amount, price * quantity)) is not null",
        organization_);
    w.commit();
  }

  // Whoever keeps answers made of these tables.
  void tell() {
    database_.begin(organization_);
    database_.query<std::string>("select pg_notify('market', $1::text)::text", std::to_string(organization_.value));
    database_.commit();
  }

  void write(const std::vector<supplier_row>& rows) {
    using row = supplier_row;
    replacement w(database_, organization_);
    database_.execute("delete from supplier_statistics where organization_id = $1", organization_);
    in_chunks(rows, [&](std::span<const row> part) {
      database_.execute(
          "insert into supplier_statistics (organization_id, supplier_id, bids, events, wins, position, spread, "
          "last_on) select $1, t.* from unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::float8[], "
          "$7::float8[], $8::date[]) t(supplier_id) join suppliers s on s.organization_id = $1 and s.id = "
          "t.supplier_id",
          organization_, column(part, [](const row& r) { return r.supplier.value; }), column(part, &row::bids),
          column(part, &row::events), column(part, &row::wins), column(part, &row::position),
          column(part, &row::spread), column(part, &row::last_on));
    });
    w.commit();
  }

  void write(const std::vector<supplier_item_row>& rows) {
    using row = supplier_item_row;
    replacement w(database_, organization_);
    database_.execute("delete from supplier_items where organization_id = $1", organization_);
    in_chunks(rows, [&](std::span<const row> part) {
      database_.execute(
          "insert into supplier_items (organization_id, item_id, supplier_id, bids, position, low, high, last_on) "
          "select $1, * from unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::float8[], $6::numeric[], "
          "$7::numeric[], $8::date[])",
          organization_, column(part, [](const row& r) { return r.item.value; }),
          column(part, [](const row& r) { return r.supplier.value; }), column(part, &row::bids),
          column(part, &row::position), column(part, [](const row& r) { return to_price(r.low); }),
          column(part, [](const row& r) { return to_price(r.high); }), column(part, &row::last_on));
    });
    w.commit();
  }

 private:
  static std::string array_text(const item_sparkline& s) {
    std::string out = "{";
    for (const float m : s.medians) {
      char text[32];
      std::snprintf(text, sizeof text, "%s%.6g", out.size() > 1 ? "," : "", static_cast<double>(m));
      out += text;
    }
    return out + "}";
  }

  postgres::session& database_;
  organization_id organization_;
};

} // namespace

refresh_report refresh_market(postgres::session& database, organization_id organization, date as_of,
                              const refresh_progress& progress) {
  const auto step = [&](std::string_view name, double share) {
    if (progress)
      progress(name, share);
  };
  step("reading prices", 0);
  const auto loaded = load_history(database, organization);
  step("market index", 0.3);
  const auto index = derive_index(loaded.prices);
  step("benchmarks", 0.5);
  const auto items = derive_items(loaded.prices, index, as_of);
  step("suppliers", 0.6);
  const auto suppliers = derive_suppliers(loaded.prices, index, items.benchmarks);
  step("writing", 0.7);
  writer out(database, organization);
  out.write(index.months);
  out.write(items.benchmarks);
  out.write(items.sparklines);
  out.write(items.changes);
  out.write_spend();
  out.write(suppliers.suppliers);
  step("writing suppliers' items", 0.8);
  out.write(suppliers.items);
  out.tell();
  step("done", 1);
  const auto count = [](const auto& rows) { return static_cast<std::int64_t>(rows.size()); };
  return {count(loaded.prices.log_price()), count(index.months),        count(items.benchmarks),
          count(items.sparklines),          count(suppliers.suppliers), count(suppliers.items)};
}

} // namespace pricing::market
