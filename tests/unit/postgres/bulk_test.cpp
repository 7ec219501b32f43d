#include "postgres/session.hpp"
#include "support/postgres_server.hpp"

#include <gtest/gtest.h>

#include <iostream>

namespace pricing::postgres {
namespace {

TEST(postgres_session, inserts_columns_and_copies_them_out) {
  const auto organization = test::postgres_server::instance().new_organization();
  session s(test::postgres_server::instance().app_url());
  constexpr std::int64_t rows = 100'000;
  std::vector<std::int64_t> item, key;
  std::vector<date> day;
  std::vector<decimal> price;
  for (std::int64_t i = 0; i < rows; ++i) {
    item.push_back(i % 5'000);
    key.push_back(i * 7919);
    day.push_back(date{std::chrono::year{2015} / 1 / 1} + std::chrono::days(i % 3'000));
    price.push_back(decimal::from_units(i));
  }
  const auto started = std::chrono::steady_clock::now();
  s.begin(organization);
  const auto inserted = s.execute(
      "insert into price_observations (organization_id, item_id, observed_on, kind, price, currency, upload_id, "
      "source_row, row_key) select $1, u.i, u.d, 1, u.p, 'USD', 1, 1, u.k from unnest($2::bigint[], $3::date[], "
      "$4::numeric[], $5::bigint[]) u(i, d, p, k)",
      organization, item, day, price, key);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
  std::cout << "unnest: " << static_cast<int>(rows / took.count()) << " rows/s\n";
  EXPECT_EQ(inserted, rows);
  std::int64_t seen = 0, units = 0;
  s.copy_out("select price, row_key from price_observations", [&](std::span<const field> f) {
    ++seen;
    units += decode_field<decimal>(f[0], "price").units();
  });
  EXPECT_EQ(seen, rows);
  EXPECT_EQ(units, rows * (rows - 1) / 2);
  s.rollback();
}

TEST(postgres_session, hears_notifications) {
  session listener(test::postgres_server::instance().app_url()), speaker(test::postgres_server::instance().app_url());
  listener.listen("prices");
  EXPECT_FALSE(listener.wait_notification(std::chrono::milliseconds(1)));
  speaker.script("notify prices, '7'");
  const auto heard = listener.wait_notification(std::chrono::seconds(5));
  ASSERT_TRUE(heard);
  EXPECT_EQ(heard->payload, "7");
}

} // namespace
} // namespace pricing::postgres
