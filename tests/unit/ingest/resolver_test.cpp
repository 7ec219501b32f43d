#include "ingest/quality.hpp"
#include "ingest/resolver.hpp"

#include <gtest/gtest.h>

using namespace pricing;
using namespace pricing::ingest;

namespace {
resolver with_known_items() {
  resolver r;
  r.add_known({7, "Optical transceiver, 10km", "optical transceiver 10km", "Ea", "ea", "", ""});
  r.add_known({8, "Gate Valve", "gate valve", "Ea", "ea", "GV-1", ""});
  return r;
}
} // namespace

TEST(resolver, asks_in_order_code_name_alias_question_similar_new) {
  auto r = with_known_items();
  r.add_alias(7, "sfp 10km", "ea", 3);
  r.add_pending({5, "Gate Valv.", "gate valv", "ea", {}, false});
  EXPECT_EQ(r.entities()[static_cast<std::size_t>(r.resolve("x", "anything", "Ea", "ea", "GV-1", "").entity)].id, 8);
  EXPECT_EQ(r.resolve("", "gate valve", "Ea", "ea", "", "").entity, 1);
  const auto learned = r.resolve("", "sfp 10km", "Ea", "ea", "", "");
  EXPECT_EQ(learned.entity, 0);
  EXPECT_EQ(r.questions()[static_cast<std::size_t>(learned.question)].id, 3);
  EXPECT_TRUE(r.resolve("", "gate valv", "Ea", "ea", "", "").held());
  const auto similar = r.resolve("", "optical tranceiver 10km", "Ea", "ea", "", "");
  EXPECT_EQ(similar.entity, 0);
  EXPECT_TRUE(r.questions()[static_cast<std::size_t>(similar.question)].automatic);
  const auto fresh = r.resolve("Optical transceiver, 40km", "optical transceiver 40km", "Ea", "ea", "", "");
  EXPECT_EQ(fresh.entity, 2);
  EXPECT_EQ(r.entities()[2].id, 0);
  EXPECT_EQ(r.stored_entities, 2u);
}

TEST(resolver, asks_a_question_once) {
  auto r = with_known_items();
  const auto first = r.resolve("Gate Valve and", "gate valve and", "Ea", "ea", "", "");
  EXPECT_TRUE(first.held());
  EXPECT_EQ(r.resolve("Gate Valve and", "gate valve and", "Ea", "ea", "", "").question, first.question);
  EXPECT_EQ(r.questions().size(), 1u);
  EXPECT_EQ(r.questions()[0].options[0].entity, 1u);
}

TEST(resolver, keeps_units_and_codes_apart) {
  auto r = with_known_items();
  EXPECT_EQ(r.resolve("Gate Valve", "gate valve", "Ft", "ft", "", "").entity, 2);
  EXPECT_EQ(r.resolve("Gate Valves", "gate valves", "Ea", "ea", "GV-2", "").entity, 3);
}

TEST(quality, weighs_and_names_what_is_lost) {
  bound_mapping m;
  m.column.fill(-1);
  m.column[static_cast<std::size_t>(field::item_name)] = 0;
  m.column[static_cast<std::size_t>(field::price)] = 1;
  m.column[static_cast<std::size_t>(field::amount)] = 2;
  const auto today = *parse_date("2024-06-01");
  quality_meter meter(m, {"item", "price", "total"}, today);
  typed_row row;
  row.observed_on = *parse_date("2024-05-01");
  row.price = decimal::from_units(20'000);
  row.quantity = decimal::from_units(30'000);
  row.amount = decimal::from_units(60'000);
  const std::array<std::string_view, 3> full{"pipe", "2", "6"}, gap{"", "2", "6"};
  meter.accepted(2, row, full, 2);
  row.amount = decimal::from_units(70'000);
  meter.accepted(3, row, gap, 0.5);
  meter.rejected(4, {1, "'abc' is no number"});
  meter.duplicate(3);
  const auto report = meter.report(1);
  ASSERT_EQ(report.dimensions.size(), 6u);
  EXPECT_NEAR(report.dimensions[0].score, 100 * 5 / 6.0, 0.1);
  EXPECT_EQ(report.dimensions[0].examples, (std::vector<std::string>{"row 3, item: empty"}));
  EXPECT_EQ(report.dimensions[1].examples, (std::vector<std::string>{"row 3, total: 7 is not quantity x price"}));
  EXPECT_EQ(report.dimensions[2].examples, (std::vector<std::string>{"row 4, price: 'abc' is no number"}));
  EXPECT_NEAR(report.dimensions[2].score, 66.7, 0.1);
  EXPECT_EQ(report.dimensions[3].score, 100);
  EXPECT_EQ(report.dimensions[5].lost_cells, 1);
  EXPECT_NEAR(report.score, .25 * 83.33 + .2 * 50 + .2 * 66.67 + .15 * 100 + .1 * 66.67 + .1 * 50, 0.2);
  EXPECT_EQ(report.grade, "C");
}
