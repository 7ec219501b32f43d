// Should-cost of tube assemblies: RMSLE of k-fold cross-validation by assembly.
//   caterpillar_rmsle FOLDER [FOLDS_RUN [FOLD_SEED [ROUNDS DEPTH RATE MEMBERS]]]
// FOLDER: train_set.csv, tube.csv, bill_of_materials.csv, specs.csv, components.csv and comp_*.csv. All prices of an
// assembly are in one of ten folds; FOLDS_RUN of them are run (10). Prints the published figures beside.
#include "core/clock.hpp"
#include "learn/part_cost.hpp"
#include "wire/table.hpp"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <numbers>
#include <random>
#include <stdexcept>

namespace {

using namespace pricing;
namespace fs = std::filesystem;

struct table {
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;
};

table read_table(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    throw std::runtime_error("cannot open " + path.string());
  }
  const wire::file_bytes bytes{
      {}, std::make_shared<const std::string>(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>())};
  const auto info = wire::inspect_table(bytes).value();
  const auto reader = wire::open_table(bytes, info).value();
  table out;
  out.columns = info.columns;
  for (wire::row_view row; reader->next(row).value();) {
    if (row.number > info.header_row) {
      out.rows.emplace_back(row.cells.begin(), row.cells.end());
      out.rows.back().resize(out.columns.size());
    }
  }
  return out;
}

bool number(const std::string& text, double& v) {
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), v);
  return code == std::errc() && end == text.data() + text.size() && !text.empty();
}

// "length_2" and "length_1" are the same kind of thing.
std::string without_position(std::string name) {
  if (const auto at = name.rfind('_'); at != std::string::npos && at + 2 == name.size() && name[at + 1] <= '9') {
    name.resize(at);
  }
  return name;
}

learn::part_catalog read_catalog(const fs::path& folder) {
  learn::part_catalog out;
  for (const auto& r : read_table(folder / "components.csv").rows) {
    out.components[r[0]].labels = {"name=" + r[1], "component_type_id=" + r[2]};
  }
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string stem = entry.path().stem().string();
    if (!stem.starts_with("comp_")) {
      continue;
    }
    const table t = read_table(entry.path());
    for (const auto& r : t.rows) {
      learn::component& c = out.components[r[0]];
      c.labels.push_back("table=" + stem);
      for (std::size_t i = 1; i < r.size(); ++i) {
        double v = 0;
        if (number(r[i], v)) {
          c.measures.emplace_back(without_position(t.columns[i]), v);
        } else if (!r[i].empty() && r[i] != "NA" && r[i] != "No" && t.columns[i] != "component_type_id") {
          c.labels.push_back(without_position(t.columns[i]) + "=" + r[i]);
        }
      }
    }
  }
  const table tubes = read_table(folder / "tube.csv");
  for (const auto& r : tubes.rows) {
    learn::part& p = out.parts[r[0]];
    double outer = 0, wall = 0, length = 0, bends = 0, radius = 0;
    for (std::size_t i = 1; i < r.size(); ++i) {
      const std::string& name = tubes.columns[i];
      double v = 0;
      if (number(r[i], v)) {
        p.measures.emplace_back(name, v);
        outer = name == "diameter" ? v : outer;
        wall = name == "wall" ? v : wall;
        length = name == "length" ? v : length;
        bends = name == "num_bends" ? v : bends;
        radius = name == "bend_radius" ? v : radius;
      } else {
        p.labels.push_back(name + "=" + r[i]);
        if (name == "end_a" || name == "end_x") {
          p.labels.push_back("end=" + r[i]);
        }
      }
    }
    const double section = std::numbers::pi * wall * std::max(outer - wall, 0.0);
    p.measures.emplace_back("volume", section * length);
    p.measures.emplace_back("section", section);
    p.measures.emplace_back("wall_share", outer > 0 ? wall / outer : 0);
    p.measures.emplace_back("bend_tightness", outer > 0 ? radius / outer : 0);
    p.measures.emplace_back("length_between_bends", length / (bends + 1));
  }
  for (const auto& r : read_table(folder / "bill_of_materials.csv").rows) {
    for (std::size_t i = 1; i + 1 < r.size(); i += 2) {
      double n = 0;
      if (!r[i].empty() && r[i] != "NA") {
        out.parts[r[0]].bill.push_back({r[i], number(r[i + 1], n) ? n : 1});
      }
    }
  }
  for (const auto& r : read_table(folder / "specs.csv").rows) {
    learn::part& p = out.parts[r[0]];
    double count = 0;
    for (std::size_t i = 1; i < r.size(); ++i) {
      if (!r[i].empty() && r[i] != "NA") {
        p.labels.push_back("spec=" + r[i]);
        ++count;
      }
    }
    p.measures.emplace_back("specs", count);
  }
  return out;
}

std::vector<learn::part_quote> read_quotes(const fs::path& folder) {
  std::vector<learn::part_quote> out;
  for (const auto& r : read_table(folder / "train_set.csv").rows) {
    learn::part_quote q;
    q.part = r[0];
    q.supplier = r[1];
    q.on = parse_date(r[2]).value();
    number(r[3], q.annual_usage);
    number(r[4], q.order_min);
    q.bracketed = r[5] == "Yes";
    number(r[6], q.quantity);
    number(r[7], q.unit_cost);
    out.push_back(q);
  }
  return out;
}

} // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: caterpillar_rmsle FOLDER [FOLDS_RUN [FOLD_SEED [ROUNDS DEPTH RATE MEMBERS]]]\n");
    return 2;
  }
  const auto catalog = read_catalog(argv[1]);
  const auto quotes = read_quotes(argv[1]);
  std::printf("%zu prices of assemblies, %zu parts, %zu components\n", quotes.size(), catalog.parts.size(),
              catalog.components.size());
  constexpr int folds = 10;
  const int folds_run = argc > 2 ? std::atoi(argv[2]) : folds;
  std::mt19937_64 random(argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 1);
  learn::part_cost_options o;
  if (argc > 7) {
    o.rounds = std::atoi(argv[4]);
    o.depth = std::atoi(argv[5]);
    o.learning_rate = std::atof(argv[6]);
    o.members = std::atoi(argv[7]);
  }
  std::unordered_map<std::string, int> fold_of;
  for (const auto& q : quotes) {
    fold_of.try_emplace(q.part, static_cast<int>(random() % folds));
  }
  double squares = 0;
  std::size_t n = 0;
  const auto start = std::chrono::steady_clock::now();
  for (int fold = 0; fold < folds_run; ++fold) {
    std::vector<learn::part_quote> known, asked;
    for (const auto& q : quotes) {
      (fold_of[q.part] == fold ? asked : known).push_back(q);
    }
    const auto model = learn::train_part_cost(catalog, known, o).value();
    const auto costs = model.predict(catalog, asked).value();
    double of_fold = 0;
    for (std::size_t i = 0; i < asked.size(); ++i) {
      of_fold += std::pow(std::log1p(costs[i]) - std::log1p(asked[i].unit_cost), 2);
    }
    squares += of_fold;
    n += asked.size();
    std::printf("fold %2d: %zu prices, RMSLE %.4f, so far %.4f, %.0f s\n", fold + 1, asked.size(),
                std::sqrt(of_fold / static_cast<double>(asked.size())), std::sqrt(squares / static_cast<double>(n)),
                std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    std::fflush(stdout);
  }
  const double rmsle = std::sqrt(squares / static_cast<double>(n));
  std::printf("RMSLE %.4f   must <= 0.225 %s   aim <= 0.210 %s   (published: best single team 0.213, random forest "
              "0.240)\n",
              rmsle, rmsle <= 0.225 ? "yes" : "NO", rmsle <= 0.210 ? "yes" : "no");
  return rmsle <= 0.225 ? 0 : 1;
}
