#include "match/index.hpp"
#include "match/similarity.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
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

namespace {

// Letters, spaces, two- and three-byte UTF-8 and stray bytes, so that every byte value occurs.
std::string any_text(std::mt19937& random, std::size_t pieces) {
  std::string out;
  for (std::size_t i = 0; i < pieces; ++i)
    switch (random() % 6) {
    case 0:
      out += "\xC3\xA9";
      break;
    case 1:
      out += "\xE2\x82\xAC";
      break;
    case 2:
      out += ' ';
      break;
    case 3:
      out += static_cast<char>(random() % 256);
      break;
    default:
      out += static_cast<char>('a' + random() % 3);
    }
  return out;
}

double jaro_winkler_by_definition(const std::string& a, const std::string& b) {
  if (a.empty() || b.empty())
    return a.size() == b.size() ? 1 : 0;
  const auto window = static_cast<std::ptrdiff_t>(std::max(a.size(), b.size()) / 2) - 1;
  std::vector<bool> used(b.size());
  std::string from_a;
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t k = 0; k < b.size(); ++k)
      if (!used[k] && a[i] == b[k] &&
          std::abs(static_cast<std::ptrdiff_t>(i) - static_cast<std::ptrdiff_t>(k)) <=
              std::max<std::ptrdiff_t>(window, 0)) {
        used[k] = true;
        from_a += a[i];
        break;
      }
  std::string from_b;
  for (std::size_t k = 0; k < b.size(); ++k)
    if (used[k])
      from_b += b[k];
  if (from_a.empty())
    return 0;
  double moved = 0;
  for (std::size_t i = 0; i < from_a.size(); ++i)
    moved += from_a[i] != from_b[i];
  const auto m = static_cast<double>(from_a.size());
  const double jaro = (m / static_cast<double>(a.size()) + m / static_cast<double>(b.size()) + (m - moved / 2) / m) / 3;
  double prefix = 0;
  for (std::size_t i = 0; i < std::min({a.size(), b.size(), std::size_t{4}}) && a[i] == b[i]; ++i)
    ++prefix;
  return jaro + prefix / 10 * (1 - jaro);
}

double trigram_cosine_by_definition(const std::string& a, const std::string& b) {
  if (a.empty() || b.empty())
    return a.size() == b.size() ? 1 : 0;
  const auto count = [](const std::string& text) {
    std::map<std::string, double> out;
    for (std::size_t i = 0; i == 0 || i + 3 <= text.size(); ++i)
      ++out[text.substr(i, 3)];
    return out;
  };
  const auto ca = count(a), cb = count(b);
  double dot = 0, na = 0, nb = 0;
  for (const auto& [gram, n] : ca) {
    na += n * n;
    dot += cb.contains(gram) ? n * cb.at(gram) : 0;
  }
  for (const auto& [gram, n] : cb)
    nb += n * n;
  return dot / std::sqrt(na * nb);
}

} // namespace

TEST(similarity, agrees_with_the_definitions_on_any_bytes) {
  std::mt19937 random(11);
  for (int round = 0; round < 400; ++round) {
    const auto a = any_text(random, random() % 90), b = any_text(random, random() % 90);
    ASSERT_EQ(levenshtein(a, b), levenshtein_by_table(a, b));
    ASSERT_NEAR(jaro_winkler(a, b), jaro_winkler_by_definition(a, b), 1e-12);
    ASSERT_NEAR(ngram_cosine(a, b), trigram_cosine_by_definition(a, b), 1e-12);
  }
}

TEST(similarity, is_a_metric) {
  std::mt19937 random(12);
  for (int round = 0; round < 300; ++round) {
    const auto a = any_text(random, random() % 80), b = any_text(random, random() % 80);
    const auto c = any_text(random, random() % 80);
    ASSERT_EQ(levenshtein(a, a), 0U);
    ASSERT_EQ(levenshtein(a, b), levenshtein(b, a));
    ASSERT_LE(levenshtein(a, c), levenshtein(a, b) + levenshtein(b, c));
    ASSERT_EQ(levenshtein(a, b) == 0, a == b);
    for (const auto f : {indel_similarity, token_set_similarity}) {
      ASSERT_EQ(f(a, a), 1);
      ASSERT_EQ(f(a, b), f(b, a));
      ASSERT_TRUE(f(a, b) >= 0 && f(a, b) <= 1);
    }
    const double jw = jaro_winkler(a, b), cosine = ngram_cosine(a, b);
    ASSERT_TRUE(jw >= 0 && jw <= 1 && cosine >= 0 && cosine <= 1);
    ASSERT_NEAR(jaro_winkler(a, a), 1, 1e-12);
    ASSERT_NEAR(ngram_cosine(a, b), ngram_cosine(b, a), 1e-12);
  }
}

TEST(similarity, compares_a_bounded_beginning_of_long_texts) {
  std::mt19937 random(13);
  std::string a, b;
  for (auto* text : {&a, &b})
    for (std::size_t i = 0; i < compared_bytes_max; ++i)
      *text += static_cast<char>('a' + random() % 3);
  EXPECT_EQ(levenshtein(a, b), levenshtein_by_table(a, b));
  EXPECT_EQ(levenshtein(a + std::string(1 << 20, 'x'), b + std::string(1 << 20, 'y')), levenshtein(a, b));
  EXPECT_EQ(indel_similarity(a + "x", b), indel_similarity(a, b));
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

TEST(similarity_index, finds_each_of_6000_entries_among_all) {
  std::mt19937 random(3);
  std::vector<std::string> syllables, texts;
  for (int i = 0; i < 400; ++i)
    syllables.push_back(std::string{static_cast<char>('a' + random() % 26), "aeiou"[random() % 5],
                                    static_cast<char>('a' + random() % 26), static_cast<char>('a' + random() % 26)});
  similarity_index index;
  for (int i = 0; i < 6'000; ++i) {
    std::string text;
    for (int w = 0; w < 4; ++w)
      text += syllables[random() % 400] + syllables[random() % 400] + " ";
    text += std::to_string(random() % 6) + " inch";
    index.add(i, text, random() % 2 ? "ea" : "ft");
    texts.push_back(std::move(text));
  }
  std::size_t found = 0;
  for (const auto& text : texts)
    found += index.find(text, "ea").size() + index.find(text, "ft").size();
  EXPECT_GE(found, texts.size());
}
