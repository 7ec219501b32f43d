// Model files: whatever loads predicts the same with every set of instructions, and an error says why.
#include "forest/forest.hpp"
#include "forest/model_file.hpp"
#include "forest/summary.hpp"
#include "fuzz/must.hpp"

#include <cmath>
#include <cstring>
#include <limits>

using namespace pricing;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  forest::limits l;
  l.trees_max = 64;
  l.nodes_max = 4096;
  l.features_max = 256;
  l.groups_max = 16;
  auto loaded = forest::load_model(bytes, l);
  if (!loaded)
    return must(!loaded.error().message.empty());
  const auto made_of = forest::summarise(*loaded);
  std::size_t splits = 0;
  for (const auto& f : made_of.features) {
    splits += f.splits;
    must(std::isfinite(f.gain));
  }
  must(made_of.leaves == splits + made_of.trees && made_of.leaf_depth <= static_cast<double>(made_of.depth_max));
  const auto plain = forest::forest::build(*loaded, forest::isa::portable);
  const auto best = forest::forest::build(*loaded);
  must(plain.has_value() && best.has_value());
  constexpr std::size_t count = 9; // a block; and one row below
  const std::size_t features = plain->features();
  std::vector<float> x(count * features);
  const float values[] = {0, -1, 0.5F, 1e30F, 3, std::numeric_limits<float>::quiet_NaN(), 1e-38F};
  for (std::size_t i = 0; i < x.size(); ++i)
    x[i] = values[(i * 31 + i / 7) % 7];
  const forest::rows all{x.data(), count, features};
  std::vector<float> a(count * plain->groups());
  std::vector<float> b(a.size());
  must(plain->margins(all, a).has_value() && best->margins(all, b).has_value());
  must(std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
  must(best->margins({x.data(), 1, features}, b).has_value());
  must(std::memcmp(a.data(), b.data(), plain->groups() * sizeof(float)) == 0);
  std::vector<std::uint32_t> leaves(count * plain->trees());
  must(plain->leaves(all, leaves).has_value());
  for (std::size_t r = 0; r < count; ++r) { // the leaves, found another way, add up to the margins
    std::vector<float> sums(loaded->base);
    for (std::size_t t = 0; t < loaded->trees.size(); ++t)
      for (const auto& n : loaded->trees[t].nodes)
        if (n.leaf() && n.id == leaves[r * plain->trees() + t]) {
          sums[loaded->trees[t].group] += n.value;
          break;
        }
    must(loaded->average || std::memcmp(sums.data(), a.data() + r * sums.size(), sums.size() * sizeof(float)) == 0);
  }
  std::vector<float> shares(count * plain->groups() * (features + 1));
  const auto explained = best->contributions(all, shares);
  return must(explained.has_value() || !explained.error().message.empty());
}
