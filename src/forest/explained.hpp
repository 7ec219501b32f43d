#pragma once
// What TreeSHAP by quadrature (explain_loops.hpp) needs of every tree. Private to this folder.
#include "forest/ensemble.hpp"
#include "forest/kernels.hpp"

#include <vector>

namespace pricing::forest {

class explained {
 public:
  // Every split must have a positive cover.
  explicit explained(const ensemble& e);

  explained_tree view(std::size_t tree) const;              // valid as long as this and the ensemble are
  std::size_t scratch() const { return scratch_; }          // floats per lane of the largest tree
  const std::vector<double>& bias() const { return bias_; } // per group: base score and means of the trees

 private:
  struct range {
    std::size_t first_split = 0;
    std::size_t splits = 0;
    std::size_t first_weight = 0;
    std::size_t points = 1;
  };
  void add(const tree& t);

  const ensemble& e_;
  std::vector<explained_split> splits_;
  std::vector<float> weights_;
  std::vector<range> trees_;
  std::vector<double> bias_;
  std::size_t scratch_ = 0;
};

// Whether every split has the cover that contributions weigh by.
bool has_cover(const ensemble& e);

} // namespace pricing::forest
