#pragma once
// Two collections of records with the same fields (a catalogue and an incoming list; two suppliers' tables), and what
// can be measured about a pair of them: similarities of each field, agreement of model codes and numbers, rarity of
// what is shared, and how the pair stands against each side's other candidates. The numbers feed a linkage model; they
// know no label. What is counted (document frequencies, candidates) comes from the two collections alone.
// Immutable once built; const members are thread-safe. A field is read up to field_bytes_max.
#include "match/tfidf.hpp"

#include <span>
#include <string>
#include <vector>

namespace pricing::match {

enum class field_kind { text, number };

// One text a field, in the order of the kinds; empty: unknown. Missing fields at the end are unknown too.
using record = std::vector<std::string>;

// A field is a number when nine of ten known values in both collections read as one ("1,299.00", "$ 15").
std::vector<field_kind> infer_kinds(std::span<const record> left, std::span<const record> right, std::size_t fields);

struct record_pair {
  std::uint32_t left = 0;
  std::uint32_t right = 0;
  auto operator<=>(const record_pair&) const = default;
};

class record_pairs {
 public:
  static constexpr std::size_t field_bytes_max = 1'024;
  static constexpr std::size_t codes_max = 32; // of a record

  // The first text field is taken for the name.
  record_pairs(std::vector<field_kind> kinds, std::span<const record> left, std::span<const record> right);

  std::size_t left_size() const { return left_.size(); }
  std::size_t right_size() const { return right_.size(); }

  // Pairs worth a look: for each record of either side its nearest on the other, by words and by trigrams. Ascending.
  const std::vector<record_pair>& candidates() const { return candidates_; }

  const std::vector<std::string>& feature_names() const { return names_; }
  // One value a feature name; NaN: unknown. Positions must be below left_size() and right_size().
  std::vector<float> features(record_pair pair) const;

 private:
  struct prepared_field {
    std::string text; // normalized
    term_vector words, grams;
    std::vector<term> distinct; // words, ascending
    double number = 0;          // NaN: unknown
  };
  struct prepared_record {
    std::vector<prepared_field> fields;
    term_vector words, grams;   // of all text fields together
    std::vector<term> distinct; // words of all text fields, ascending
    std::vector<std::string> codes;
    std::size_t name_codes = 0; // the first of `codes` are the name's
    std::string compact;        // letters and digits of all text fields
    std::vector<term> numbers, colours;
  };
  struct standing { // best two scores among a record's candidates
    double best = 0, second = 0;
    std::uint32_t best_at = 0;
    void add(std::uint32_t at, double score);
    double rival_of(std::uint32_t at) const { return at == best_at ? second : best; }
  };
  class sink;

  std::vector<prepared_record> prepare(std::span<const record> side) const;
  void weigh(std::vector<prepared_record>& side);
  void find_candidates();
  double rough_score(record_pair pair) const;
  void measure(record_pair pair, sink& out) const;
  void measure_field(const prepared_field& a, const prepared_field& b, field_kind kind, sink& out) const;
  void measure_codes(const prepared_record& a, const prepared_record& b, sink& out) const;
  double shared_weight(std::span<const term> a, std::span<const term> b) const;

  std::vector<field_kind> kinds_;
  std::size_t name_ = 0;
  term_statistics words_, grams_;
  std::vector<prepared_record> left_, right_;
  std::vector<record_pair> candidates_;
  std::vector<standing> left_standing_, right_standing_;
  std::vector<std::string> names_;
};

} // namespace pricing::match
