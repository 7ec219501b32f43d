#pragma once
// Distances between short texts, bit-parallel. Bytes, not code points: callers compare normalized text. Pure; never
// fail. All read the first compared_bytes_max bytes of each text, so that no input makes them slow.
#include <cstddef>
#include <string_view>
#include <vector>

namespace pricing::match {

constexpr std::size_t compared_bytes_max = 4'096;

// Insertions, deletions and substitutions (Myers 1999, in the block form of Hyyro 2003).
std::size_t levenshtein(std::string_view a, std::string_view b);
// 2 * longest common subsequence / total length, in 0..1; 1 for two empty texts (Hyyro 2004).
double indel_similarity(std::string_view a, std::string_view b);
// Jaro similarity raised for a common prefix of up to four bytes (Winkler 1990), in 0..1.
double jaro_winkler(std::string_view a, std::string_view b);
// Dice coefficient of the two sets of words, in 0..1.
double token_set_similarity(std::string_view a, std::string_view b);
// Cosine of the two vectors of n-gram counts, in 0..1; texts shorter than n count as one gram.
double ngram_cosine(std::string_view a, std::string_view b, std::size_t n = 3);

// Words of a normalized text, as views into it.
std::vector<std::string_view> words_of(std::string_view text);

} // namespace pricing::match
