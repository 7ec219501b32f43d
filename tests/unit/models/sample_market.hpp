#pragma once
// A small market with rules that a model can find, in the database: forty items, three years of lettings every other
// week, four bids and an estimate a line. A price falls with quantity^0.3 and rises by 5 % a year.
#include "match/normalize.hpp"
#include "models/training.hpp"
#include "support/postgres_server.hpp"
#include "support/process.hpp"

#include <cmath>
#include <filesystem>
#include <random>

namespace pricing::test {

inline constexpr int sample_items = 40;
inline const date sample_until = std::chrono::sys_days{std::chrono::year{2026} / 1 / 1}; // no letting on it or after

inline std::string sample_item_name(int item) {
  static constexpr const char* what[] = {"Culvert Pipe", "Guardrail Beam", "Curb Concrete", "Fence Woven",
                                         "Underdrain Bank"};
  return std::string(what[item % 5]) + ", Size " + std::to_string(item / 5 + 1);
}

inline double sample_price(int item, double quantity, date on) {
  const double years = static_cast<double>((sample_until - on).count()) / 365.0;
  return (10 + 7.0 * item) * std::pow(quantity / 100, -0.3) * std::exp(-0.05 * years);
}

struct sample_market {
  organization_id organization;
  std::vector<std::int64_t> items; // ids
};

// `rules` off: every price of an item is the same, so that no model can be better than the last price.
inline sample_market make_sample_market(postgres::session& s, organization_id organization, bool rules = true) {
  sample_market out{organization, {}};
  s.begin(organization);
  for (int i = 0; i < sample_items; ++i)
    out.items.push_back(s.query<std::int64_t>("insert into items (organization_id, name, normalized_name, unit) values "
                                              "($1, $2, $3, 'Ft') returning id",
                                              organization, sample_item_name(i),
                                              match::normalize_item(sample_item_name(i)))
                            .at(0));
  std::mt19937_64 random(7);
  std::normal_distribution<double> noise(0, 0.06);
  std::uniform_real_distribution<double> log_quantity(std::log(10.), std::log(5'000.));
  struct columns {
    std::vector<std::int64_t> item, supplier, event, key;
    std::vector<date> on;
    std::vector<int> line, kind, rank;
    std::vector<double> price, quantity;
  } c;
  for (int letting = 0; letting < 78; ++letting) {
    const date on = sample_until - std::chrono::days(14 * (78 - letting));
    const auto event = s.query<std::int64_t>("insert into events (organization_id, reference, occurred_on) values ($1, "
                                             "$2, $3) returning id",
                                             organization, "22" + std::to_string(100 + letting), on)
                           .at(0);
    for (int line = 0; line < 12; ++line) {
      const int item = static_cast<int>(random() % sample_items);
      const double quantity = std::round(std::exp(log_quantity(random)));
      for (int who = 0; who <= 4; ++who) { // 0: the buyer's own estimate
        const double fair = rules ? sample_price(item, quantity, on) : 10 + item;
        const double price = rules ? fair * std::exp(noise(random)) * (1 + 0.03 * who) : fair;
        c.item.push_back(out.items[static_cast<std::size_t>(item)]);
        c.supplier.push_back(100 + who);
        c.event.push_back(event);
        c.key.push_back(static_cast<std::int64_t>(c.key.size()) + 1);
        c.on.push_back(on);
        c.line.push_back(line + 1);
        c.kind.push_back(who == 0 ? 2 : 1);
        c.rank.push_back(who);
        c.price.push_back(std::round(price * 100) / 100);
        c.quantity.push_back(quantity);
      }
    }
  }
  s.execute("insert into price_observations (organization_id, item_id, supplier_id, event_id, observed_on, line, kind, "
            "rank, price, quantity, currency, upload_id, source_row, row_key) select $1, t.item, nullif(t.supplier, "
            "100), t.event, t.day, t.line, t.kind, nullif(t.rank, 0), t.price::numeric, t.quantity::numeric, 'USD', 1, "
            "1, t.key from unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::date[], $7::int[], "
            "$8::int[], $9::int[], $10::float8[], $11::float8[]) t(item, supplier, event, key, day, line, kind, rank, "
            "price, quantity)",
            organization, c.item, c.supplier, c.event, c.key, c.on, c.line, c.kind, c.rank, c.price, c.quantity);
  s.commit();
  return out;
}

class temporary_folder {
 public:
  ~temporary_folder() { std::filesystem::remove_all(path); }
  const std::filesystem::path path = make_temporary_folder(false);
};

// A market with a promoted model, trained once for all tests that only read.
struct trained_market {
  temporary_folder folder;
  storage::folder_store objects{folder.path};
  sample_market market;
  models::training_report report;

  static trained_market& instance() {
    static trained_market one;
    return one;
  }

 private:
  trained_market() {
    const auto& server = postgres_server::instance();
    postgres::session session(server.app_url());
    market = make_sample_market(session, server.new_organization());
    report = models::train_model(session, objects, market.organization).value();
  }
};

} // namespace pricing::test
