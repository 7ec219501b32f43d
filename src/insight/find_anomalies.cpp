#include "insight/find_anomalies.hpp"

#include "insight/anomaly_search.hpp"
#include "market/history_loader.hpp"
#include "wire/json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_map>

namespace pricing::insight {
namespace {

using postgres::decode_field;

// Uploads whose prices nobody looked at, oldest first; where there is none, the newest again: its neighbours may have
// changed.
constexpr const char* find_uploads =
    "with loaded as (select u.id, r.upload_id is null as is_new from uploads u left join anomaly_runs r on "
    "r.organization_id = u.organization_id and r.upload_id = u.id where u.organization_id = $1 and u.loaded > 0 and "
    "u.state in ('completed', 'partial')), newest as (select id from loaded where is_new order by id desc limit $2) "
    "select id from newest union (select max(id) from loaded having not exists (select from newest) and max(id) is not "
    "null) order by id";
constexpr const char* has_upload = "select exists (select from uploads where organization_id = $1 and id = $2)";

// One statement, as pipelines of millions of rows do not pay here: at most found_max of an upload.
constexpr const char* keep =
    "insert into anomalies (organization_id, upload_id, row_key, observed_on, source_row, item_id, supplier_id, "
    "event_id, price, expected, quantity, excess, score, p, q, reasons) select $1, $2, t.* from unnest($3::bigint[], "
    "$4::date[], $5::int[], $6::bigint[], $7::bigint[], $8::bigint[], $9::numeric[], $10::numeric[], $11::numeric[], "
    "$12::numeric[], $13::float8[], $14::float8[], $15::float8[], $16::jsonb[]) t(row_key, observed_on, source_row, "
    "item_id) join items i on i.organization_id = $1 and i.id = t.item_id on conflict (organization_id, row_key, "
    "observed_on) do update set expected = excluded.expected, excess = excluded.excess, score = excluded.score, p = "
    "excluded.p, q = excluded.q, reasons = excluded.reasons, seen_at = now() where anomalies.state = 'open'";
constexpr const char* forget_open = "delete from anomalies where organization_id = $1 and upload_id = $2 and state = "
                                    "'open' and seen_at <> now()";
constexpr const char* forget_small =
    "delete from anomalies where organization_id = $1 and state = 'open' and id in (select id from anomalies where "
    "organization_id = $1 and state = 'open' order by money desc, id desc offset $2)";
constexpr const char* keep_run =
    "insert into anomaly_runs (organization_id, upload_id, rows_examined, rows_left_out, reference_rows, found, "
    "why_not) values ($1, $2, $3, $4, $5, $6, $7) on conflict (organization_id, upload_id) do update set ran_at = "
    "now(), rows_examined = excluded.rows_examined, rows_left_out = excluded.rows_left_out, reference_rows = "
    "excluded.reference_rows, found = excluded.found, why_not = excluded.why_not";

// A row of price_observations that has its line in the history.
struct upload_row {
  std::int64_t key = 0;
  date on{};
  int source_row = 0;
  std::int64_t item = 0;
  std::optional<std::int64_t> supplier, event;
  decimal price, quantity;
};

struct upload_rows {
  std::vector<upload_row> rows;
  std::vector<examined_price> prices; // one for each row
  std::size_t left_out = 0;
};

std::uint32_t find_line(const learn::price_history& history, const upload_row& r) {
  const auto item = history.index_of({r.item});
  if (item == learn::no_index)
    return learn::no_index;
  const auto lines = history.lines_of(item);
  const auto day = static_cast<std::int32_t>(r.on.time_since_epoch().count());
  const auto log_quantity = static_cast<float>(std::log(r.quantity.to_double()));
  for (const auto& line : std::ranges::equal_range(lines, day, {}, &learn::price_line::day)) {
    const auto event = line.event == learn::no_index ? 0 : history.events()[line.event].id.value;
    if (event == r.event.value_or(0) && std::abs(line.log_quantity - log_quantity) < 1e-4F)
      return static_cast<std::uint32_t>(&line - history.lines().data());
  }
  return learn::no_index;
}

class upload_reader {
 public:
  upload_reader(postgres::session& database, const learn::price_history& history)
      : database_(database), history_(history) {
    for (std::uint32_t s = 0; s < history.suppliers().size(); ++s)
      suppliers_.emplace(history.suppliers()[s].value, s);
  }

  // Reads prices of the organization that the session's transaction names.
  upload_rows read(organization_id organization, std::int64_t upload) {
    upload_rows out;
    const std::string sql = fmt::format(
        "select row_key, observed_on, source_row, item_id, coalesce(supplier_id, 0), coalesce(event_id, 0), price, "
        "quantity from price_observations where organization_id = {} and upload_id = {} and kind not in (2, 7) and "
        "price > 0 and quantity > 0 order by observed_on desc limit {}",
        organization.value, upload, anomaly_rows_max);
    database_.copy_out(sql, [&](std::span<const postgres::field> f) { add(out, f); });
    return out;
  }

 private:
  static std::optional<std::int64_t> id_of(const postgres::field& f) {
    const auto id = decode_field<std::int64_t>(f, "id");
    return id == 0 ? std::nullopt : std::optional(id);
  }
  void add(upload_rows& out, std::span<const postgres::field> f) {
    upload_row r{.key = decode_field<std::int64_t>(f[0], "row_key"),
                 .on = decode_field<date>(f[1], "observed_on"),
                 .source_row = decode_field<int>(f[2], "source_row"),
                 .item = decode_field<std::int64_t>(f[3], "item_id"),
                 .supplier = id_of(f[4]),
                 .event = id_of(f[5]),
                 .price = decode_field<decimal>(f[6], "price"),
                 .quantity = decode_field<decimal>(f[7], "quantity")};
    const std::uint32_t line = find_line(history_, r);
    if (line == learn::no_index) { // lump sums, other currencies
      ++out.left_out;
      return;
    }
    const auto supplier = r.supplier ? suppliers_.find(*r.supplier) : suppliers_.end();
    out.prices.push_back({line, supplier == suppliers_.end() ? learn::no_index : supplier->second, r.price.to_double(),
                          r.quantity.to_double()});
    out.rows.push_back(std::move(r));
  }

  postgres::session& database_;
  const learn::price_history& history_;
  std::unordered_map<std::int64_t, std::uint32_t> suppliers_;
};

decimal to_money(double value) {
  const auto money = decimal::from_double(std::round(value * 100) / 100);
  return money ? *money : decimal();
}

// One column of what was found.
template <class Of>
auto column(const std::vector<strange_price>& found, Of of) {
  std::vector<std::decay_t<std::invoke_result_t<Of, const strange_price&>>> out;
  out.reserve(found.size());
  for (const auto& s : found)
    out.push_back(of(s));
  return out;
}

void store(postgres::session& database, organization_id organization, std::int64_t upload, const upload_rows& read,
           const search_report& report) {
  const auto& found = report.found;
  const auto row = [&](const strange_price& s) -> const upload_row& { return read.rows[s.row]; };
  database.begin(organization);
  database.query<std::string>("select pg_advisory_xact_lock(hashtextextended('anomalies', $1))::text",
                              organization.value);
  database.execute(keep, organization, upload, column(found, [&](const auto& s) { return row(s).key; }),
                   column(found, [&](const auto& s) { return row(s).on; }),
                   column(found, [&](const auto& s) { return row(s).source_row; }),
                   column(found, [&](const auto& s) { return row(s).item; }),
                   column(found, [&](const auto& s) { return row(s).supplier; }),
                   column(found, [&](const auto& s) { return row(s).event; }),
                   column(found, [&](const auto& s) { return row(s).price; }),
                   column(found, [&](const auto& s) { return to_money(s.expected); }),
                   column(found, [&](const auto& s) { return row(s).quantity; }),
                   column(found, [&](const auto& s) { return to_money(s.excess); }),
                   column(found, [&](const auto& s) { return s.score; }),
                   column(found, [&](const auto& s) { return s.p; }), column(found, [&](const auto& s) { return s.q; }),
                   column(found, [&](const auto& s) { return wire::to_value(s.reasons); }));
  database.execute(forget_open, organization, upload);
  database.execute(forget_small, organization, open_anomalies_max);
  database.execute(keep_run, organization, upload, static_cast<std::int64_t>(report.examined),
                   static_cast<std::int64_t>(report.left_out + read.left_out),
                   static_cast<std::int64_t>(report.reference), static_cast<std::int64_t>(found.size()),
                   report.why_not);
  database.commit();
}

result<std::vector<std::int64_t>> uploads_of(postgres::session& database, const find_anomalies_in& in) {
  database.begin(in.organization_id);
  if (in.upload_id) {
    const bool known = database.query<bool>(has_upload, in.organization_id, *in.upload_id).at(0);
    database.commit();
    if (!known)
      return not_found("there is no upload " + std::to_string(*in.upload_id));
    return std::vector{*in.upload_id};
  }
  auto out = database.query<std::int64_t>(find_uploads, in.organization_id, anomaly_uploads_max);
  database.commit();
  return out;
}

} // namespace

result<find_anomalies_out> find_anomalies(postgres::session& database, const find_anomalies_in& in,
                                          const anomaly_progress& progress) {
  const auto step = [&](std::string_view name, double share) {
    if (progress)
      progress(name, share);
  };
  const auto uploads = uploads_of(database, in);
  if (!uploads)
    return uploads.error();
  find_anomalies_out out;
  if (uploads->empty())
    return out;
  step("reading prices", 0);
  const auto loaded = market::load_history(database, in.organization_id);
  step("what was expected of each", 0.3);
  const learn::market_view view(loaded.prices);
  const price_context context(view);
  upload_reader reader(database, loaded.prices);
  for (std::size_t i = 0; i < uploads->size(); ++i) {
    step("looking for strange prices", 0.6 + 0.4 * static_cast<double>(i) / static_cast<double>(uploads->size()));
    const std::int64_t upload = (*uploads)[i];
    database.begin(in.organization_id);
    const auto read = reader.read(in.organization_id, upload);
    database.commit();
    const auto report = find_strange_prices(context, read.prices);
    store(database, in.organization_id, upload, read, report);
    out.uploads += 1;
    out.rows += static_cast<std::int64_t>(report.examined);
    out.found += static_cast<std::int64_t>(report.found.size());
  }
  step("done", 1);
  return out;
}

} // namespace pricing::insight
