#pragma once
// How probable it is that two normalized texts name the same thing: the linkage model of domain.md. Explainable on
// purpose: words that stand on one side only are paired as misspelling, plural, abbreviation or split word, each pair
// costs what such a pair cost on hand-checked bid descriptions, and a word without a partner says "another thing".
#include <cstdint>
#include <string_view>

namespace pricing::match {

// domain.md: at or above `automatic` nobody is asked, at or above `review` a person decides, below it is new.
struct thresholds {
  double automatic = 0.95;
  double review = 0.75;
};

// In 0..1. 0 when the numbers, sizes or classes differ or stand in another order (12 inch, 15 inch; Cl I, Cl II; Type
// A, Type B): they are different things however alike the words are. 1 only for equal texts. Texts
// longer than compared_bytes_max (similarity.hpp) are the same only when equal.
double same_thing_probability(std::string_view a, std::string_view b);

// Equal exactly for texts that may be the same by their numbers, sizes and classes, in order.
std::uint64_t identity_key(std::string_view text);

} // namespace pricing::match
