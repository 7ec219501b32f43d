#pragma once
// same_thing_probability, corrected by what people decided in the review queue. Boosting starts from the rules' own
// log-odds, so without decisions nothing changes and each decision moves the answer only as far as the others bear it
// out. A lesson is used only when it predicts decisions it has not seen better than the rules alone do (cross-fitted
// log loss). The rules that forbid (another number, size or class) always hold.
#include "match/linkage_model.hpp"

namespace pricing::match {

// "Is this text that entity?", answered by a person. Both texts normalized, of one kind (items or suppliers).
struct decision {
  std::string asked, known;
  bool same = false;
};

class taught_linkage {
 public:
  static constexpr std::size_t decisions_min = 40; // of them at least a tenth of each answer; fewer teach nothing

  taught_linkage() = default; // the rules alone
  static taught_linkage learn(std::span<const decision> decisions);

  // In 0..1; 1 for equal texts, 0 where same_thing_probability is 0. Thread-safe.
  double probability(std::string_view a, std::string_view b) const;
  bool is_taught() const { return model_.columns() > 0; }

  // One line for the rules alone, else the model; load() refuses anything else with the reason.
  std::string save() const;
  static result<taught_linkage> load(std::string_view text);

 private:
  linkage_model model_;
};

} // namespace pricing::match
