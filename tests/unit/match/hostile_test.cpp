// What strangers may upload: megabytes without a space, of nothing but openings, of bytes that are no text. All of it
// ends soon (a slow case shows as a test that does not come back) and within the promised ranges.
#include "match/index.hpp"
#include "match/normalize.hpp"
#include "match/record_pairs.hpp"
#include "match/similarity.hpp"

#include <gtest/gtest.h>

#include <random>

using namespace pricing::match;

namespace {

constexpr std::size_t megabyte = 1 << 20;

std::string repeated(std::string_view piece) {
  std::string out;
  while (out.size() < megabyte)
    out += piece;
  return out;
}

std::vector<std::string> hostile_texts() {
  std::mt19937 random(1);
  std::string noise;
  for (std::size_t i = 0; i < megabyte; ++i)
    noise += static_cast<char>(random() % 256);
  return {repeated("("),
          repeated("_"),
          repeated("$ "),
          repeated("a"),
          repeated("a "),
          repeated("1,"),
          repeated("/"),
          repeated("\xC3"),
          repeated("x1 y2 "),
          repeated("word other "),
          noise,
          repeated("structure no. "),
          repeated("(s01 of "),
          std::string(megabyte, '\0')};
}

} // namespace

TEST(hostile_text, is_normalized_in_time_that_grows_with_its_length) {
  for (const auto& text : hostile_texts()) {
    for (const auto& out : {normalize_item(text), normalize_supplier(text), normalize_unit(text), fold_text(text)})
      EXPECT_LE(out.size(), 4 * text.size());
  }
}

TEST(hostile_text, is_compared_within_bounds) {
  const auto texts = hostile_texts();
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto& a = texts[i];
    const auto& b = texts[(i + 1) % texts.size()];
    EXPECT_LE(levenshtein(a, b), compared_bytes_max);
    for (const double s : {indel_similarity(a, b), jaro_winkler(a, b), token_set_similarity(a, b), ngram_cosine(a, b),
                           same_thing_probability(a, b), same_thing_probability(a, a)})
      EXPECT_TRUE(s >= 0 && s <= 1) << i;
  }
}

TEST(hostile_text, is_the_same_only_when_equal) {
  const auto a = repeated("some words ");
  EXPECT_EQ(same_thing_probability(a, a), 1);
  EXPECT_EQ(same_thing_probability(a, a + "s"), 0);
}

TEST(hostile_text, is_indexed_and_found) {
  similarity_index index;
  const auto texts = hostile_texts();
  for (std::size_t i = 0; i < texts.size(); ++i)
    index.add(static_cast<std::int64_t>(i), normalize_item(texts[i]));
  index.add(99, "gate valve 2 inch");
  for (const auto& text : texts)
    EXPECT_LE(index.find(normalize_item(text)).size(), 3U);
  EXPECT_EQ(index.find("gate valves 2 inch").at(0).id, 99);
}

TEST(hostile_text, makes_no_record_large) {
  const auto texts = hostile_texts();
  std::vector<record> left, right;
  for (const auto& text : texts) {
    left.push_back({text, text});
    right.push_back({text});
  }
  const record_pairs pairs(infer_kinds(left, right, 2), left, right);
  for (const auto pair : pairs.candidates())
    for (const float v : pairs.features(pair))
      EXPECT_FALSE(std::isinf(v));
}
