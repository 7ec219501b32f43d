#pragma once
// Texts as weighted sets of terms (words, or n-grams of bytes): term frequency x inverse document frequency, unit
// length, compared by cosine (Salton and Buckley 1988), and found through an inverted index. Terms are 64-bit hashes,
// so nothing of the texts is kept. Deterministic; const members are thread-safe.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace pricing::match {

using term = std::uint64_t;

term hash_term(std::string_view text);
// One term a word, with repetitions.
std::vector<term> word_terms(std::string_view normalized);
// Every n consecutive bytes, the text framed by one space on each side; empty for an empty text.
std::vector<term> gram_terms(std::string_view normalized, std::size_t n = 3);

struct weighted_term {
  term what = 0;
  float weight = 0;
};
using term_vector = std::vector<weighted_term>; // ascending terms, Euclidean length 1 (or empty)

// In 0..1; 0 when either is empty.
double cosine(const term_vector& a, const term_vector& b);

// How rare a term is among the documents seen.
class term_statistics {
 public:
  void observe(std::span<const term> document);
  // ln((1 + documents) / (1 + documents with the term)) + 1.
  double idf(term t) const;
  std::uint32_t documents_with(term t) const;
  term_vector vector_of(std::vector<term> document) const;

 private:
  std::uint32_t documents_ = 0;
  std::unordered_map<term, std::uint32_t> with_;
};

struct scored {
  std::uint32_t position = 0;
  double score = 0;
};

// The entries with the largest cosine to a query. Terms that occur in more than `postings_max` entries are left out of
// the search (not out of the score's scale): they find everything and tell nothing apart.
class cosine_index {
 public:
  explicit cosine_index(std::size_t postings_max = 20'000) : postings_max_(postings_max) {}
  void add(const term_vector& entry); // positions count from 0
  // Best first; ties by position.
  std::vector<scored> nearest(const term_vector& query, std::size_t count) const;

 private:
  std::size_t postings_max_;
  std::uint32_t size_ = 0;
  std::unordered_map<term, std::vector<std::pair<std::uint32_t, float>>> postings_;
};

} // namespace pricing::match
