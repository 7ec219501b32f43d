#include "operations/demo_catalog.hpp"

#include <fmt/format.h>

#include <cmath>
#include <string_view>

namespace pricing::operations {
namespace {

// A family gives one item per size and grade: "{s}" and "{g}" in the name. The price is that of the first size and
// grows with (size / first size) ^ size_power; each further grade costs a tenth more.
struct family {
  std::string_view name;
  std::string_view unit;
  int section;
  int cost_group;
  double price;
  double quantity;
  double slope;
  double spread;
  std::vector<int> sizes = {0};
  double size_power = 1;
  std::vector<std::string_view> grades = {""};
};

// clang-format off
std::vector<family> families() {
  return {
    {"Mobilization", "LSUM", 1, 0, 60'000, 1, 0, 0.35},
    {"Clearing and Grubbing", "Acre", 1, 4, 9'500, 2, -0.22, 0.32},
    {"Pavement, Removal", "Syd", 1, 0, 8.2, 4'000, -0.20, 0.25},
    {"Curb and Gutter, Removal", "Ft", 1, 0, 7.5, 1'500, -0.18, 0.25},
    {"Sidewalk, Removal", "Syd", 1, 0, 11, 700, -0.16, 0.26},
    {"Culvert, Removal, Less than {s} inch", "Ea", 1, 0, 620, 4, -0.14, 0.32, {24, 48}, 0.8},
    {"Tree, Removal, {s} inch to {g} inch", "Ea", 1, 4, 520, 9, -0.12, 0.30, {6, 19, 37}, 0.8, {"18", "36"}},
    {"Excavation, Earth", "Cyd", 2, 0, 9.8, 8'000, -0.21, 0.24},
    {"Embankment, {g}", "Cyd", 2, 0, 8.9, 6'000, -0.19, 0.25, {0}, 1, {"Compacted in Place", "Light Weight Fill", "Reinforced Slope"}},
    {"Excavation, Rock", "Cyd", 2, 0, 46, 500, -0.20, 0.34},
    {"Subgrade Undercutting, Type {g}", "Cyd", 2, 0, 23, 600, -0.15, 0.27, {0}, 1, {"I", "II", "III", "IV"}},
    {"Erosion Control, {g}", "Ft", 2, 0, 2.3, 2'500, -0.12, 0.24, {0}, 1, {"Silt Fence", "Gravel Filter Berm", "Sand and Stone Bag", "Check Dam"}},
    {"Erosion Control, Inlet Protection, {g}", "Ea", 2, 0, 128, 20, -0.08, 0.22, {0}, 1, {"Fabric Drop", "Sediment Trap"}},
    {"Geotextile, {g}", "Syd", 2, 0, 2.1, 3'000, -0.15, 0.24, {0}, 1, {"Separator", "Stabilization", "Liner", "Blanket"}},
    {"Aggregate Base, {s} inch", "Syd", 3, 0, 8.4, 5'500, -0.17, 0.19, {4, 6, 8, 10, 12}, 0.8},
    {"Aggregate Surface Course, {s} inch", "Syd", 3, 0, 9.2, 2'000, -0.15, 0.21, {3, 5, 6}, 0.8},
    {"Open Graded Drainage Course, {s} inch", "Syd", 3, 0, 14, 3'000, -0.16, 0.20, {4, 6}, 0.8},
    {"Underdrain, {g}, {s} inch", "Ft", 3, 0, 6.8, 2'500, -0.17, 0.23, {4, 6, 8}, 0.6, {"Subgrade", "Foundation", "Edge"}},
    {"Pipe, Concrete, Class {g}, {s} inch", "Ft", 3, 3, 62, 260, -0.15, 0.20, {12, 15, 18, 24, 30, 36, 42, 48}, 1.15, {"III", "IV", "V"}},
    {"Pipe, Corrugated Steel, {g}, {s} inch", "Ft", 3, 1, 48, 180, -0.13, 0.22, {12, 18, 24, 36, 48}, 1.05, {"Round", "Arch"}},
    {"Pipe, Polyethylene, {s} inch", "Ft", 3, 2, 39, 240, -0.14, 0.21, {8, 12, 15, 18, 24, 30}, 1.0},
    {"End Section, Concrete, {s} inch", "Ea", 3, 3, 890, 4, -0.06, 0.20, {12, 15, 18, 24, 30, 36}, 0.9},
    {"Drainage Structure, {s} inch dia", "Ea", 3, 3, 2'450, 9, -0.09, 0.21, {24, 48, 60, 72, 84}, 0.9},
    {"Drainage Structure Cover, Type {g}", "Ea", 3, 1, 640, 10, -0.07, 0.19, {0}, 1, {"B", "C", "D", "E", "G", "K", "Q"}},
    {"Drainage Structure, Adjust, Case {g}", "Ea", 3, 4, 590, 12, -0.10, 0.24, {0}, 1, {"1", "2"}},
    {"HMA, {g}", "Ton", 4, 2, 78, 3'200, -0.13, 0.12, {0}, 1, {"Leveling Course", "Base Course", "Wearing Course", "Wearing Course, High Stress", "Approach", "Hand Patching"}},
    {"HMA Surface, Cold Milling, {s} inch", "Syd", 4, 0, 1.9, 20'000, -0.22, 0.20, {1, 2, 3, 4}, 0.35},
    {"Bond Coat, Asphalt Emulsion", "Gal", 4, 2, 3.4, 2'600, -0.10, 0.20},
    {"Joint and Crack Sealing, {g}", "Ft", 4, 2, 1.5, 9'000, -0.17, 0.24, {0}, 1, {"Hot Pour", "Cold Pour", "Overband"}},
    {"Concrete Pavement, {g}, {s} inch", "Syd", 4, 3, 58, 3'400, -0.15, 0.15, {8, 9, 10, 11, 12}, 0.7, {"Nonreinforced", "Reinforced"}},
    {"Concrete Pavement Repair, {s} inch", "Syd", 4, 3, 121, 420, -0.14, 0.19, {8, 9, 10}, 0.6},
    {"Curb and Gutter, Concrete, Detail {g}", "Ft", 4, 3, 24, 1'400, -0.13, 0.16, {0}, 1, {"B1", "B2", "C1", "C2", "D1", "D2", "E4", "F4"}},
    {"Driveway, Nonreinforced Concrete, {s} inch", "Syd", 4, 3, 54, 240, -0.12, 0.18, {6, 7, 8}, 0.7},
    {"Sidewalk, Concrete, {s} inch", "Sft", 4, 3, 6.1, 3'600, -0.12, 0.17, {4, 6, 8}, 0.6},
    {"Sidewalk Ramp, Concrete, {s} inch", "Sft", 4, 3, 9.4, 700, -0.10, 0.19, {4, 6, 7}, 0.6},
    {"Detectable Warning Surface", "Ft", 4, 0, 44, 80, -0.08, 0.18},
    {"Guardrail, Type {g}", "Ft", 4, 1, 21, 1'300, -0.14, 0.14, {0}, 1, {"A", "B", "BD", "T", "TD", "MGS-8"}},
    {"Guardrail Terminal, Type {g}", "Ea", 4, 1, 2'300, 6, -0.05, 0.12, {0}, 1, {"1B", "1T", "2B", "2M", "2T"}},
    {"Guardrail, Removal", "Ft", 4, 4, 2.6, 1'600, -0.19, 0.26},
    {"Steel Reinforcement, {g}", "Lb", 5, 1, 1.25, 26'000, -0.09, 0.16, {0}, 1, {"Plain", "Epoxy Coated", "Stainless"}},
    {"Structural Steel, {g}, Furnish and Fabricate", "Lb", 5, 1, 2.1, 90'000, -0.10, 0.18, {0}, 1, {"Rolled Shape", "Plate", "Mixed", "Box Girder"}},
    {"Structural Steel, {g}, Erect", "Lb", 5, 4, 0.31, 90'000, -0.12, 0.26, {0}, 1, {"Rolled Shape", "Plate", "Mixed", "Box Girder"}},
    {"Bridge Concrete, {g}", "Cyd", 5, 3, 640, 130, -0.14, 0.22, {0}, 1, {"Footing", "Substructure", "Superstructure", "Deck Patch", "Railing"}},
    {"Prestressed Concrete Beam, {s} inch, {g}", "Ft", 5, 3, 260, 420, -0.08, 0.15, {28, 36, 45, 54, 70}, 0.9, {"Furnish", "Erect"}},
    {"Pile, Steel, Furnished and Driven, {s} inch", "Ft", 5, 1, 62, 900, -0.12, 0.18, {10, 12, 14}, 0.9},
    {"Pile, Cast in Place Concrete, {s} inch", "Ft", 5, 3, 55, 800, -0.12, 0.19, {12, 14, 16}, 0.9},
    {"Expansion Joint Device, {g}", "Ft", 5, 1, 310, 90, -0.10, 0.20, {0}, 1, {"Strip Seal", "Modular", "Compression Seal"}},
    {"Hand Chipping, {g}", "Cft", 5, 4, 130, 60, -0.20, 0.32, {0}, 1, {"Deck", "Other Than Deck"}},
    {"Epoxy Overlay", "Syd", 5, 2, 41, 900, -0.16, 0.20},
    {"Riprap, {g}", "Syd", 5, 0, 67, 200, -0.14, 0.24, {0}, 1, {"Plain", "Heavy", "Grouted"}},
    {"Pavement Marking, {g}, {s} inch", "Ft", 6, 2, 0.42, 14'000, -0.14, 0.20, {4, 6, 12, 24}, 0.9, {"Waterborne", "Sprayable Thermoplastic", "Preformed"}},
    {"Pavement Marking, Symbol, {g}", "Ea", 6, 2, 150, 10, -0.10, 0.21, {0}, 1, {"Left Turn Arrow", "Right Turn Arrow", "Through Arrow", "Bike Lane", "Only"}},
    {"Sign, Type {g}", "Sft", 6, 1, 19, 110, -0.09, 0.17, {0}, 1, {"I", "II", "III", "IV"}},
    {"Post, Steel, {s} lb", "Ft", 6, 1, 9.1, 240, -0.10, 0.17, {3, 5}, 0.5},
    {"Conduit, {g}, {s} inch", "Ft", 6, 2, 12, 600, -0.13, 0.22, {1, 2, 3, 4}, 0.5, {"Directional Bore", "Trench"}},
    {"Light Standard, {s} foot", "Ea", 6, 1, 2'700, 10, -0.07, 0.17, {20, 30, 40, 50}, 0.8},
    {"Luminaire, LED, {s} W", "Ea", 6, 0, 610, 12, -0.07, 0.16, {60, 110, 150, 210}, 0.4},
    {"Cable, Copper, {g}, {s} wire", "Ft", 6, 1, 3.4, 1'800, -0.12, 0.19, {1, 2, 3}, 0.8, {"No 6", "No 4", "No 2"}},
    {"Topsoil Surface, {g}, {s} inch", "Syd", 6, 0, 4.9, 4'500, -0.15, 0.22, {3, 4, 6}, 0.5, {"Furnished", "Salvaged"}},
    {"Turf Seeding, Mixture {g}", "Lb", 6, 0, 5.2, 600, -0.14, 0.24, {0}, 1, {"Roadside", "Lawn", "Native", "Wet Ground"}},
    {"Mulch Blanket, {g}", "Syd", 6, 0, 1.7, 4'000, -0.13, 0.22, {0}, 1, {"Standard", "High Velocity"}},
    {"Barricade, Type III, {g}", "Ea", 6, 0, 108, 14, -0.08, 0.18, {0}, 1, {"Furnished", "Operated"}},
    {"Plastic Drum, {g}", "Ea", 6, 0, 19, 120, -0.09, 0.21, {0}, 1, {"Furnished", "Operated"}},
    {"Sign, Portable, Changeable Message, {g}", "Ea", 6, 0, 3'900, 3, -0.06, 0.20, {0}, 1, {"Furnished", "Operated"}},
    {"Flag Control", "LSUM", 6, 4, 14'000, 1, 0, 0.40},
    {"Minor Traffic Devices", "LSUM", 6, 0, 11'000, 1, 0, 0.45},
  };
}
// clang-format on

std::string filled(std::string_view pattern, int size, std::string_view grade) {
  std::string text(pattern);
  if (const auto at = text.find("{s}"); at != std::string::npos)
    text.replace(at, 3, std::to_string(size));
  if (const auto at = text.find("{g}"); at != std::string::npos)
    text.replace(at, 3, grade);
  return text;
}

} // namespace

std::vector<demo_item> demo_catalog() {
  std::vector<demo_item> items;
  const auto all = families();
  // Round by round over the families, so that every family has a frequent item near the front.
  for (std::size_t round = 0, added = 1; added > 0; ++round) {
    added = 0;
    for (const family& f : all) {
      if (round >= f.sizes.size() * f.grades.size())
        continue;
      const int size = f.sizes[round % f.sizes.size()];
      const std::size_t grade = round / f.sizes.size();
      const double relative = f.sizes.front() > 0 ? static_cast<double>(size) / f.sizes.front() : 1;
      const double price = f.price * std::pow(relative, f.size_power) * std::pow(1.1, static_cast<double>(grade));
      items.push_back({filled(f.name, size, f.grades[grade]), std::string(f.unit), f.section, f.cost_group, price,
                       f.quantity / std::sqrt(static_cast<double>(round + 1)), f.slope, f.spread});
      ++added;
    }
  }
  return items;
}

std::vector<std::string> demo_supplier_names() {
  constexpr std::string_view places[] = {"Alder Bend",  "Blue Quarry",   "Cedar Fork",  "Copper Hollow", "Dune Harbor",
                                         "Elm Terrace", "Flint Meadow",  "Granite Run", "Heron Marsh",   "Iron Orchard",
                                         "Juniper Gap", "Kestrel Point", "Larch Basin", "Maple Trestle"};
  constexpr std::string_view trades[] = {"Paving, Inc.", "Contracting Co.", "Bridge Works LLC"};
  std::vector<std::string> names;
  for (const auto trade : trades)
    for (const auto place : places)
      if (names.size() < 40)
        names.push_back(fmt::format("{} {}", place, trade));
  return names;
}

} // namespace pricing::operations
