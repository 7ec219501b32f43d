#pragma once
// What is known about one version of a model, and who vouches for it. The manifest is signed (Ed25519) with a key
// derived from identity.secret: bytes that were changed in the object store or in the database are not served.
#include "core/clock.hpp"
#include "core/error.hpp"
#include "wire/json.hpp"

#include <boost/describe.hpp>

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pricing::serving {

struct manifest {
  std::string name;
  int version = 0;
  std::string sha256; // of the model file, hex
  std::int64_t bytes = 0;
  std::string format; // "xgboost 1.7.4", "lightgbm v4"
  std::string output; // link from margin to prediction: identity, sigmoid, softmax, …
  std::int64_t features = 0;
  std::int64_t outputs = 0; // values per row of a prediction
  std::int64_t groups = 0;  // margins per row
  std::int64_t trees = 0;
  std::vector<std::string> feature_names; // may be empty
  // As given: data snapshot, code version, parameters, metrics, baselines.
  boost::json::value metadata;
  timestamp created_at;
};
BOOST_DESCRIBE_STRUCT(manifest, (),
                      (name, version, sha256, bytes, format, output, features, outputs, groups, trees, feature_names,
                       metadata, created_at))

class manifest_signer {
 public:
  explicit manifest_signer(std::string_view secret);

  std::string sign(std::string_view manifest_text) const; // 64 bytes
  bool verify(std::string_view manifest_text, std::string_view signature) const;
  // For whoever checks a manifest without the secret; hex.
  std::string public_key() const;

 private:
  std::array<unsigned char, 32> public_;
  std::array<unsigned char, 64> private_;
};

// "" switches it off; a metric of the metadata's `metrics` must beat the same one of each of its `baselines`, of which
// there must be one: {"metrics": {"mdape": 0.21}, "baselines": {"last_price": {"mdape": 0.31}}}.
struct promotion_gate {
  std::string metric;
  bool higher_is_better = false;
};
// conflict says which figure is missing or not good enough.
result<void> may_be_promoted(const manifest& m, const promotion_gate& gate);

} // namespace pricing::serving
