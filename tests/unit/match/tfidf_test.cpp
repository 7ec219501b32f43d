#include "match/tfidf.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <string>

using namespace pricing::match;

namespace {

std::string random_text(std::mt19937& random, std::size_t words) {
  std::string out;
  for (std::size_t w = 0; w < words; ++w) {
    if (w > 0)
      out += ' ';
    for (std::size_t i = 0; i < 1 + random() % 3; ++i)
      out += static_cast<char>('a' + random() % 4);
  }
  return out;
}

// By the definition, with strings for terms.
double plain_cosine(const std::vector<std::string>& corpus, const std::string& a, const std::string& b) {
  const auto words = [](const std::string& text) {
    std::map<std::string, double> out;
    std::string word;
    for (const char c : text + " ") {
      if (c != ' ')
        word += c;
      else if (!word.empty())
        ++out[word], word.clear();
    }
    return out;
  };
  const auto weigh = [&](std::map<std::string, double> counts) {
    double squares = 0;
    for (auto& [word, count] : counts) {
      double with = 0;
      for (const auto& document : corpus)
        with += words(document).contains(word) ? 1 : 0;
      count = (1 + std::log(count)) * (std::log((1.0 + static_cast<double>(corpus.size())) / (1 + with)) + 1);
      squares += count * count;
    }
    for (auto& [word, count] : counts)
      count /= std::sqrt(squares);
    return counts;
  };
  double dot = 0;
  const auto wa = weigh(words(a)), wb = weigh(words(b));
  for (const auto& [word, weight] : wa)
    if (const auto other = wb.find(word); other != wb.end())
      dot += weight * other->second;
  return dot;
}

} // namespace

TEST(tfidf, agrees_with_the_definition) {
  std::mt19937 random(5);
  std::vector<std::string> corpus;
  term_statistics statistics;
  for (int i = 0; i < 40; ++i) {
    corpus.push_back(random_text(random, random() % 12));
    statistics.observe(word_terms(corpus.back()));
  }
  for (int i = 0; i < 200; ++i) {
    const auto &a = corpus[random() % 40], &b = corpus[random() % 40];
    ASSERT_NEAR(cosine(statistics.vector_of(word_terms(a)), statistics.vector_of(word_terms(b))),
                plain_cosine(corpus, a, b), 1e-5)
        << a << " / " << b;
  }
  EXPECT_EQ(cosine({}, {}), 0);
}

TEST(tfidf, cuts_grams_of_framed_text) {
  EXPECT_EQ(gram_terms("ab"), (std::vector{hash_term(" ab"), hash_term("ab ")}));
  EXPECT_TRUE(gram_terms("").empty());
  EXPECT_TRUE(gram_terms("ab", 0).empty());
  EXPECT_EQ(gram_terms("a", 9).size(), 1U);
}

TEST(cosine_index, finds_what_comparing_with_each_finds) {
  std::mt19937 random(6);
  term_statistics statistics;
  std::vector<term_vector> all;
  std::vector<std::string> texts;
  for (int i = 0; i < 300; ++i)
    texts.push_back(random_text(random, 1 + random() % 6));
  for (const auto& t : texts)
    statistics.observe(gram_terms(t));
  cosine_index index;
  for (const auto& t : texts) {
    all.push_back(statistics.vector_of(gram_terms(t)));
    index.add(all.back());
  }
  for (int i = 0; i < 50; ++i) {
    const auto query = statistics.vector_of(gram_terms(random_text(random, 4)));
    std::vector<double> plain;
    for (const auto& v : all)
      plain.push_back(cosine(query, v));
    std::sort(plain.rbegin(), plain.rend());
    const auto found = index.nearest(query, 5);
    for (std::size_t k = 0; k < found.size(); ++k)
      ASSERT_NEAR(found[k].score, plain[k], 1e-5);
  }
  EXPECT_TRUE(index.nearest({}, 5).empty());
  EXPECT_TRUE(cosine_index().nearest(all[0], 5).empty());
}
