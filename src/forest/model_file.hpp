#pragma once
// Model files into ensembles. Pure: bytes in, value out. Anything malformed, truncated, hostile or of a kind that is
// not a tree ensemble is errc::invalid_input, and the message says what is wrong and where.
#include "forest/ensemble.hpp"

#include <string_view>

namespace pricing::forest {

// XGBoost JSON or UBJ, formats 1.x to 3.x; boosters gbtree and dart. Refused: gblinear, vector leaves, the old binary
// format, objectives whose link is unknown (a wrong link would be silently wrong).
result<ensemble> load_xgboost(std::string_view bytes, const limits& l = {});

// LightGBM text, versions v2 to v4. Refused: linear trees.
result<ensemble> load_lightgbm(std::string_view bytes, const limits& l = {});

// Whichever of the two the bytes are.
result<ensemble> load_model(std::string_view bytes, const limits& l = {});

} // namespace pricing::forest
