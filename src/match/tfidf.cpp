#include "match/tfidf.hpp"

#include "match/similarity.hpp"

#include <algorithm>
#include <cmath>
#include <string>

namespace pricing::match {

term hash_term(std::string_view text) {
  term hash = 0xcbf29ce484222325ull; // FNV-1a, then mixed
  for (const char c : text)
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  hash ^= hash >> 32;
  return hash * 0x9E3779B97F4A7C15ull;
}

std::vector<term> word_terms(std::string_view normalized) {
  std::vector<term> out;
  for (const auto w : words_of(normalized))
    out.push_back(hash_term(w));
  return out;
}

std::vector<term> gram_terms(std::string_view normalized, std::size_t n) {
  std::vector<term> out;
  if (normalized.empty() || n == 0)
    return out;
  std::string framed;
  framed.reserve(normalized.size() + 2);
  framed.append(1, ' ').append(normalized).append(1, ' ');
  const std::string_view text(framed);
  for (std::size_t i = 0; i + std::min(n, text.size()) <= text.size(); ++i)
    out.push_back(hash_term(text.substr(i, n)));
  return out;
}

double cosine(const term_vector& a, const term_vector& b) {
  double dot = 0;
  for (std::size_t i = 0, k = 0; i < a.size() && k < b.size();) {
    if (a[i].what < b[k].what) {
      ++i;
    } else if (b[k].what < a[i].what) {
      ++k;
    } else {
      dot += static_cast<double>(a[i++].weight) * static_cast<double>(b[k++].weight);
    }
  }
  return std::min(dot, 1.0);
}

void term_statistics::observe(std::span<const term> document) {
  std::vector<term> distinct(document.begin(), document.end());
  std::sort(distinct.begin(), distinct.end());
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  for (const auto t : distinct)
    ++with_[t];
  ++documents_;
}

std::uint32_t term_statistics::documents_with(term t) const {
  const auto found = with_.find(t);
  return found == with_.end() ? 0 : found->second;
}

double term_statistics::idf(term t) const {
  return std::log((1.0 + documents_) / (1.0 + documents_with(t))) + 1;
}

term_vector term_statistics::vector_of(std::vector<term> document) const {
  std::sort(document.begin(), document.end());
  term_vector out;
  double squares = 0;
  for (std::size_t i = 0; i < document.size();) {
    std::size_t end = i;
    while (end < document.size() && document[end] == document[i])
      ++end;
    const double weight = (1 + std::log(static_cast<double>(end - i))) * idf(document[i]);
    squares += weight * weight;
    out.push_back({document[i], static_cast<float>(weight)});
    i = end;
  }
  const auto scale = static_cast<float>(squares > 0 ? 1 / std::sqrt(squares) : 0);
  for (auto& t : out)
    t.weight *= scale;
  return out;
}

void cosine_index::add(const term_vector& entry) {
  for (const auto& t : entry)
    postings_[t.what].emplace_back(size_, t.weight);
  ++size_;
}

std::vector<scored> cosine_index::nearest(const term_vector& query, std::size_t count) const {
  std::vector<float> sums(size_);
  std::vector<std::uint32_t> touched;
  for (const auto& t : query) {
    const auto found = postings_.find(t.what);
    if (found == postings_.end() || found->second.size() > postings_max_)
      continue;
    for (const auto& [position, weight] : found->second) {
      if (sums[position] == 0)
        touched.push_back(position);
      sums[position] += weight * t.weight;
    }
  }
  std::vector<scored> out;
  out.reserve(touched.size());
  for (const auto position : touched)
    out.push_back({position, std::min<double>(static_cast<double>(sums[position]), 1)});
  const auto kept = static_cast<std::ptrdiff_t>(std::min(count, out.size()));
  std::partial_sort(out.begin(), out.begin() + kept, out.end(), [](const scored& a, const scored& b) {
    return a.score != b.score ? a.score > b.score : a.position < b.position;
  });
  out.resize(static_cast<std::size_t>(kept));
  return out;
}

} // namespace pricing::match
