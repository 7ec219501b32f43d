#pragma once
// Which item and which supplier a row means: code, exact normalized name, learned alias, open question, similar name,
// or new. Everything known of the organization is held in memory, so a row costs one or two hash look-ups. Pure: ids of
// new entities are assigned by the caller after it has stored them.
#include "match/index.hpp"

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace pricing::ingest {

// An item or supplier, stored (id > 0) or to be stored before the rows that use it.
struct entity {
  std::int64_t id = 0;
  std::string name; // as first seen
  std::string normalized;
  std::string unit; // as first seen; empty for suppliers
  std::string normalized_unit;
  std::string code;
  std::string category;
  double median_price = 0; // of its history, 0 without one; for the quality report
  bool is_priced = true;   // false: its unit is a lump sum or the like
};

// A question "is this text that entity?", answered by rule (automatic) or waiting for a person.
struct match_question {
  std::int64_t id = 0; // match_decisions.id, 0 until stored
  std::string source_text;
  std::string normalized;
  std::string normalized_unit;
  struct option {
    std::uint32_t entity;
    double score;
  };
  std::vector<option> options; // best three
  bool automatic = false;
};

struct resolution {
  std::int32_t entity = -1;   // in entities(); -1 while a person decides
  std::int32_t question = -1; // in questions(); with entity >= 0: that entity by this learned or automatic answer
  bool held() const { return entity < 0; }
};

class resolver {
 public:
  explicit resolver(match::thresholds limits = {}) : limits_(limits) {}

  // Similar names are scored with what people decided in the review queue. Before anything is resolved.
  void teach(match::taught_linkage lesson) { index_.teach(std::move(lesson)); }
  // What is stored already. Returns the position in entities().
  std::uint32_t add_known(entity e);
  // An alias, with the decision that taught it (0: none).
  void add_alias(std::int64_t entity_id, std::string_view normalized, std::string_view normalized_unit,
                 std::int64_t decision_id);
  void add_pending(match_question q);

  // The reference stays valid; entity and question fill the lists below when they are new.
  const resolution& resolve(std::string_view name, std::string_view normalized, std::string_view unit,
                            std::string_view normalized_unit, std::string_view code, std::string_view category);

  std::deque<entity>& entities() { return entities_; }
  std::deque<match_question>& questions() { return questions_; }
  // Positions from which on entities / questions have not been stored yet; the caller moves them on.
  std::size_t stored_entities = 0;
  std::size_t stored_questions = 0;

 private:
  static std::string key_of(std::string_view normalized, std::string_view unit);
  resolution look_for_similar(std::string_view name, std::string_view normalized, std::string_view unit,
                              std::string_view normalized_unit, std::string_view code, std::string_view category);
  std::uint32_t add_entity(entity e);

  match::thresholds limits_;
  match::similarity_index index_;
  std::deque<entity> entities_;
  std::deque<match_question> questions_;
  std::unordered_map<std::string, resolution> by_key_;
  std::unordered_map<std::string, resolution> by_code_;
  std::unordered_map<std::int64_t, std::uint32_t> by_id_;
};

} // namespace pricing::ingest
