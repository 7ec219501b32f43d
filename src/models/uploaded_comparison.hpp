#pragma once
// Two versions of a model that was uploaded, side by side: what their files are made of, what their features are used
// for, the figures that came with them, and who took them into use when. Pure. Called by comparison_routes.
#include "forest/summary.hpp"
#include "models/comparison.hpp"
#include "serving/manifest.hpp"
#include "serving/registry.hpp"

namespace pricing::models {

struct uploaded_version {
  serving::manifest about;
  forest::summary trees;                  // of its file
  std::optional<std::string> uploaded_by; // a person's name
  std::vector<promotion> promotions;      // newest first
};

// Of the metadata: `metrics` are figures, those of `baselines` simpler ways to guess; the members of `parameters`, and
// whatever else there is, are parameters; `snapshot` names the data. Which side a figure speaks for is known of the
// gate's metric alone. Features without names are "f0", "f1", …; with names on one side only nothing is said of them.
model_comparison compare_uploaded(const serving::model_state& state, const serving::promotion_gate& gate,
                                  const uploaded_version& left, const uploaded_version& right);

} // namespace pricing::models
