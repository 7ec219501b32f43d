#pragma once
// What the generated sample is about: the pay items of a road and bridge builder and the companies that bid.
#include <string>
#include <vector>

namespace pricing::operations {

struct demo_item {
  std::string name;
  std::string unit;
  int section;     // order in a proposal: 1 preparation … 6 finishing
  int cost_group;  // 0 general, 1 steel, 2 oil, 3 concrete, 4 labour
  double price;    // US dollars per unit at the usual quantity, at the start
  double quantity; // usual quantity of a project
  double slope;    // d log price / d log quantity
  double spread;   // sigma of log price between bidders
};

// A few hundred items, the frequent ones first.
std::vector<demo_item> demo_catalog();
// Forty names that belong to no company known to us.
std::vector<std::string> demo_supplier_names();

} // namespace pricing::operations
