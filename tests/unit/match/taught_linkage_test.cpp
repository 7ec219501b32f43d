#include "match/clusters.hpp"
#include "match/linkage.hpp"
#include "match/similarity.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

using namespace pricing::match;

namespace {

std::string word(std::mt19937& random, std::size_t size) {
  std::string out;
  for (std::size_t i = 0; i < size; ++i)
    out += static_cast<char>(i % 2 ? "aeiou"[random() % 5] : 'b' + random() % 20);
  return out;
}

// An organization that abbreviates by cutting words off ("dosaluke" as "dosal"), which the rules only ask about, and
// never means the same by words that share some letters.
std::vector<decision> decisions_of_a_house_style(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<decision> out;
  for (std::size_t i = 0; i < count; ++i) {
    const auto rest = word(random, 6) + " " + word(random, 5), full = word(random, 10);
    if (i % 2 == 0) {
      out.push_back({rest + " " + full.substr(0, 6), rest + " " + full, true});
    } else { // two letters of the long word replaced
      auto other = full;
      other[3] = 'z', other[8] = 'z';
      out.push_back({rest + " " + other, rest + " " + full, false});
    }
  }
  return out;
}

double mean_loss(const taught_linkage& linkage, std::span<const decision> decisions) {
  double sum = 0;
  for (const auto& d : decisions) {
    const double p = std::clamp(linkage.probability(d.asked, d.known), 0.01, 0.99);
    sum -= std::log(d.same ? p : 1 - p);
  }
  return sum / static_cast<double>(decisions.size());
}

} // namespace

TEST(taught_linkage, knows_the_rules_until_it_is_taught) {
  const taught_linkage untaught;
  EXPECT_FALSE(untaught.is_taught());
  for (const auto& d : decisions_of_a_house_style(20, 1))
    EXPECT_EQ(untaught.probability(d.asked, d.known), same_thing_probability(d.asked, d.known));
  EXPECT_FALSE(taught_linkage::learn(decisions_of_a_house_style(20, 1)).is_taught()); // too few
  EXPECT_FALSE(taught_linkage::learn({}).is_taught());
}

TEST(taught_linkage, answers_new_questions_as_people_answered_old_ones) {
  const auto taught = taught_linkage::learn(decisions_of_a_house_style(200, 1));
  ASSERT_TRUE(taught.is_taught());
  const auto fresh = decisions_of_a_house_style(100, 2);
  EXPECT_LT(mean_loss(taught, fresh), 0.5 * mean_loss({}, fresh));
}

TEST(taught_linkage, learns_nothing_from_answers_without_a_pattern) {
  auto decisions = decisions_of_a_house_style(200, 3);
  std::mt19937 random(4);
  for (auto& d : decisions) // as often right as the rules say
    d.same = static_cast<double>(random() % 1000) / 1000 < same_thing_probability(d.asked, d.known);
  const auto taught = taught_linkage::learn(decisions);
  const auto fresh = decisions_of_a_house_style(100, 5);
  for (const auto& d : fresh)
    EXPECT_NEAR(taught.probability(d.asked, d.known), same_thing_probability(d.asked, d.known), 0.2);
}

TEST(taught_linkage, never_joins_what_the_rules_forbid) {
  auto decisions = decisions_of_a_house_style(100, 6);
  for (int i = 0; i < 60; ++i) // whoever approved these was mistaken
    decisions.push_back({"pipe " + std::to_string(i) + " inch", "pipe " + std::to_string(i + 1) + " inch", true});
  const auto taught = taught_linkage::learn(decisions);
  EXPECT_EQ(taught.probability("pipe 12 inch", "pipe 15 inch"), 0);
  EXPECT_EQ(taught.probability("pipe 12 inch", "pipe 12 inch"), 1);
}

TEST(taught_linkage, is_the_same_twice_after_storage_and_for_either_order) {
  const auto taught = taught_linkage::learn(decisions_of_a_house_style(100, 1));
  EXPECT_EQ(taught.save(), taught_linkage::learn(decisions_of_a_house_style(100, 1)).save());
  const auto again = taught_linkage::load(taught.save()).value();
  for (const auto& d : decisions_of_a_house_style(30, 9)) {
    EXPECT_EQ(again.probability(d.asked, d.known), taught.probability(d.asked, d.known));
    EXPECT_NEAR(taught.probability(d.known, d.asked), taught.probability(d.asked, d.known), 1e-9);
  }
  EXPECT_FALSE(taught_linkage::load(taught_linkage().save()).value().is_taught());
  EXPECT_FALSE(taught_linkage::load("").has_value());
  EXPECT_FALSE(taught_linkage::load("linkage 1 0 1 0 0.5\n").has_value());
}

TEST(similarity_index, scores_with_what_it_was_taught) {
  const auto fresh = decisions_of_a_house_style(40, 8);
  similarity_index index;
  for (std::size_t i = 0; i < fresh.size(); ++i)
    index.add(static_cast<std::int64_t>(i), fresh[i].known);
  const auto found = [&] {
    std::size_t n = 0;
    for (std::size_t i = 0; i < fresh.size(); i += 2)
      n += !index.find(fresh[i].asked, {}, 1, 0.95).empty();
    return n;
  };
  EXPECT_EQ(found(), 0U);
  index.teach(taught_linkage::learn(decisions_of_a_house_style(400, 1)));
  EXPECT_GE(found(), 15U); // of 20
}

TEST(clusters, name_a_thing_by_its_commonest_spelling) {
  const std::vector<spelling> list{{"optical tranceiver 10km", "ea", 2},  {"optical transceiver 10km", "ea", 90},
                                   {"optical transceiver 40km", "ea", 5}, {"optical transceivers 10km", "ea", 1},
                                   {"optical tranceiver 10km", "ft", 1},  {"optical tranceiver 10km", "ea", 1}};
  EXPECT_EQ(cluster_spellings(list, 0.95), (std::vector<std::uint32_t>{1, 1, 2, 1, 4, 1}));
  EXPECT_TRUE(cluster_spellings({}, 0.95).empty());
}
