#include "match/index.hpp"
#include "match/similarity.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <random>

using namespace pricing::match;

namespace {

std::size_t levenshtein_by_table(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t k = 0; k <= b.size(); ++k)
    row[k] = k;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0]++;
    for (std::size_t k = 1; k <= b.size(); ++k) {
      const auto above = row[k];
      row[k] = std::min({above + 1, row[k - 1] + 1, diagonal + (a[i - 1] != b[k - 1])});
      diagonal = above;
    }
  }
  return row.back();
}

std::size_t common_by_table(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> t(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 1; i <= a.size(); ++i)
    for (std::size_t k = 1; k <= b.size(); ++k)
      t[i][k] = a[i - 1] == b[k - 1] ? t[i - 1][k - 1] + 1 : std::max(t[i - 1][k], t[i][k - 1]);
  return t[a.size()][b.size()];
}

} // namespace

TEST(similarity, agrees_with_the_plain_tables_on_random_texts) {
  std::mt19937 random(7);
  for (int round = 0; round < 400; ++round) {
    std::string a, b;
    for (auto* text : {&a, &b}) {
      const auto size = random() % 200;
      for (std::size_t i = 0; i < size; ++i)
        *text += static_cast<char>('a' + random() % 4);
    }
    ASSERT_EQ(levenshtein(a, b), levenshtein_by_table(a, b)) << a << " / " << b;
    if (!a.empty() && !b.empty()) {
      ASSERT_DOUBLE_EQ(indel_similarity(a, b),
                       2.0 * static_cast<double>(common_by_table(a, b)) / static_cast<double>(a.size() + b.size()));
    }
  }
}

TEST(similarity, gives_the_published_values) {
  EXPECT_EQ(levenshtein("kitten", "sitting"), 3u);
  EXPECT_NEAR(jaro_winkler("martha", "marhta"), 0.9611, 1e-4);
  EXPECT_NEAR(jaro_winkler("dixon", "dicksonx"), 0.8133, 1e-4);
  EXPECT_DOUBLE_EQ(token_set_similarity("a b c", "c b d"), 2.0 / 3);
  EXPECT_NEAR(ngram_cosine("abcd", "abcd"), 1, 1e-12);
  EXPECT_EQ(ngram_cosine("abc", "xyz"), 0);
}

TEST(linkage, never_joins_what_differs_in_a_number_size_or_class) {
  EXPECT_EQ(same_thing_probability("culv cl a 12 inch", "culv cl a 15 inch"), 0);
  EXPECT_EQ(same_thing_probability("culv cl a 12 inch", "culv cl b 12 inch"), 0);
  EXPECT_EQ(same_thing_probability("shld cl i", "shld cl ii"), 0);
  EXPECT_EQ(same_thing_probability("tee 8 inch by 6 inch", "tee 6 inch by 8 inch"), 0);
  EXPECT_EQ(same_thing_probability("hma approach 1.5 inch", "hma approach 15 inch"), 0);
}

TEST(linkage, asks_nobody_about_plain_misspellings) {
  const thresholds t;
  EXPECT_GE(same_thing_probability("optical tranceiver 10km", "optical transceiver 10km"), t.automatic);
  EXPECT_GE(same_thing_probability("hdpe bypass assembly precast", "hdpe bypass assembly pre cast"), t.automatic);
  EXPECT_GE(same_thing_probability("gate valve", "gate valves"), t.automatic);
  EXPECT_GE(same_thing_probability("conc pavt reinf 9 inch", "conc pavt reinforced 9 inch"), t.automatic);
  EXPECT_GE(same_thing_probability("aggregate base modified 4 inch", "aggregate base 4 inch modified"), t.automatic);
  EXPECT_GE(same_thing_probability("aggreagte base", "aggregate base"), t.automatic);
}

TEST(linkage, asks_about_likely_ones_and_not_about_others) {
  const thresholds t;
  const auto between = [&](double p) { return p >= t.review && p < t.automatic; };
  EXPECT_TRUE(between(same_thing_probability("abandon existing main", "abandoned existing main")));
  EXPECT_TRUE(between(same_thing_probability("curb and gutter conc", "curb gutter conc")));
  EXPECT_LT(same_thing_probability("hma approach", "hma approach modified"), t.review);
  EXPECT_LT(same_thing_probability("delineator white", "delineator yellow"), t.review);
  EXPECT_LT(same_thing_probability("railworks track services", "railworks track systems"), t.review);
  EXPECT_LT(same_thing_probability("dowel", "towel"), t.review);
}

TEST(similarity_index, finds_the_best_three_of_the_group) {
  similarity_index index;
  index.add(1, "optical transceiver 10km", "ea");
  index.add(2, "optical transceivers 10km", "ea");
  index.add(3, "optical transceiver 40km", "ea");
  index.add(4, "optical tranceiver 10km", "ft");
  const auto found = index.find("optical tranceiver 10km", "ea");
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].id, 1);
  EXPECT_EQ(found[1].id, 2);
  EXPECT_TRUE(index.find("guardrail", "ea").empty());
  EXPECT_TRUE(index.find("", "ea").empty());
}

TEST(similarity_index, compares_24000_entries_with_themselves_in_seconds) {
  std::mt19937 random(3);
  std::vector<std::string> syllables, texts;
  for (int i = 0; i < 400; ++i)
    syllables.push_back(std::string{static_cast<char>('a' + random() % 26), "aeiou"[random() % 5],
                                    static_cast<char>('a' + random() % 26), static_cast<char>('a' + random() % 26)});
  similarity_index index;
  for (int i = 0; i < 24'000; ++i) {
    std::string text;
    for (int w = 0; w < 4; ++w)
      text += syllables[random() % 400] + syllables[random() % 400] + " ";
    text += std::to_string(random() % 6) + " inch";
    index.add(i, text, random() % 2 ? "ea" : "ft");
    texts.push_back(std::move(text));
  }
  const auto from = std::chrono::steady_clock::now();
  std::size_t found = 0;
  for (const auto& text : texts)
    found += index.find(text, "ea").size() + index.find(text, "ft").size();
  EXPECT_GE(found, texts.size());
  EXPECT_LT(std::chrono::steady_clock::now() - from, std::chrono::seconds(60)); // unoptimized builds too
}
