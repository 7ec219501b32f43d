#pragma once
// JSON and universal binary JSON (UBJ, draft 12 as XGBoost writes it) from bytes into one small tree. Private to the
// loaders. Arrays of numbers become vectors of doubles; `NaN` and `Infinity` are read as XGBoost writes them.
// Errors name the byte. Depth, size and counts are bounded, so a hostile file costs time linear in its size.
#include "core/error.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace pricing::forest {

struct document_member;

struct document {
  enum class kind { null, number, text, numbers, items, members };
  kind is = kind::null;
  double number = 0; // also of booleans
  std::string text;
  std::vector<double> numbers; // an array of numbers or booleans; also the empty array
  std::vector<document> items; // any other array
  std::vector<document_member> members;

  const document* find(std::string_view name) const; // null if absent or not an object
};

struct document_member {
  std::string name;
  document value;
};

result<document> parse_json(std::string_view bytes);
result<document> parse_ubj(std::string_view bytes);

} // namespace pricing::forest
