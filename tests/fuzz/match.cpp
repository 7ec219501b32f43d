// Names and descriptions of strangers, and stored models: normalizing settles, distances keep their ranges, and a model
// that loads can be scored and stored again.
#include "fuzz/must.hpp"
#include "match/normalize.hpp"
#include "match/record_pairs.hpp"
#include "match/similarity.hpp"
#include "match/taught_linkage.hpp"

#include <cmath>

using namespace pricing;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto half = text.find('\n');
  const auto first = text.substr(0, half), second = half == text.npos ? "" : text.substr(half + 1);

  const auto a = match::normalize_item(first), b = match::normalize_item(second);
  must(match::normalize_item(a) == a);
  match::normalize_supplier(first);
  match::normalize_unit(first);
  must(match::levenshtein(a, b) == match::levenshtein(b, a));
  for (const double s : {match::indel_similarity(a, b), match::jaro_winkler(a, b), match::token_set_similarity(a, b),
                         match::ngram_cosine(a, b), match::taught_linkage().probability(a, b)})
    must(s >= 0 && s <= 1);

  const std::vector<match::record> left{{std::string(first), std::string(second)}}, right{{std::string(second)}};
  const match::record_pairs pairs({match::field_kind::text, match::field_kind::number}, left, right);
  must(pairs.features({0, 0}).size() == pairs.feature_names().size());

  if (const auto model = match::linkage_model::load(text); model && model->columns() > 0) {
    const std::vector<float> row(model->columns(), 0.5F);
    const double p = model->probability(row);
    must(p >= 0 && p <= 1);
    must(match::linkage_model::load(model->save()).has_value());
  }
  return 0;
}
