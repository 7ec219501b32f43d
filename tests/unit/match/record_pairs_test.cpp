#include "match/linkage_model.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

using namespace pricing::match;

namespace {

struct tables {
  std::vector<record> left, right; // left[i] and right[i] are the same product
};

// A catalogue and a dealer's list: the dealer hyphenates codes, drops and reorders words, prices differ, and some codes
// are missing. Products come in families that differ in one digit of the code.
tables made_up(std::size_t products, unsigned seed) {
  std::mt19937 random(seed);
  const std::vector<std::string> brands{"norvik", "teslo", "harmon", "kestrel"};
  const std::vector<std::string> kinds{"gate valve", "pressure gauge", "cable reel", "motor drive", "relay socket"};
  const std::vector<std::string> extras{"stainless", "black", "white", "heavy duty", "with bracket", "compact"};
  tables out;
  for (std::size_t i = 0; i < products; ++i) {
    const auto& brand = brands[i / 3 % brands.size()];
    const auto& kind = kinds[i / 3 % kinds.size()];
    const std::string series{static_cast<char>('a' + i / 3 % 26), static_cast<char>('a' + i / 78 % 26)};
    const auto digits = std::to_string(1000 + (i / 3 * 37) % 9000 + i % 3);
    const auto& extra = extras[random() % extras.size()];
    const double price = 20 + static_cast<double>(random() % 4000) / 10;
    out.left.push_back(
        {brand + " " + kind + " " + extra + " " + series + digits, kind + " for industry", std::to_string(price)});
    std::string code = random() % 8 == 0 ? "" : series + "-" + digits + (random() % 3 == 0 ? "/eu" : "");
    std::transform(code.begin(), code.end(), code.begin(), [](unsigned char c) { return std::toupper(c); });
    out.right.push_back({brand + " " + code + " " + kind + (random() % 2 ? " " + extra : ""), "",
                         random() % 4 ? "$ " + std::to_string(price * 1.1) : ""});
  }
  return out;
}

std::vector<labelled_pair> labelled(const record_pairs& pairs, std::uint32_t from, std::uint32_t until) {
  std::vector<labelled_pair> out;
  for (const auto& p : pairs.candidates())
    if (p.left >= from && p.left < until)
      out.push_back({p, p.left == p.right});
  return out;
}

record_pairs pairs_of(const tables& t) {
  return {infer_kinds(t.left, t.right, 3), t.left, t.right};
}

} // namespace

TEST(record_pairs, tells_numbers_from_texts) {
  const auto t = made_up(30, 1);
  const auto kinds = infer_kinds(t.left, t.right, 3);
  EXPECT_EQ(kinds, (std::vector{field_kind::text, field_kind::text, field_kind::number}));
}

TEST(record_pairs, finds_nearly_every_true_pair_among_few_candidates) {
  const auto pairs = pairs_of(made_up(300, 2));
  const auto& all = pairs.candidates();
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end()));
  EXPECT_LT(all.size(), 300U * 40);
  const auto found = std::count_if(all.begin(), all.end(), [](const auto& p) { return p.left == p.right; });
  EXPECT_GE(found, 285);
}

TEST(record_pairs, lets_a_model_match_products_it_has_not_seen) {
  const auto pairs = pairs_of(made_up(300, 3));
  const auto train = rows_of(pairs, labelled(pairs, 0, 150)).value();
  const auto valid = rows_of(pairs, labelled(pairs, 150, 200)).value();
  const auto test = rows_of(pairs, labelled(pairs, 200, 300)).value();
  const auto model = linkage_model::train(train, valid, {.boosting = {.rounds = 60}, .models = 2}).value();
  std::vector<double> p;
  for (std::size_t i = 0; i < test.rows(); ++i)
    p.push_back(model.probability(std::span(test.values).subspan(i * test.columns, test.columns)));
  EXPECT_GT(quality_at(p, test.labels, model.threshold()).f1(), 0.85);
}

TEST(record_pairs, measures_the_same_twice_and_names_what_it_measures) {
  const auto t = made_up(60, 4);
  const auto first = pairs_of(t), second = pairs_of(t);
  ASSERT_EQ(first.candidates(), second.candidates());
  for (const auto pair : first.candidates()) {
    const auto a = first.features(pair), b = second.features(pair);
    ASSERT_EQ(a.size(), first.feature_names().size());
    for (std::size_t c = 0; c < a.size(); ++c)
      ASSERT_TRUE(a[c] == b[c] || (std::isnan(a[c]) && std::isnan(b[c]))) << first.feature_names()[c];
  }
}

TEST(record_pairs, sees_one_code_through_hyphens_and_case) {
  const std::vector<record> left{{"norvik phone kxtg9391t"}, {"norvik phone kxtg9392t"}};
  const std::vector<record> right{{"Norvik KX-TG9391T telephone"}};
  const record_pairs pairs({field_kind::text}, left, right);
  const auto& names = pairs.feature_names();
  const auto value = [&](const char* name, record_pair p) {
    const auto at = std::find(names.begin(), names.end(), name) - names.begin();
    return pairs.features(p).at(static_cast<std::size_t>(at));
  };
  EXPECT_EQ(value("code agreement", {0, 0}), 1);
  EXPECT_EQ(value("code digits agree", {0, 0}), 1);
  EXPECT_EQ(value("code digits agree", {1, 0}), 0);
  EXPECT_GT(value("lead over other lefts", {0, 0}), 0);
  EXPECT_LT(value("lead over other lefts", {1, 0}), 0);
}

TEST(record_pairs, bears_empty_and_ragged_records) {
  const record_pairs none({field_kind::text}, {}, {});
  EXPECT_TRUE(none.candidates().empty());
  const std::vector<record> left{{}, {""}, {"valve", "x"}, {"valve", "y", "3", "more"}}, right{{"valve"}, {}};
  const record_pairs pairs({field_kind::text, field_kind::text, field_kind::number}, left, right);
  for (std::uint32_t l = 0; l < 4; ++l)
    for (std::uint32_t r = 0; r < 2; ++r)
      EXPECT_EQ(pairs.features({l, r}).size(), pairs.feature_names().size());
  const std::vector<labelled_pair> outside{{{4, 0}, true}};
  EXPECT_FALSE(rows_of(pairs, outside).has_value());
}
